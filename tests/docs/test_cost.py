"""The page of costs is what the program would deploy, times the prices stated."""

import copy

import pytest

from localcloud.deployer.recorder import Graph, record
from tools.cost import DOCUMENT, PRICES, TRAFFIC, document, moving, standing


@pytest.fixture(scope="module")
def graphs(dev_graph: Graph, prod_graph: Graph) -> dict[str, Graph]:
    full = record("dev", {"monitoring": "full", "alarmEmail": "oncall@example.com"})
    return {"dev, essential": dev_graph, "dev, full": full, "prod, full": prod_graph}


def test_the_page_is_up_to_date(graphs: dict[str, Graph]) -> None:
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
def test_one_resource_less_is_noticed(type_: str, graphs: dict[str, Graph]) -> None:
    fewer = copy.deepcopy(graphs["prod, full"])
    fewer.resources.remove(fewer.of_type(type_)[0])
    assert document(graphs | {"prod, full": fewer}) != document(graphs)


def test_an_alarm_is_paid_per_metric(dev_graph: Graph) -> None:
    one = Graph([dev_graph.one("aws:cloudwatch/metricAlarm:MetricAlarm", "ingest-down")], {}, set())
    assert next(item.quantity for item in standing(one)) == 4


def test_every_price_is_of_something(prod_graph: Graph) -> None:
    items = [*standing(prod_graph), *moving(prod_graph, TRAFFIC["5 a minute"])]
    assert {item.price for item in items} == set(PRICES)
