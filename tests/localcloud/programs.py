"""Small programs, deployed by the engine into a backend that creates every resource."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from localcloud.deployer import engine
from localcloud.deployer.engine import Created, DeploymentFailed, Resource, ResourceFailed
from localcloud.deployer.stack_config import StackConfig

PREAMBLE = """
import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, props=None, opts=None, type_="lab:index:Thing"):
        super().__init__(type_, name, {"made": None, "token": None, **(props or {})}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("lab:index:Group", name, {}, opts)
"""


class Lab:
    """A backend that creates every resource, unless its callback raises."""

    def __init__(self, create: Callable[[Resource], Any] | None = None) -> None:
        self.created: list[str] = []
        self._create = create

    def create(self, resource: Resource) -> Created:
        if self._create is not None:
            self._create(resource)
        self.created.append(resource.name)
        return Created(f"{resource.name}-id", {"made": f"made-{resource.name}", "token": "t0ken"})

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        if token != "lab:index:double":
            raise ResourceFailed("there is no such function")
        return {"result": arguments["value"] * 2, "region": provider.inputs["region"] if provider else "none"}


class Run:
    """Deploys small programs in a directory of their own and records the events."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.events: list[tuple[str, str]] = []

    def __call__(self, program: str, backend: Any = None, config: dict[str, str] | None = None, **options: Any) -> Any:
        (self.directory / "__main__.py").write_text(PREAMBLE + dedent(program))
        return engine.deploy(
            self.directory,
            StackConfig("lab", "dev", config or {}, frozenset(options.pop("secret_keys", ()))),
            backend or Lab(),
            on_event=lambda event, message: self.events.append((event, message)),
            **options,
        )

    def failure(self, program: str, backend: Any = None, config: dict[str, str] | None = None) -> str:
        with pytest.raises(DeploymentFailed) as caught:
            self(program, backend, config)
        return str(caught.value)
