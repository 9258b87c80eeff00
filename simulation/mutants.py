"""Mutation testing of alarms: versions that are wrong in a way that a review would miss. A proof must reject them."""

from collections.abc import Iterator
from dataclasses import replace

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, MetricAlarm
from localcloud.cloudwatch.composites import parse_rule
from localcloud.cloudwatch.metrics import MetricKey

FACTOR = 10


def mutants(alarm: Alarm) -> Iterator[tuple[str, Alarm]]:
    """Two wrong versions of the alarm, each with a description."""
    if isinstance(alarm, MetricAlarm):
        yield "threshold ten times off", replace(alarm, threshold=_wrong_threshold(alarm))
        metrics = tuple(replace(metric, key=_wrong_dimensions(metric.key)) for metric in alarm.metrics)
        yield "wrong dimension", replace(alarm, metrics=metrics)
        return
    yield "never holds", _with_rule(alarm, f"({alarm.rule.text}) AND FALSE")
    yield "holds when it should not", _with_rule(alarm, f"NOT ({alarm.rule.text})")


def _wrong_threshold(alarm: MetricAlarm) -> float:
    is_upper = alarm.comparison.startswith("Greater")
    if alarm.threshold == 0:
        # Multiplying would not change zero.
        return float(FACTOR if is_upper else -FACTOR)
    return alarm.threshold * FACTOR if is_upper else alarm.threshold / FACTOR


def _wrong_dimensions(key: MetricKey) -> MetricKey:
    return MetricKey.of(key.namespace, key.name, {name: f"{value}-x" for name, value in key.dimensions})


def _with_rule(alarm: CompositeAlarm, text: str) -> CompositeAlarm:
    return replace(alarm, rule=parse_rule(text))
