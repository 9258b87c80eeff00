"""docs/cost.md is what the program would deploy, multiplied by the stated prices."""

import copy

import pytest

from localcloud.deployer.recorder import Graph, record
from simulation.conditions import A_MINUTE, A_SECOND, LEVELS
from tests.graph import resource_types as aws
from tools.bill import Item, fixed, of_probe, total, variable
from tools.cost import DOCUMENT, document
from tools.log_bytes import OwnBytes
from tools.prices import PRICES, cost


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


def test_first_requests_of_a_month_cost_more() -> None:
    assert cost(333, "million API requests") == pytest.approx(333 * 3.5)
    assert cost(1_500, "million API requests") == pytest.approx(333 * 3.5 + 667 * 2.8 + 500 * 2.38)


@pytest.mark.parametrize("price", ["log GB", "thousand tokens"])
def test_price_is_used_no_further_than_it_was_entered(price: str) -> None:
    with pytest.raises(ValueError, match="a volume discount begins"):
        cost(20_000, price)


def quantities(graph: Graph, per_second: float, own: OwnBytes | None = None) -> dict[str, float]:
    items = variable(graph, per_second, own) if own else variable(graph, per_second)
    return {item.name: item.quantity for item in items}


def test_rare_calls_start_an_environment_each(prod_graph: Graph) -> None:
    rare, frequent, busy = (quantities(prod_graph, level.per_second)["functions: starts"] for level in LEVELS)
    # 3,650 batches and as many queries of a gigabyte, half a second each; then one environment each, every two hours.
    assert (rare, frequent) == pytest.approx((3_650, 365))
    assert frequent < busy < rare * 2


def test_lines_and_traces_follow_the_stack(prod_graph: Graph) -> None:
    def sabotaged(type_: str, key: str, value: object) -> dict[str, float]:
        graph = copy.deepcopy(prod_graph)
        for resource in graph.of_type(type_):
            inputs = resource.inputs
            (inputs["loggingConfig"] if key == "systemLogLevel" else inputs)[key] = value
        return quantities(graph, A_SECOND.per_second)

    usual = quantities(prod_graph, A_SECOND.per_second)
    more = sabotaged(aws.FUNCTION, "systemLogLevel", "INFO")
    assert more["logs: ingested"] > 1.5 * usual["logs: ingested"]
    assert more["logs: scanned by boards"] > usual["logs: scanned by boards"]
    assert sabotaged(aws.SAMPLING_RULE, "fixedRate", 0.05)["traces"] > 3 * usual["traces"]


def test_monitoring_is_a_tenth_of_the_bill_of_a_busy_stack(prod_graph: Graph) -> None:
    def share(bill: list[Item]) -> float:
        return total(bill, monitoring=True) / total(bill)

    per_second = A_SECOND.per_second
    assert share(variable(prod_graph, per_second) + fixed(prod_graph)) <= 0.10
    more = OwnBytes(batch_of_1=1_000, batch_of_10=300, query=250)
    assert share(variable(prod_graph, per_second, more) + fixed(prod_graph)) > 0.10, "the control"
