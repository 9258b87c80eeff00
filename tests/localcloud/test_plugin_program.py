"""The whole program through the plugin, with a stand-in for the engine: created, unchanged, changed, deleted."""

from typing import Any

import pulumi

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud import samples
from localcloud.deployer import engine
from localcloud.deployer.engine import Created, Resource
from localcloud.emulator.process import Emulator
from localcloud.plugin.provider import DEFAULTS
from tests.engine.leftovers import leftovers
from tests.fakes.checkout import ROOT
from tests.localcloud.plugin_driver import DIFF_NONE, Driver, Managed, archive, driving


class Stack:
    """A backend that keeps a state, as the engine does, and updates what the plugin says has changed."""

    def __init__(self, emulator: Emulator, driver: Driver) -> None:
        self._emulator, self._driver = emulator, driver
        self.managed: dict[str, Managed] = {}
        self.changed: dict[str, list[str]] = {}

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
        for managed in reversed(self.managed.values()):
            assert self._driver.read(managed), managed.urn
            self._driver.delete(managed)


def _on_the_wire(value: Any) -> Any:
    if isinstance(value, pulumi.FileArchive):
        return archive(value.path)
    if isinstance(value, dict):
        return {key: _on_the_wire(inner) for key, inner in value.items()}
    return [_on_the_wire(item) for item in value] if isinstance(value, list) else value


def test_program_lives_and_leaves_nothing() -> None:
    with Emulator.start() as emulator, driving(emulator) as driver:
        stack = Stack(emulator, driver)
        stack.up()
        assert len(stack.managed) > 90
        assert stack.up() == {}
        changed = stack.up(batchSize=5, cmk=True)
        assert changed["consumer-mapping"] == ["batchSize"]
        assert changed["user-services-records"] == ["serverSideEncryption"]
        assert leftovers(emulator), "the control of what follows"
        stack.destroy()
        assert leftovers(emulator) == {}
