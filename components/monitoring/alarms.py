"""Alarm definitions become resources: their names, data, actions and descriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.monitoring.alarm_ids import AlarmId, AnyAlarmId
from components.monitoring.metrics import Metric
from components.monitoring.next_steps import first_command
from components.monitoring.selection import AnyAlarm
from components.monitoring.signals import Alarm, CompositeAlarm, Severity, Signal

DESCRIPTION_LIMIT = 1_024
RESULT_ID = "result"


@dataclass(frozen=True, kw_only=True)
class AlarmContext:
    """What all alarms of a stack have in common."""

    physical_prefix: str
    stack: str
    board_url: str
    """The board that every description links to."""
    runbook_url: str
    topic_arns: Mapping[Severity, pulumi.Input[str]]
    newest_versions: Mapping[str, pulumi.Input[str]]
    """Numbers of versions, by what stands for them in dimensions: `newest_version`."""


def describe(alarm: AnyAlarm, context: AlarmContext) -> str:
    """Return what is wrong, what to do first and the runbook in one line, then where to look, and the board.

    docs/pages.md shows what becomes of it. Raises ValueError if CloudWatch would reject the length.
    """
    # The operator's commands are about the first consumer.
    first = first_command(alarm.id, context.stack) if isinstance(alarm.id, AlarmId) else alarm.first_step
    line = f"{alarm.meaning} | First: {first} | Runbook: {context.runbook_url}#{alarm.id.heading}"
    description = f"{line}\n\nThen: {alarm.first_step}\nBoard: {context.board_url}"
    if len(description) > DESCRIPTION_LIMIT:
        raise ValueError(
            f"the description of alarm {alarm.id} has {len(description)} characters, CloudWatch accepts "
            f"{DESCRIPTION_LIMIT}: shorten its meaning, its first step or runbookUrl"
        )
    return description


def alarm_name(physical_prefix: str, alarm_id: AnyAlarmId) -> str:
    """Return the physical name of an alarm: never random, because the policy of the topic names it."""
    return f"{physical_prefix}-{alarm_id}"


def make_alarm(
    alarm: Alarm, signal: Signal, context: AlarmContext, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.MetricAlarm:
    """Make an alarm that notifies its topic when it fires and when it clears, unless a composite does.

    Its logical name is the id. Renaming an id needs an alias: Pulumi creates before it deletes, and with an unchanged
    physical name no alarm would be left.
    """
    warm_up = (
        aws.cloudwatch.MetricAlarmWarmUpConfigurationArgs(warm_up_period_duration_in_minutes=alarm.warm_up_minutes)
        if alarm.warm_up_minutes
        else None
    )
    return aws.cloudwatch.MetricAlarm(
        str(alarm.id),
        aws.cloudwatch.MetricAlarmArgs(
            name=alarm_name(context.physical_prefix, alarm.id),
            alarm_description=describe(alarm, context),
            comparison_operator=alarm.comparison.value,
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.datapoints,
            treat_missing_data=alarm.missing.value,
            warm_up_configuration=warm_up,
            **_actions(alarm.topic or alarm.severity, context),
            **_data(alarm, signal, context),
        ),
        opts=opts,
    )


def make_composite(
    composite: CompositeAlarm,
    context: AlarmContext,
    names: Mapping[AnyAlarmId, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> aws.cloudwatch.CompositeAlarm:
    """Make an alarm on other alarms. Its rule uses their outputs, so that they exist before it."""
    suppressor = (
        aws.cloudwatch.CompositeAlarmActionsSuppressorArgs(
            alarm=names[composite.suppressed_by],
            wait_period=composite.wait_seconds,
            extension_period=composite.extension_seconds,
        )
        if composite.suppressed_by
        else None
    )
    operator = " AND " if composite.all_of else " OR "
    terms = [pulumi.Output.concat('ALARM("', names[child], '")') for child in composite.children]
    return aws.cloudwatch.CompositeAlarm(
        str(composite.id),
        alarm_name=alarm_name(context.physical_prefix, composite.id),
        alarm_description=describe(composite, context),
        alarm_rule=pulumi.Output.all(*terms).apply(operator.join),
        actions_suppressor=suppressor,
        **_actions(composite.severity, context),
        opts=opts,
    )


def _actions(severity: Severity | None, context: AlarmContext) -> dict[str, Any]:
    if severity is None:
        return {}
    # Without the OK action, an alarm that clears by itself would stay open at the pager.
    return {"alarm_actions": [context.topic_arns[severity]], "ok_actions": [context.topic_arns[severity]]}


def _dimensions(metric: Metric, context: AlarmContext) -> dict[str, pulumi.Input[str]]:
    return {name: context.newest_versions.get(value, value) for name, value in metric.dimensions.items()}


def _data(alarm: Alarm, signal: Signal, context: AlarmContext) -> dict[str, Any]:
    if signal.expression:
        result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=RESULT_ID, expression=signal.expression, label=signal.title, return_data=True
        )
        inputs = (_input(metric, signal.period_seconds, context) for metric in signal.metrics)
        return {"metric_queries": [*inputs, result]}
    metric = signal.metric_of(alarm)
    data: dict[str, Any] = {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": _dimensions(metric, context),
        "period": signal.period_seconds,
    }
    if not metric.statistic.is_percentile:
        return data | {"statistic": metric.statistic}
    # A percentile of few requests is imprecise, but no alarm at low traffic would be worse.
    return data | {"extended_statistic": metric.statistic, "evaluate_low_sample_count_percentiles": "evaluate"}


def _input(metric: Metric, period_seconds: int, context: AlarmContext) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=metric.id,
        return_data=False,
        metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=_dimensions(metric, context),
            period=period_seconds,
            stat=metric.statistic,
        ),
    )
