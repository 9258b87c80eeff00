"""Every rule holds for every kind of stack, and every rule is broken by a sabotage that it catches."""

import pickle
from inspect import getmembers, isfunction

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph import (
    alarm_rules,
    api_rules,
    board_reading_rules,
    board_rules,
    board_sabotages,
    destroy_rules,
    graph_rules,
    graph_sabotages,
    owner_rules,
    probe_rules,
    probe_sabotages,
)
from tests.graph.graph_rules import Rule
from tests.graph.sabotage import Sabotage


def is_rule(value: object) -> bool:
    return (
        isfunction(value)
        and list(value.__annotations__) == ["graph", "return"]
        and "Iterator[str]" in str(value.__annotations__["return"])
    )


MODULES = (
    graph_rules,
    api_rules,
    alarm_rules,
    board_rules,
    board_reading_rules,
    destroy_rules,
    owner_rules,
    probe_rules,
)
RULES = {name: rule for module in MODULES for name, rule in getmembers(module, is_rule)}
SABOTAGES = {
    "dev_graph": graph_sabotages.SABOTAGES + board_sabotages.SABOTAGES,
    "extended_graph": graph_sabotages.FULL_SABOTAGES,
    "prod_graph": graph_sabotages.KEY_SABOTAGES + graph_sabotages.DESTROY_SABOTAGES + probe_sabotages.SABOTAGES,
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("stack", SABOTAGES)
def test_rule_holds(rule: Rule, stack: str, request: pytest.FixtureRequest) -> None:
    assert list(rule(request.getfixturevalue(stack))) == []


PICKLED: dict[str, bytes] = {}


def copy_of(stack: str, request: pytest.FixtureRequest) -> Graph:
    """A recorded graph that a sabotage may change; a deep copy takes seven times as long."""
    if stack not in PICKLED:
        PICKLED[stack] = pickle.dumps(request.getfixturevalue(stack))
    return pickle.loads(PICKLED[stack])


@pytest.mark.parametrize(
    ("stack", "rule", "sabotage"),
    [(stack, *pair) for stack, found in SABOTAGES.items() for pair in found],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_rule_catches_sabotage(rule: Rule, sabotage: Sabotage, stack: str, request: pytest.FixtureRequest) -> None:
    graph = copy_of(stack, request)
    sabotage(graph)
    assert list(rule(graph))


def test_every_rule_has_a_sabotage() -> None:
    assert RULES.keys() == {rule.__name__ for found in SABOTAGES.values() for rule, _ in found}


def test_boards_draw_something(dev_graph: Graph) -> None:
    assert len(list(board_rules.drawn_metrics(dev_graph))) > 100
