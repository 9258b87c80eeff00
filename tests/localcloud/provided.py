"""An emulator whose resources are made by the providers, and what several of their tests make in it."""

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


# The modules of providers that test_provided_services.py is about; test_providers.py is about all others.
SERVICES = {"api", "observability"}


def resource(token: str, inputs: dict[str, Any], provider: Resource | None = None) -> Resource:
    """As much of a resource as a provider may look at."""
    return cast(Resource, SimpleNamespace(type=token, name="sample", inputs=inputs, provider=provider))


class Made(dict[str, Any]):
    """Outputs of one resource, its id among them."""


class Cloud:
    """An emulator whose resources are made by the providers."""

    def __init__(self, emulator: Emulator):
        self.emulator = emulator
        self.providers = Providers(emulator)
        self.made_types: set[str] = set()

    def make(self, token: str, /, **inputs: Any) -> Made:
        created = self.providers.create(resource(token, inputs))
        self.made_types.add(token)
        return Made(created.outputs, id=created.id)

    def not_made(self, *, services: bool) -> set[str]:
        """The types that no test has made yet, of `SERVICES` or of the other modules."""
        modules = {token: type_.create.__module__.rpartition(".")[2] for token, type_ in RESOURCE_TYPES.items()}
        return {token for token, module in modules.items() if (module in SERVICES) is services} - self.made_types


def require_whole_file(request: pytest.FixtureRequest) -> None:
    """Skip a test about what all others of its file have done, when not all of them run."""
    running = {
        item.originalname
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    }
    if running != {name for name in vars(request.module) if name.startswith("test_")}:
        pytest.skip("only when the whole file runs")
