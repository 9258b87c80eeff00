"""The whole program through the plugin, with a stand-in for the engine: created, unchanged, changed, deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud import samples
from localcloud.deployer import engine, recorder
from localcloud.deployer.engine import Created, Resource
from localcloud.emulator.process import Emulator
from localcloud.plugin.provider import DEFAULTS
from tests.engine.leftovers import leftovers
from tests.fakes.checkout import ROOT
from tests.localcloud.deploy_rights import FROM_SOURCE, OF_THE_EMBEDDED_CLOUD, UNPROVEN
from tests.localcloud.deploying_role import ROLE, Deployer
from tests.localcloud.plugin_driver import DIFF_NONE, Driver, Managed, archive, driving
from tools.deploy_policy import Statement, statements

OWN: Statement = {"Sid": "Own", "Effect": "Allow", "Action": sorted(OF_THE_EMBEDDED_CLOUD), "Resource": "*"}


class Stack:
    """A backend that keeps a state, as the engine does, and updates what the plugin says has changed."""

    def __init__(self, emulator: Emulator, driver: Driver) -> None:
        self._emulator, self._driver = emulator, driver
        self.managed: dict[str, Managed] = {}
        self.changed: dict[str, list[str]] = {}
        self._retained: set[str] = set()

    def create(self, resource: Resource) -> Created:
        inputs = _on_the_wire(resource.inputs)
        managed = self.managed.get(resource.urn)
        if managed is None:
            managed = self._driver.create(resource.type.split(":")[1], inputs, resource.name)
        elif (planned := self._driver.diff(managed, inputs)).changes != DIFF_NONE:
            assert not planned.replaces, resource.urn
            self.changed[resource.name] = list(planned.diffs)
            managed = self._driver.update(managed, inputs)
        self.managed[resource.urn] = managed
        if resource.retain_on_delete:
            self._retained.add(resource.urn)
        outputs = managed.state.keys() - inputs.keys() - {DEFAULTS}
        return Created(managed.id, {name: managed.state[name] for name in outputs})

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        account = self._emulator.account_id
        return {"id": account, "accountId": account, "arn": "arn:aws:iam::aws:root", "userId": "deployer"}

    def up(self, **settings: Any) -> dict[str, list[str]]:
        """Deploy stack local, and return the inputs that changed by resource."""
        self.changed = {}
        variables = {TARGET_VARIABLE: HOST, "TMPDIR": str(self._emulator.directory)}
        engine.deploy(ROOT, samples.read(ROOT, "local", settings), self, environment=variables)
        return self.changed

    def destroy(self) -> None:
        for urn, managed in reversed(self.managed.items()):
            assert self._driver.read(managed), managed.urn
            if urn not in self._retained:
                self._driver.delete(managed)


def _on_the_wire(value: Any) -> Any:
    if isinstance(value, pulumi.FileArchive):
        return archive(value.path)
    if isinstance(value, dict):
        return {key: _on_the_wire(inner) for key, inner in value.items()}
    return [_on_the_wire(item) for item in value] if isinstance(value, list) else value


def graph_of(settings: dict[str, Any]) -> recorder.Graph:
    return recorder.record("local", settings)


@dataclass
class Life:
    """What a stack's life did, made by a role that has the policies of `tools.deploy_policy` alone."""

    deployer: Deployer
    statements: list[Statement]
    again: dict[str, list[str]]
    changed: dict[str, list[str]]
    before: dict[str, list[Any]]
    after: dict[str, list[Any]]


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    # With everything that is optional and makes resources of further types.
    settings = {
        "manageApiGatewayAccount": True,
        "queryProvisionedConcurrency": 1,
        "alarmEmail": "oncall@example.com",
        "probe": True,
    }
    changes = settings | {"batchSize": 5, "cmk": True, "permissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess"}
    with Emulator.start() as emulator:
        place = {"account": emulator.account_id, "region": emulator.region, "prefix": "event-processing-local"}
        needed = statements(graph_of(changes), **place)
        deployer = Deployer(emulator, [*needed, OWN])
        with driving(deployer) as driver:
            stack = Stack(emulator, driver)
            stack.up(**settings)
            assert len(stack.managed) > 90
            again = stack.up(**settings)
            changed = stack.up(**changes)
            before = leftovers(emulator)
            stack.destroy()
            yield Life(deployer, needed, again, changed, before, leftovers(emulator))


def test_program_lives_and_leaves_nothing(life: Life) -> None:
    assert life.again == {}
    assert life.changed["consumer-mapping"] == ["batchSize"]
    assert life.changed["user-services-records"] == ["serverSideEncryption"]
    assert len(life.before) > 10, "the control of what follows"
    # Every API of the account uses the role that lets API Gateway write logs.
    roles = sorted(role["RoleName"].rpartition("-")[0] for role in life.after.pop("roles"))
    assert roles == [f"api-gateway-logs-{life.deployer.region}", ROLE.rpartition("-")[0]]
    # A key outlives what it has encrypted: docs/decisions/0014-a-key-outlives-its-data.md.
    assert [key["Description"].partition(" of ")[0] for key in life.after.pop("keys")] == [
        "Data, logs and environments"
    ]
    assert life.after == {}


def test_every_right_of_the_deploying_role_is_needed(life: Life) -> None:
    """The run succeeded with these statements alone; without each of them, AWS would deny one of its requests."""
    superfluous = {statement["Sid"] for statement in life.statements if not is_needed(life, statement)}
    assert superfluous == set(UNPROVEN)
    requested = {request.action for request in life.deployer.requests} - set(OF_THE_EMBEDDED_CLOUD)
    granted = {action for statement in life.statements for action in statement["Action"]}
    assert granted - requested == set(FROM_SOURCE), "of each right that no request needs, FROM_SOURCE has the source"
    assert not requested - granted


def is_needed(life: Life, statement: Statement) -> bool:
    """Whether IAM denies a request of the run without the statement, which it allows with all of them."""
    every = [*life.statements, OWN]
    requests = {(r.method, r.action): r for r in life.deployer.requests if r.action in statement["Action"]}
    life.deployer.allow(every)
    allowed = [request for request in requests.values() if not life.deployer.is_denied(request)]
    life.deployer.allow([kept for kept in every if kept is not statement])
    return any(life.deployer.is_denied(request) for request in allowed)
