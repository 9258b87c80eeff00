"""Recorded alarms: the inputs of `MetricAlarm` and `CompositeAlarm`, parsed strictly.

An unknown input is an error, because an alarm evaluated without it would be a different alarm.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from components.durations import SECONDS_PER_DAY
from localcloud.cloudwatch import composites, expressions
from localcloud.cloudwatch.composites import Rule
from localcloud.cloudwatch.expressions import Expression
from localcloud.cloudwatch.metrics import MetricKey, Statistic
from localcloud.cloudwatch.states import MissingData, State

METRIC_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE_ALARM = "aws:cloudwatch/compositeAlarm:CompositeAlarm"

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
METRICS_MAX = 10
_LONG_PERIOD_SECONDS = 3_600

_NOTIFYING = {"actionsEnabled", "alarmActions", "okActions", "insufficientDataActions"}
_DESCRIPTIVE = {"alarmDescription", "tags", "region", "name", "alarmName"}
_METRIC_ALARM_INPUTS = (
    _NOTIFYING
    | _DESCRIPTIVE
    | {"comparisonOperator", "threshold", "evaluationPeriods", "datapointsToAlarm", "treatMissingData", "period"}
    | {"namespace", "metricName", "dimensions", "statistic", "extendedStatistic", "metricQueries"}
    | {"evaluateLowSampleCountPercentiles", "warmUpConfiguration"}
)
_COMPOSITE_ALARM_INPUTS = _NOTIFYING | _DESCRIPTIVE | {"alarmRule", "actionsSuppressor"}


class AlarmError(ValueError):
    """An alarm that CloudWatch would reject, or that uses something this evaluator does not support."""


class Recorded(Protocol):
    """A recorded resource: its type token, and its inputs."""

    type: str
    inputs: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Actions:
    """The topics notified of each state."""

    enabled: bool = True
    by_state: Mapping[State, tuple[str, ...]] = field(default_factory=dict)

    def topics(self, state: State) -> tuple[str, ...]:
        """The ARNs notified of a change to `state`."""
        return self.by_state.get(state, ()) if self.enabled else ()


@dataclass(frozen=True, kw_only=True)
class AlarmMetric:
    """A metric of an alarm, with its ID in the alarm's expression."""

    id: str
    key: MetricKey
    statistic: Statistic


@dataclass(frozen=True, kw_only=True)
class MetricAlarm:
    """An alarm on a metric, or on an expression over several metrics."""

    name: str
    metrics: tuple[AlarmMetric, ...]
    expression: Expression
    period_seconds: int
    periods: int
    datapoints: int
    comparison: str
    threshold: float
    missing_data: MissingData | None
    ignores_low_samples: bool
    warm_up_minutes: int
    """Minutes after its creation before it is evaluated, unless data fills its periods earlier."""
    actions: Actions

    def breaches(self, value: float) -> bool:
        """Whether a data point breaches the threshold."""
        return COMPARISONS[self.comparison](value, self.threshold)


@dataclass(frozen=True, kw_only=True)
class Suppressor:
    """The alarm that suppresses the actions of a composite alarm, with its wait and extension periods."""

    alarm: str
    wait_seconds: int
    extension_seconds: int


@dataclass(frozen=True, kw_only=True)
class CompositeAlarm:
    """An alarm on the states of other alarms."""

    name: str
    rule: Rule
    suppressor: Suppressor | None
    actions: Actions

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The names of the alarms whose states it reads."""
        return *self.rule.alarms, *([self.suppressor.alarm] if self.suppressor else [])


Alarm = MetricAlarm | CompositeAlarm


def read_alarms(resources: Iterable[Recorded]) -> list[Alarm]:
    """Every alarm among recorded resources; AlarmError for an alarm that cannot be evaluated as CloudWatch would."""
    alarms: list[Alarm] = []
    for resource in resources:
        if resource.type == METRIC_ALARM:
            alarms.append(metric_alarm(resource.inputs))
        elif resource.type == COMPOSITE_ALARM:
            alarms.append(composite_alarm(resource.inputs))
    names = [alarm.name for alarm in alarms]
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        raise AlarmError(f"{', '.join(duplicates)}: a second alarm of the same name would silently overwrite the first")
    for alarm in alarms:
        if isinstance(alarm, CompositeAlarm) and (unknown := set(alarm.depends_on).difference(names)):
            raise AlarmError(f"{alarm.name} depends on {', '.join(sorted(unknown))}, which is not among the alarms")
    return alarms


def metric_alarm(inputs: Mapping[str, Any]) -> MetricAlarm:
    """The alarm with these inputs; AlarmError if it cannot be evaluated as CloudWatch would."""
    name = inputs["name"]
    _reject_unknown(name, inputs, _METRIC_ALARM_INPUTS)
    periods = inputs["evaluationPeriods"]
    if inputs["comparisonOperator"] not in COMPARISONS:
        raise AlarmError(f"{name}: comparison {inputs['comparisonOperator']} is not supported")
    try:
        metrics, expression, period = _from_queries(inputs) if inputs.get("metricQueries") else _from_metric(inputs)
    except ValueError as error:
        raise AlarmError(f"{name}: {error}") from None
    longest = 7 * SECONDS_PER_DAY if period >= _LONG_PERIOD_SECONDS else SECONDS_PER_DAY
    if period % 60 or not 0 < period * periods <= longest:
        raise AlarmError(f"{name}: {periods} periods of {period} s; use whole minutes and at most {longest} s in all")
    return MetricAlarm(
        name=name,
        metrics=metrics,
        expression=expression,
        period_seconds=period,
        periods=periods,
        datapoints=inputs.get("datapointsToAlarm") or periods,
        comparison=inputs["comparisonOperator"],
        threshold=float(inputs["threshold"]),
        missing_data=MissingData(inputs["treatMissingData"]) if inputs.get("treatMissingData") else None,
        ignores_low_samples=inputs.get("evaluateLowSampleCountPercentiles") == "ignore",
        warm_up_minutes=_warm_up(name, inputs.get("warmUpConfiguration") or {}),
        actions=_actions(inputs),
    )


def _from_metric(inputs: Mapping[str, Any]) -> tuple[tuple[AlarmMetric, ...], Expression, int]:
    stat = inputs.get("statistic") or inputs["extendedStatistic"]
    metric = AlarmMetric(id="value", key=_key(inputs), statistic=Statistic.parse(stat))
    return (metric,), expressions.parse("value", {"value"}), inputs["period"]


def _from_queries(inputs: Mapping[str, Any]) -> tuple[tuple[AlarmMetric, ...], Expression, int]:
    metrics = [query for query in inputs["metricQueries"] if query.get("metric")]
    results = [query for query in inputs["metricQueries"] if query.get("expression")]
    returned = [query for query in inputs["metricQueries"] if query.get("returnData")]
    if len(results) != 1 or returned != results:
        raise AlarmError("exactly one query, an expression over metrics, must return data")
    if len(metrics) > METRICS_MAX:
        raise AlarmError(f"{len(metrics)} metrics; metric math takes at most {METRICS_MAX}")
    (period, *others) = {query["metric"]["period"] for query in metrics}
    if others:
        raise AlarmError("its metrics have different periods; an alarm has one period")
    alarm_metrics = tuple(
        AlarmMetric(id=query["id"], key=_key(query["metric"]), statistic=Statistic.parse(query["metric"]["stat"]))
        for query in metrics
    )
    return alarm_metrics, expressions.parse(results[0]["expression"], {metric.id for metric in alarm_metrics}), period


def _warm_up(name: str, inputs: Mapping[str, Any]) -> int:
    _reject_unknown(name, inputs, {"warmUpPeriodDurationInMinutes"})
    return inputs.get("warmUpPeriodDurationInMinutes") or 0


def _key(inputs: Mapping[str, Any]) -> MetricKey:
    return MetricKey.of(inputs["namespace"], inputs["metricName"], inputs.get("dimensions"))


def composite_alarm(inputs: Mapping[str, Any]) -> CompositeAlarm:
    """The composite alarm with these inputs; AlarmError if it cannot be evaluated as CloudWatch would."""
    name = inputs["alarmName"]
    _reject_unknown(name, inputs, _COMPOSITE_ALARM_INPUTS)
    suppressor = inputs.get("actionsSuppressor")
    try:
        rule = composites.parse_rule(inputs["alarmRule"])
    except ValueError as error:
        raise AlarmError(f"{name}: {error}") from None
    return CompositeAlarm(
        name=name,
        rule=rule,
        suppressor=Suppressor(
            alarm=composites.alarm_name(suppressor["alarm"]),
            wait_seconds=suppressor["waitPeriod"],
            extension_seconds=suppressor["extensionPeriod"],
        )
        if suppressor
        else None,
        actions=_actions(inputs),
    )


def _actions(inputs: Mapping[str, Any]) -> Actions:
    return Actions(
        enabled=inputs.get("actionsEnabled", True),
        by_state={
            State.ALARM: tuple(inputs.get("alarmActions") or ()),
            State.OK: tuple(inputs.get("okActions") or ()),
            State.INSUFFICIENT_DATA: tuple(inputs.get("insufficientDataActions") or ()),
        },
    )


def _reject_unknown(name: str, inputs: Mapping[str, Any], known: set[str]) -> None:
    if unknown := {key for key, value in inputs.items() if value is not None} - known:
        raise AlarmError(f"{name} sets {', '.join(sorted(unknown))}, which is not supported")
