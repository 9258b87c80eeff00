"""What publishes versions of the functions, what keeps them warm, and who moves the alias."""

import copy
from typing import Any

import pytest

from components.monitoring.signals import Board
from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.api_rules import invoked_by_its_routes_alone
from tests.graph.changes import changes, taken_out
from tests.graph.graph_rules import callers_name_the_alias, ready_before_traffic
from tests.graph.sabotage import put

# Settings that change neither code nor configuration of a function.
UNRELATED: dict[str, Any] = {
    "queryProvisionedConcurrency": 2,
    "reservedConcurrency": 5,
    "batchSize": 5,
    "logRetentionDays": 30,
    "apiClients": ["another-client"],
    "alarmEmail": "oncall@example.com",
    "versionsKept": 9,
}
RELEASE = "inputs.environment.variables.RELEASE"
FUNCTIONS = ("event-handler-function", "query-function")


@pytest.fixture(scope="module")
def unrelated_graph() -> Graph:
    return record("dev", UNRELATED)


def test_warm_environments_are_those_of_the_live_version(unrelated_graph: Graph) -> None:
    for rule in (callers_name_the_alias, invoked_by_its_routes_alone, ready_before_traffic):
        assert list(rule(unrelated_graph)) == []
    assert unrelated_graph.one(aws.PROVISIONED).inputs["provisionedConcurrentExecutions"] == 2
    graph = copy.deepcopy(unrelated_graph)
    put(aws.PROVISIONED, None, "qualifier", "1")(graph)
    assert list(callers_name_the_alias(graph)), "the control"


def test_switching_warm_environments_off_takes_out_no_input(dev_graph: Graph, unrelated_graph: Graph) -> None:
    assert taken_out(dev_graph, unrelated_graph) == set()


def test_setting_that_concerns_no_function_publishes_no_version(dev_graph: Graph, unrelated_graph: Graph) -> None:
    found = changes(dev_graph, unrelated_graph)
    # A published version has no reserved concurrency.
    assert {change for change in found if change[0] in FUNCTIONS} == {
        ("event-handler-function", "inputs.reservedConcurrentExecutions")
    }
    assert ("consumer-mapping", "inputs.batchSize") in found, "the control: the settings do change something"


def test_change_of_one_function_publishes_both(dev_graph: Graph) -> None:
    found = {change for change in changes(dev_graph, record("dev", {"queryMemoryMb": 1024})) if change[0] in FUNCTIONS}
    assert found == {("query-function", "inputs.memorySize")} | {(function, RELEASE) for function in FUNCTIONS}


def test_operator_moves_the_alias_of_a_gradual_release(dev_graph: Graph) -> None:
    gradual = record("dev", {"release": "gradual", "versionsKept": 7})
    assert [alias.ignore_changes for alias in gradual.of_type(aws.ALIAS)] == [["functionVersion", "routingConfig"]] * 2
    assert [alias.ignore_changes for alias in dev_graph.of_type(aws.ALIAS)] == [[], []]
    assert list(callers_name_the_alias(gradual)) == [], "the first deployment has a live version"
    assert (gradual.outputs["release"], gradual.outputs["versionsKept"]) == ("gradual", 7)
    assert (dev_graph.outputs["release"], dev_graph.outputs["versionsKept"]) == ("immediate", 5)
    monitored = {"event-handler-canary", "query-canary", *(f"monitoring-{board}" for board in Board)}
    changed = {name for name, _ in changes(dev_graph, gradual)}
    assert changed == {"outputs", *monitored}, "no function is published again"
