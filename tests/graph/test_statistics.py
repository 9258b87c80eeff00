"""Metrics of which the functions write only a sum or a maximum are read as nothing else, on boards and in alarms."""

from collections.abc import Iterator

import pytest

from handlers.metrics import EACH_VALUE
from handlers.vocabulary import METRICS_NAMESPACE, MetricName
from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.alarm_rules import watched_by
from tests.graph.board_rules import widgets_of

WHOLE = {name.value for name in EACH_VALUE}


def readings(graph: Graph) -> Iterator[tuple[str, str]]:
    """Every metric of ours that a board or an alarm reads, with its statistic."""
    for alarm in graph.of_type(aws.ALARM):
        for metric in watched_by(alarm):
            if metric["namespace"] == METRICS_NAMESPACE:
                yield metric["metricName"], metric.get("stat") or metric["statistic"]
    for _, widget in widgets_of(graph, "metric"):
        for line in widget["properties"].get("metrics", ()):
            if line[0] == METRICS_NAMESPACE:
                options = line[-1] if isinstance(line[-1], dict) else {}
                yield line[1], options.get("stat") or widget["properties"]["stat"]


def misread(found: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> set[tuple[str, str]]:
    allowed: dict[str, set[str]] = {
        MetricName.FUNCTION_VERSION: {"Maximum", "Minimum"},
        MetricName.RECORD_BYTES: {"Maximum"},
    }
    names = {name.value for name in MetricName} - WHOLE
    return {(name, stat) for name, stat in found if name in names and stat not in allowed.get(name, {"Sum"})}


def test_summed_metrics_are_read_as_sums(extended_graph: Graph):
    found = list(readings(extended_graph))
    assert {name for name, _ in found} & WHOLE
    assert misread(found) == set()


@pytest.mark.parametrize(("name", "stat"), [("QuerySuccess", "SampleCount"), ("RecordBytes", "Average")])
def test_control_number_of_values_of_a_sum_is_caught(name, stat):
    assert misread([(name, stat)]) == {(name, stat)}
