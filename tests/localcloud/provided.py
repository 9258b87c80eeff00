"""An emulator whose resources the providers create, and helpers of their tests."""

import json
from collections import ChainMap
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localcloud.deployer.engine import Resource
from localcloud.emulator.process import Emulator
from localcloud.providers import Providers
from localcloud.providers.inputs import RESOURCE_TYPES

TRUST, ALLOW = (
    json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})
    for statement in (
        {"Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
        {"Action": "sqs:SendMessage", "Resource": "*"},
    )
)
# The provider modules that test_provided_services.py tests; test_providers.py tests the others.
SERVICES = {"api", "observability"}


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
        self.made_types: set[str] = set()

    def make(self, kind: str, /, *groups: dict[str, Any], **inputs: Any) -> Made:
        """Create a resource of a type such as `sqs/queue`, which Pulumi calls `aws:sqs/queue:Queue`."""
        name = kind.rpartition("/")[2]
        token = f"aws:{kind}:{name[0].upper()}{name[1:]}"
        created = self.providers.create(resource(token, dict(ChainMap(inputs, *groups))))
        self.made_types.add(token)
        return Made(created.outputs, id=created.id)

    def not_made(self, *, services: bool) -> set[str]:
        """Return the types of `SERVICES` or of the other modules that no test has created yet."""
        modules = {token: type_.create.__module__.rpartition(".")[2] for token, type_ in RESOURCE_TYPES.items()}
        return {token for token, module in modules.items() if (module in SERVICES) is services} - self.made_types


def require_whole_file(request: pytest.FixtureRequest) -> None:
    """Skip a test that depends on all other tests of its file, when not all of them run."""
    items = (item for item in request.session.items if isinstance(item, pytest.Function))
    running = {item.originalname for item in items if item.path == request.path}
    if running != {name for name in vars(request.module) if name.startswith("test_")}:
        pytest.skip("only when the whole file runs")
