"""Versions and the alias under the real Pulumi engine: published, live, moved by hand, moved by the operator."""

import json
from typing import Any

import pytest

from components.monitoring.signals import Board
from handlers.vocabulary import LIVE_ALIAS
from tools.terminal import Step, Terminal

FUNCTION, ALIAS = "aws:lambda/function:Function", "aws:lambda/alias:Alias"
SERVICES = ("event-handler", "query")
UPDATES = {Step("update", ALIAS, f"{service}-alias") for service in SERVICES}
PUBLISHED_AND_LIVE = UPDATES | {Step("update", FUNCTION, f"{service}-function") for service in SERVICES}
# What names the newest version: the alarms on it, and the boards with their graphs.
CANARY = {Step("update", "aws:cloudwatch/metricAlarm:MetricAlarm", f"{service}-canary") for service in SERVICES} | {
    Step("update", "aws:cloudwatch/dashboard:Dashboard", f"monitoring-{board}") for board in Board
}
EDIT = ("handlers/fold.py", '"""', '"""Edited. ')


class Functions:
    """The functions of the deployed stack."""

    def __init__(self, terminal: Terminal):
        self.client = terminal.account.client("lambda")
        self.names = json.loads(terminal.pulumi("stack output", "--json"))["functions"]

    def live(self) -> dict[str, str]:
        return {service: self._alias(service)["FunctionVersion"] for service in SERVICES}

    def weights(self) -> list[dict[str, float]]:
        routing = [self._alias(service).get("RoutingConfig", {}) for service in SERVICES]
        return [held.get("AdditionalVersionWeights", {}) for held in routing]

    def newest(self) -> dict[str, str]:
        return {service: self._versions(service)[-1]["Version"] for service in SERVICES}

    def of_release(self, release: str) -> dict[str, list[str]]:
        """Return the versions with a value of RELEASE, which pairs those that were deployed together."""
        return {
            service: [
                version["Version"]
                for version in self._versions(service)
                if version["Environment"]["Variables"]["RELEASE"] == release
            ]
            for service in SERVICES
        }

    def release(self) -> str:
        (release,) = {self._versions(service)[-1]["Environment"]["Variables"]["RELEASE"] for service in SERVICES}
        return release

    def codes(self, service: str) -> list[str]:
        """Return the digest of the code of each version."""
        return [version["CodeSha256"] for version in self._versions(service)]

    def move(self, versions: dict[str, str], **more: Any) -> None:
        """Move both aliases, as a rollback or a release does."""
        for service, version in versions.items():
            self.client.update_alias(FunctionName=self.names[service], Name=LIVE_ALIAS, FunctionVersion=version, **more)

    def _alias(self, service: str) -> dict[str, Any]:
        return self.client.get_alias(FunctionName=self.names[service], Name=LIVE_ALIAS)

    def _versions(self, service: str) -> list[dict[str, Any]]:
        found = self.client.list_versions_by_function(FunctionName=self.names[service])["Versions"]
        return [version for version in found if version["Version"] != "$LATEST"]


@pytest.fixture(scope="module")
def functions(deployed: Terminal) -> Functions:
    return Functions(deployed)


def following(versions: dict[str, str]) -> dict[str, str]:
    return {service: str(int(version) + 1) for service, version in versions.items()}


def test_edit_of_a_handler_publishes_one_version_of_each_function_and_moves_both_aliases(
    deployed: Terminal, functions: Functions
) -> None:
    before, release = functions.live(), functions.release()
    assert before == functions.newest() == {"event-handler": "1", "query": "1"}
    with deployed.edited(*EDIT):
        assert set(deployed.plan()) == PUBLISHED_AND_LIVE
        assert deployed.up() == {"update": len(PUBLISHED_AND_LIVE)}
        assert functions.live() == functions.newest() == following(before)
        assert functions.release() != release
        assert functions.of_release(functions.release()) == {service: ["2"] for service in SERVICES}
    deployed.up()
    assert functions.of_release(release) == {service: ["1", "3"] for service in SERVICES}
    for service in SERVICES:
        first, second, third = functions.codes(service)
        assert first == third != second
    assert functions.live() == functions.newest() == {"event-handler": "3", "query": "3"}


def test_change_of_one_function_publishes_both(deployed: Terminal, functions: Functions) -> None:
    before = functions.live()
    with deployed.settings(queryMemoryMb=1024):
        deployed.up()
        assert functions.live() == functions.newest() == following(before)
    deployed.up()


def test_change_that_concerns_no_function_publishes_nothing(deployed: Terminal, functions: Functions) -> None:
    before = functions.newest()
    with deployed.settings(batchSize=5, reservedConcurrency=5, alarmEmail="oncall@example.com"):
        planned = deployed.plan()
        assert Step("update", FUNCTION, "event-handler-function") in planned, "reserved concurrency is no version's"
        assert not UPDATES & set(planned)
        deployed.up()
    assert functions.newest() == functions.live() == before
    deployed.up()
    assert functions.newest() == functions.live() == before


def test_refresh_alone_shows_a_rollback_and_takes_it_back(deployed: Terminal, functions: Functions) -> None:
    newest = functions.newest()
    functions.move({"event-handler": "1", "query": "1"})
    assert deployed.plan() == [], "the state of the engine still names the newest version"
    assert deployed.up() == {}
    assert functions.live() == {"event-handler": "1", "query": "1"}
    assert set(deployed.plan("--refresh")) == UPDATES
    deployed.up("--refresh")
    assert functions.live() == newest


def test_next_deployment_after_a_rollback_is_live(deployed: Terminal, functions: Functions) -> None:
    newest = functions.newest()
    functions.move({"event-handler": "1", "query": "1"})
    with deployed.edited(*EDIT):
        deployed.up()
        assert functions.live() == functions.newest() == following(newest)
    deployed.up()


def test_gradual_deployment_publishes_and_leaves_the_alias_to_the_operator(
    deployed: Terminal, functions: Functions
) -> None:
    before = functions.live()
    with deployed.settings(release="gradual"):
        deployed.up()
        with deployed.edited(*EDIT):
            assert set(deployed.plan()) == PUBLISHED_AND_LIVE - UPDATES | CANARY
            deployed.up()
            assert (functions.live(), functions.newest()) == (before, following(before))
            for service, version in functions.newest().items():
                weights = {"AdditionalVersionWeights": {version: 0.1}}
                functions.move({service: before[service]}, RoutingConfig=weights)
            canary = functions.weights()
            assert all(canary)
            assert deployed.plan() == deployed.plan("--refresh") == []
            deployed.up("--refresh")
            assert (functions.live(), functions.weights()) == (before, canary)
            functions.move(functions.newest(), RoutingConfig={})
            assert deployed.plan("--refresh") == []
    deployed.up("--refresh")
    assert functions.live() == functions.newest(), "immediate again"
    assert functions.weights() == [{}, {}]
