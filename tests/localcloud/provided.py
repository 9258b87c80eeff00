"""An emulator whose resources the providers create, and helpers of their tests."""

import json
import sys
from collections import ChainMap
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from localcloud import lifetime
from localcloud.deployer.engine import Resource
from localcloud.emulator.process import Emulator
from localcloud.providers import Providers

TRUST, ALLOW = (
    json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})
    for statement in (
        {"Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
        {"Action": "sqs:SendMessage", "Resource": "*"},
    )
)


def resource(token: str, inputs: dict[str, Any], provider: Resource | None = None) -> Resource:
    """Return the parts of a resource that a provider may read."""
    return cast(Resource, SimpleNamespace(type=token, name="sample", inputs=inputs, provider=provider))


class Made(dict[str, Any]):
    """The outputs and the ID of a created resource."""


class Cloud:
    """An emulator whose resources the providers create."""

    def __init__(self, emulator: Emulator):
        self.emulator = emulator
        self.providers = Providers(emulator)

    def make(self, kind: str, /, *groups: dict[str, Any], **inputs: Any) -> Made:
        """Create a resource of a type such as `sqs/queue`, which Pulumi calls `aws:sqs/queue:Queue`."""
        name = kind.rpartition("/")[2]
        token = f"aws:{kind}:{name[0].upper()}{name[1:]}"
        created = self.providers.create(resource(token, dict(ChainMap(inputs, *groups))))
        return Made(created.outputs, id=created.id)


@contextmanager
def unplugged(seam: str) -> Iterator[Emulator]:
    """Yield an emulator whose process has started without one function of `seams`, as a control."""
    program = f"""
import runpy
from localcloud.emulator import seams
assert callable(seams.{seam})
seams.{seam} = lambda: None
runpy.run_module("localcloud.emulator.server", run_name="__main__")
"""
    spawn = lifetime.spawn

    def without_seam(command: list[str], **options: Any) -> Any:
        return spawn([sys.executable, "-c", program, *command[3:]], **options)

    with patch.object(lifetime, "spawn", without_seam):
        emulator = Emulator.start()
    with emulator:
        yield emulator
