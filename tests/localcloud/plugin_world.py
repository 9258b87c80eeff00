"""What the cases of the plugin are, and what their resources refer to."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from localcloud.emulator.process import Emulator
from tests.localcloud.plugin_driver import Driver, Managed, archive
from tests.localcloud.provided import ALLOW, TRUST

BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"

Inputs = dict[str, Any]


class World:
    """What the resources of the cases refer to, made by the plugin when it is first needed."""

    def __init__(self, emulator: Emulator, driver: Driver, directory: Path):
        self._emulator, self.driver, self._directory = emulator, driver, directory

    def client(self, service: str) -> Any:
        return self._emulator.client(service)

    def code(self, name: str, returned: str = "one") -> dict[str, str]:
        """Return an archive with a function that returns a text."""
        path = self._directory / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("code.py", f"def handler(event, context): return {returned!r}\n")
        return archive(str(path))

    def _make(self, kind: str, inputs: Inputs, name: str = "base") -> Managed:
        return self.driver.create(kind, inputs, name)

    @cached_property
    def role(self) -> Managed:
        role = self._make("iam/role", {"assumeRolePolicy": TRUST})
        policy = ALLOW.replace("sqs:SendMessage", "sqs:*")
        self._make("iam/rolePolicy", {"role": role["name"], "policy": policy})
        return role

    @cached_property
    def function(self) -> Managed:
        return self._make("lambda/function", self.program | {"name": "base-function", "publish": True})

    @property
    def program(self) -> Inputs:
        return {
            "role": self.role["arn"],
            "runtime": "python3.13",
            "handler": "code.handler",
            "code": self.code("base"),
        }

    @cached_property
    def other_function(self) -> Managed:
        return self._make("lambda/function", self.program | {"name": "other-function", "publish": True})

    @cached_property
    def rule(self) -> Managed:
        return self._make("cloudwatch/eventRule", {"name": "base-rule", "scheduleExpression": "rate(1 hour)"})

    @cached_property
    def queue(self) -> Managed:
        return self._make("sqs/queue", {"name": "base-queue", "visibilityTimeoutSeconds": 60})

    @cached_property
    def other_queue(self) -> Managed:
        return self._make("sqs/queue", {"name": "other-queue", "visibilityTimeoutSeconds": 60})

    @cached_property
    def topic(self) -> Managed:
        return self._make("sns/topic", {"name": "base-topic"})

    @cached_property
    def other_topic(self) -> Managed:
        return self._make("sns/topic", {"name": "other-topic"})

    @cached_property
    def group(self) -> Managed:
        return self._make("cloudwatch/logGroup", {"name": "/base"})

    @cached_property
    def other_group(self) -> Managed:
        return self._make("cloudwatch/logGroup", {"name": "/other"})

    @cached_property
    def pool(self) -> Managed:
        return self._make("cognito/userPool", {"name": "base-pool"})

    @cached_property
    def other_pool(self) -> Managed:
        return self._make("cognito/userPool", {"name": "other-pool"})

    @cached_property
    def api(self) -> Managed:
        return self._make("apigateway/restApi", {"name": "base-api"})

    @cached_property
    def other_api(self) -> Managed:
        return self._make("apigateway/restApi", {"name": "other-api"})

    @cached_property
    def path(self) -> Managed:
        return self._make("apigateway/resource", self.of_api | {"parentId": self.root, "pathPart": "base"})

    @cached_property
    def method(self) -> Managed:
        return self._make("apigateway/method", self.of_path | {"authorization": "NONE", "httpMethod": "POST"})

    @cached_property
    def deployment(self) -> Managed:
        return self._make("apigateway/deployment", self.of_api)

    @cached_property
    def stage(self) -> Managed:
        return self._make("apigateway/stage", self.of_api | {"stageName": "base", "deployment": self.deployment.id})

    @property
    def of_api(self) -> Inputs:
        return {"restApi": self.api.id}

    @property
    def of_path(self) -> Inputs:
        return self.of_api | {"resourceId": self.path.id}

    @property
    def root(self) -> str:
        return self.api["rootResourceId"]


Seen = Callable[[World, Managed], Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A resource of a type, and what becomes of it."""

    kind: str
    inputs: Callable[[World], Inputs]
    change: Callable[[World], Inputs] | None = None
    """None: nothing changes in place."""
    seen: Seen | None = None
    """What boto3 sees that the change has changed."""
    then: Any = None
    """What it must see afterwards."""
    replace: Callable[[World], Inputs] | None = None
    """None: nothing replaces it."""


def document(action: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
