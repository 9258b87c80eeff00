"""Alarms as they were recorded: the inputs of `MetricAlarm` and `CompositeAlarm`, read strictly.

An input that is not understood is refused: an alarm evaluated without it would be another alarm.
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
from localcloud.cloudwatch.states import Missing, State

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
_TOLD = {"alarmDescription", "tags", "region", "name", "alarmName"}
_KNOWN_OF_METRIC_ALARMS = (
    _NOTIFYING
    | _TOLD
    | {"comparisonOperator", "threshold", "evaluationPeriods", "datapointsToAlarm", "treatMissingData", "period"}
    | {"namespace", "metricName", "dimensions", "statistic", "extendedStatistic", "metricQueries"}
    | {"evaluateLowSampleCountPercentiles", "warmUpConfiguration"}
)
_KNOWN_OF_COMPOSITES = _NOTIFYING | _TOLD | {"alarmRule", "actionsSuppressor"}


class AlarmError(ValueError):
    """An alarm that CloudWatch would refuse, or that says something nothing here evaluates."""


class Recorded(Protocol):
    """A recorded resource."""

    @property
    def type(self) -> str:
        """Its type token."""
        ...

    @property
    def inputs(self) -> dict[str, Any]:
        """Its inputs."""
        ...


@dataclass(frozen=True, kw_only=True)
class Actions:
    """Who is told of which state."""

    enabled: bool = True
    by_state: Mapping[State, tuple[str, ...]] = field(default_factory=dict)

    def told(self, state: State) -> tuple[str, ...]:
        """The ARNs that hear of a change to `state`."""
        return self.by_state.get(state, ()) if self.enabled else ()


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One metric an alarm looks at, by the id its expression knows it by."""

    id: str
    key: MetricKey
    statistic: Statistic


@dataclass(frozen=True, kw_only=True)
class MetricAlarm:
    """An alarm on one value: a metric, or an expression over several."""

    name: str
    metrics: tuple[Watched, ...]
    expression: Expression
    period_seconds: int
    periods: int
    datapoints: int
    comparison: str
    threshold: float
    missing: Missing | None
    ignores_low_samples: bool
    warm_up_minutes: int
    """So long after it was made it is not evaluated, unless real data fills its periods before."""
    actions: Actions

    def breaches(self, value: float) -> bool:
        """Whether a data point is on the wrong side of the threshold."""
        return COMPARISONS[self.comparison](value, self.threshold)


@dataclass(frozen=True, kw_only=True)
class Suppressor:
    """The alarm that keeps a composite quiet, and how long to wait for it and after it."""

    alarm: str
    wait_seconds: int
    extension_seconds: int


@dataclass(frozen=True, kw_only=True)
class CompositeAlarm:
    """An alarm on the states of others."""

    name: str
    rule: Rule
    suppressor: Suppressor | None
    actions: Actions


Alarm = MetricAlarm | CompositeAlarm


def read_alarms(resources: Iterable[Recorded]) -> list[Alarm]:
    """Every alarm among recorded resources; AlarmError when one of them could not be evaluated as CloudWatch would."""
    alarms: list[Alarm] = []
    for resource in resources:
        if resource.type == METRIC_ALARM:
            alarms.append(_metric_alarm(resource.inputs))
        elif resource.type == COMPOSITE_ALARM:
            alarms.append(_composite_alarm(resource.inputs))
    names = [alarm.name for alarm in alarms]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AlarmError(f"{', '.join(twice)}: the second alarm of a name would silently overwrite the first")
    for alarm in alarms:
        if isinstance(alarm, CompositeAlarm) and (unknown := _named_by(alarm) - set(names)):
            raise AlarmError(f"{alarm.name} depends on {', '.join(sorted(unknown))}, which is not among the alarms")
    return alarms


def _named_by(alarm: CompositeAlarm) -> set[str]:
    return {*alarm.rule.alarms, *([alarm.suppressor.alarm] if alarm.suppressor else [])}


def _metric_alarm(inputs: Mapping[str, Any]) -> MetricAlarm:
    name = inputs["name"]
    _refuse_unknown(name, inputs, _KNOWN_OF_METRIC_ALARMS)
    periods = inputs["evaluationPeriods"]
    if inputs["comparisonOperator"] not in COMPARISONS:
        raise AlarmError(f"{name}: comparison {inputs['comparisonOperator']} is not evaluated here")
    try:
        metrics, expression, period = _from_queries(inputs) if inputs.get("metricQueries") else _from_metric(inputs)
    except ValueError as error:
        raise AlarmError(f"{name}: {error}") from None
    longest = 7 * SECONDS_PER_DAY if period >= _LONG_PERIOD_SECONDS else SECONDS_PER_DAY
    if period % 60 or not 0 < period * periods <= longest:
        raise AlarmError(f"{name}: {periods} periods of {period} s; whole minutes, and at most {longest} s, are taken")
    return MetricAlarm(
        name=name,
        metrics=metrics,
        expression=expression,
        period_seconds=period,
        periods=periods,
        datapoints=inputs.get("datapointsToAlarm") or periods,
        comparison=inputs["comparisonOperator"],
        threshold=float(inputs["threshold"]),
        missing=Missing(inputs["treatMissingData"]) if inputs.get("treatMissingData") else None,
        ignores_low_samples=inputs.get("evaluateLowSampleCountPercentiles") == "ignore",
        warm_up_minutes=_warm_up(name, inputs.get("warmUpConfiguration") or {}),
        actions=_actions(inputs),
    )


def _from_metric(inputs: Mapping[str, Any]) -> tuple[tuple[Watched, ...], Expression, int]:
    stat = inputs.get("statistic") or inputs["extendedStatistic"]
    metric = Watched(id="value", key=_key(inputs), statistic=Statistic.parse(stat))
    return (metric,), expressions.parse("value", {"value"}), inputs["period"]


def _from_queries(inputs: Mapping[str, Any]) -> tuple[tuple[Watched, ...], Expression, int]:
    metrics = [query for query in inputs["metricQueries"] if query.get("metric")]
    results = [query for query in inputs["metricQueries"] if query.get("expression")]
    returned = [query for query in inputs["metricQueries"] if query.get("returnData")]
    if len(results) != 1 or returned != results:
        raise AlarmError("one expression must return data, and no other query; expressions of expressions are refused")
    if len(metrics) > METRICS_MAX:
        raise AlarmError(f"{len(metrics)} metrics; metric math takes at most {METRICS_MAX}")
    (period, *others) = {query["metric"]["period"] for query in metrics}
    if others:
        raise AlarmError("its metrics have several periods; an alarm takes one")
    watched = tuple(
        Watched(id=query["id"], key=_key(query["metric"]), statistic=Statistic.parse(query["metric"]["stat"]))
        for query in metrics
    )
    return watched, expressions.parse(results[0]["expression"], {metric.id for metric in watched}), period


def _warm_up(name: str, inputs: Mapping[str, Any]) -> int:
    _refuse_unknown(name, inputs, {"warmUpPeriodDurationInMinutes"})
    return inputs.get("warmUpPeriodDurationInMinutes") or 0


def _key(inputs: Mapping[str, Any]) -> MetricKey:
    return MetricKey.of(inputs["namespace"], inputs["metricName"], inputs.get("dimensions"))


def _composite_alarm(inputs: Mapping[str, Any]) -> CompositeAlarm:
    name = inputs["alarmName"]
    _refuse_unknown(name, inputs, _KNOWN_OF_COMPOSITES)
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


def _refuse_unknown(name: str, inputs: Mapping[str, Any], known: set[str]) -> None:
    if unknown := {key for key, value in inputs.items() if value is not None} - known:
        raise AlarmError(f"{name} sets {', '.join(sorted(unknown))}, which nothing here evaluates")
