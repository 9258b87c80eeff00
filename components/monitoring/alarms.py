"""Rules become alarms: which ones a stack has, what they are called, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import pulumi
import pulumi_aws as aws

from components.monitoring.signals import AlarmId, AlarmRule, Metric, Severity, Signal

DESCRIPTION_LIMIT = 1_024
STANDARD_STATISTICS = frozenset({"Sum", "Average", "Minimum", "Maximum", "SampleCount"})
RESULT_ID = "result"


class Override(Protocol):
    """What a stack changes about one alarm."""

    @property
    def threshold(self) -> float | None:
        """Another threshold, None for the shipped one."""
        ...

    @property
    def enabled(self) -> bool:
        """False leaves the alarm out."""
        ...


def select(
    sections: Mapping[str, Sequence[Signal]],
    *,
    level: Literal["essential", "full"],
    overrides: Mapping[str, Override],
) -> dict[str, tuple[Signal, ...]]:
    """The same signals with the rules this stack has, at the thresholds it wants: alarms and graphs follow from these.

    `essential` leaves out P3. Refuses an override of an alarm nobody defines, and two rules with one id: CloudWatch
    would silently let the second overwrite the first.
    """
    ids = sorted(rule.id for signals in sections.values() for signal in signals for rule in signal.alarms)
    if len(set(ids)) != len(ids):
        raise ValueError(f"alarm ids must be unique, got {', '.join(ids)}")
    if unknown := overrides.keys() - set(ids):
        raise ValueError(f"no alarm {', '.join(sorted(unknown))} to override; there are {', '.join(ids)}")

    def wanted(rule: AlarmRule) -> bool:
        override = overrides.get(rule.id)
        return (override is None or override.enabled) and not (level == "essential" and rule.severity is Severity.P3)

    def adjusted(rule: AlarmRule) -> AlarmRule:
        override = overrides.get(rule.id)
        if override is None or override.threshold is None:
            return rule
        return replace(rule, threshold=override.threshold)

    def chosen(signal: Signal) -> Signal:
        return replace(signal, alarms=tuple(adjusted(rule) for rule in signal.alarms if wanted(rule)))

    return {title: tuple(chosen(signal) for signal in signals) for title, signals in sections.items()}


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where an alarm sends the reader."""

    board_url: str
    runbook_url: str


def describe(rule: AlarmRule, links: Links) -> str:
    """What the alarm tells whoever it wakes: meaning, first step, board, runbook. Refuses what CloudWatch would."""
    runbook = f"Runbook: {links.runbook_url}#{rule.id}"
    description = "\n\n".join((rule.meaning, f"First: {rule.first_step}", f"Board: {links.board_url}\n{runbook}"))
    if len(description) > DESCRIPTION_LIMIT:
        raise ValueError(
            f"the description of alarm {rule.id} has {len(description)} characters, CloudWatch takes "
            f"{DESCRIPTION_LIMIT}: shorten its meaning, its first step or runbookUrl"
        )
    return description


def alarm_name(physical_prefix: str, alarm_id: AlarmId) -> str:
    """Physical name of an alarm: never random, or the topic's policy could not name it."""
    return f"{physical_prefix}-{alarm_id}"


def make_alarm(
    rule: AlarmRule,
    signal: Signal,
    *,
    physical_prefix: str,
    links: Links,
    topic_arn: pulumi.Input[str],
    parent: pulumi.Resource,
) -> aws.cloudwatch.MetricAlarm:
    """One alarm that tells its topic when it fires and when it is over.

    Its logical name is the id. Renaming an id needs an alias: create-then-delete of one physical name would leave no
    alarm behind.
    """
    return aws.cloudwatch.MetricAlarm(
        rule.id.value,
        aws.cloudwatch.MetricAlarmArgs(
            name=alarm_name(physical_prefix, rule.id),
            alarm_description=describe(rule, links),
            comparison_operator=rule.comparison.value,
            threshold=rule.threshold,
            evaluation_periods=rule.periods,
            datapoints_to_alarm=rule.datapoints,
            treat_missing_data=rule.missing.value,
            alarm_actions=[topic_arn],
            # Or an alarm that clears by itself stays open with whoever was told.
            ok_actions=[topic_arn],
            **_watched(signal),
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _watched(signal: Signal) -> dict[str, Any]:
    if signal.expression:
        return {
            "metric_queries": [*(_input(metric, signal.period_seconds) for metric in signal.metrics), _result(signal)]
        }
    (metric,) = signal.metrics
    statistic = "statistic" if metric.statistic in STANDARD_STATISTICS else "extended_statistic"
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": dict(metric.dimensions),
        "period": signal.period_seconds,
        statistic: metric.statistic,
    }


def _input(metric: Metric, period_seconds: int) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=metric.id,
        return_data=False,
        metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=dict(metric.dimensions),
            period=period_seconds,
            stat=metric.statistic,
        ),
    )


def _result(signal: Signal) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=RESULT_ID, expression=signal.expression, label=signal.title, return_data=True
    )
