"""Stacks can be destroyed and made again, and clients of the API come and go without touching each other."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.program.changes import changes
from tests.program.destroy_rules import keys_can_be_called_back, names_are_free_after_destroy
from tests.program.graph_rules import CLIENT, KEY, LOG_GROUP, QUEUE, TABLE, Rule
from tests.program.sabotage import Sabotage, mark, put
from tests.recorder import Graph, record

RULES: list[Rule] = [names_are_free_after_destroy, keys_can_be_called_back]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("stack", ["dev_graph", "prod_graph", "extended_graph"])
def test_rule_holds(rule: Rule, stack: str, request: pytest.FixtureRequest) -> None:
    assert list(rule(request.getfixturevalue(stack))) == []


@pytest.mark.parametrize(
    ("rule", "sabotage"),
    [
        (names_are_free_after_destroy, mark(QUEUE, "events-source", "type", "aws:secretsmanager/secret:Secret")),
        (names_are_free_after_destroy, mark(LOG_GROUP, "query-log", "retain_on_delete", True)),
        (names_are_free_after_destroy, mark(TABLE, None, "retain_on_delete", True)),
        (keys_can_be_called_back, put(KEY, "encryption-data", "deletionWindowInDays", 7)),
        (keys_can_be_called_back, put(KEY, "monitoring-alerts-key", "deletionWindowInDays", 1)),
        (keys_can_be_called_back, mark(QUEUE, "events-source", "type", "aws:kms/alias:Alias")),
    ],
)
def test_a_sabotage_is_found(rule: Rule, sabotage: Sabotage, prod_graph: Graph) -> None:
    graph = copy.deepcopy(prod_graph)
    sabotage(graph)
    assert list(rule(graph))


@pytest.fixture(scope="module")
def rotation() -> list[Graph]:
    """A stack before and while one of its clients gets other credentials; then without the old ones, reordered."""
    steps = (["portal", "reporting-1"], ["portal", "reporting-1", "reporting-2"], ["reporting-2", "portal"])
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda clients: record("dev", {"apiClients": clients}), steps))


def test_a_client_is_rotated_without_touching_another(rotation: list[Graph]) -> None:
    before, between, after = rotation
    assert changes(before, between) == {("identity-reporting-2", ""), ("outputs", "apiClients.reporting-2")}
    # The order of the names, which differs here too, means nothing.
    assert changes(between, after) == {("identity-reporting-1", ""), ("outputs", "apiClients.reporting-1")}
    assert {one.inputs["name"] for one in after.of_type(CLIENT)} == {"portal", "reporting-2"}
