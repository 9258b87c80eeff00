"""An emulator whose resources the providers create, and helpers of their tests."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localcloud.deployer.engine import Resource
from localcloud.emulator.process import Emulator
from localcloud.providers import Providers
from localcloud.providers.inputs import RESOURCE_TYPES

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
)
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
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

    def make(self, token: str, /, **inputs: Any) -> Made:
        created = self.providers.create(resource(token, inputs))
        self.made_types.add(token)
        return Made(created.outputs, id=created.id)

    def not_made(self, *, services: bool) -> set[str]:
        """Return the types of `SERVICES` or of the other modules that no test has created yet."""
        modules = {token: type_.create.__module__.rpartition(".")[2] for token, type_ in RESOURCE_TYPES.items()}
        return {token for token, module in modules.items() if (module in SERVICES) is services} - self.made_types


def require_whole_file(request: pytest.FixtureRequest) -> None:
    """Skip a test that depends on all other tests of its file, when not all of them run."""
    running = {
        item.originalname
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    }
    if running != {name for name in vars(request.module) if name.startswith("test_")}:
        pytest.skip("only when the whole file runs")
