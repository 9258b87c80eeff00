"""docs/cost.md is what the program would deploy, multiplied by the stated prices."""

import copy

import pytest

from localcloud.deployer.recorder import Graph, record
from simulation.conditions import A_MINUTE
from tests.graph import resource_types as aws
from tools.cost import DOCUMENT, PRICES, document, fixed, of_probe, variable


@pytest.fixture(scope="module")
def graphs(dev_graph: Graph, prod_graph: Graph) -> dict[str, Graph]:
    full = record("dev", {"monitoring": "full", "alarmEmail": "oncall@example.com"})
    return {"dev, essential": dev_graph, "dev, full": full, "prod, full": prod_graph}


def test_document_is_up_to_date(graphs: dict[str, Graph]) -> None:
    assert DOCUMENT.read_text() == document(graphs), "run: python -m tools.cost"


@pytest.mark.parametrize("type_", [aws.ALARM, aws.COMPOSITE, aws.DASHBOARD, aws.CLIENT, aws.KEY])
def test_control_a_missing_resource_changes_the_document(type_: str, graphs: dict[str, Graph]) -> None:
    fewer = copy.deepcopy(graphs["prod, full"])
    # What the probe costs is computed from its client.
    fewer.resources.remove(next(found for found in fewer.of_type(type_) if not found.urn.endswith("::probe-client")))
    assert document(graphs | {"prod, full": fewer}) != document(graphs)


def test_alarm_is_charged_for_each_metric(dev_graph: Graph) -> None:
    graph = Graph([dev_graph.one(aws.ALARM, "ingest-down")], {}, set())
    assert fixed(graph)[0].quantity == 4


def test_every_price_is_used(prod_graph: Graph) -> None:
    items = fixed(prod_graph) + variable(prod_graph, A_MINUTE.per_second) + of_probe(prod_graph)
    assert {item.price for item in items if isinstance(item.price, str)} == set(PRICES)


def test_probe_costs_only_where_there_is_one(dev_graph: Graph, prod_graph: Graph) -> None:
    costs = [{item.name: item.dollars for item in fixed(graph)} for graph in (dev_graph, prod_graph)]
    assert [sum(dollars for name, dollars in bill.items() if "probe" in name) > 0 for bill in costs] == [False, True]
    # Once per validity, of an hour.
    assert of_probe(prod_graph)[0].quantity == pytest.approx(0.73)
