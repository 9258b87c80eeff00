"""docs/cost.md is the deployed resources times the stated prices."""

import copy

import pytest

from localcloud.deployer.recorder import Graph, record
from tools.cost import DOCUMENT, PRICES, TRAFFIC, document, moving, standing


@pytest.fixture(scope="module")
def graphs(dev_graph: Graph, prod_graph: Graph) -> dict[str, Graph]:
    full = record("dev", {"monitoring": "full", "alarmEmail": "oncall@example.com"})
    return {"dev, essential": dev_graph, "dev, full": full, "prod, full": prod_graph}


def test_page_is_up_to_date(graphs: dict[str, Graph]) -> None:
    assert DOCUMENT.read_text() == document(graphs), "run: python -m tools.cost"


@pytest.mark.parametrize(
    "type_",
    [
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:cognito/userPoolClient:UserPoolClient",
        "aws:kms/key:Key",
    ],
)
def test_missing_resource_is_noticed(type_: str, graphs: dict[str, Graph]) -> None:
    fewer = copy.deepcopy(graphs["prod, full"])
    fewer.resources.remove(fewer.of_type(type_)[0])
    assert document(graphs | {"prod, full": fewer}) != document(graphs)


def test_alarm_is_billed_per_metric(dev_graph: Graph) -> None:
    single = Graph([dev_graph.one("aws:cloudwatch/metricAlarm:MetricAlarm", "ingest-down")], {}, set())
    assert next(item.quantity for item in standing(single)) == 4


def test_every_price_is_used(prod_graph: Graph) -> None:
    items = [*standing(prod_graph), *moving(prod_graph, TRAFFIC["5 a minute"])]
    assert {item.price for item in items} == set(PRICES)
