"""Whether the monitoring itself works: whether alerts arrive, and whether CloudWatch can read the metrics."""

from collections.abc import Sequence

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import LogGroupMetric, TopicMetric, filled_sum, metrics_of
from components.monitoring.signals import UNPUBLISHED_MINUTES, Board, Section, Severity, Signal, above
from components.monitoring.topics import topic_name


def own_signals(physical_prefix: str, function_log_groups: Sequence[str]) -> tuple[Signal, ...]:
    """Return the signals of the monitoring itself; another topic reports the failure of a topic."""
    return (
        _unreadable_metrics(function_log_groups),
        _undelivered(physical_prefix, (Severity.P1, Severity.P3), AlarmId.ALERTS_UNDELIVERED, Severity.P2),
        _undelivered(physical_prefix, (Severity.P2,), AlarmId.ALERTS_UNDELIVERED_P2, Severity.P1),
    )


def _unreadable_metrics(log_groups: Sequence[str]) -> Signal:
    metrics = tuple(
        metrics_of(LogGroupMetric, LogGroupName=group).sum(name, f"{kind}{number}", label=f"{group}: {kind}")
        for number, group in enumerate(log_groups, start=1)
        for kind, name in (
            ("unreadable", LogGroupMetric.EMF_PARSING_ERRORS),
            ("invalid", LogGroupMetric.EMF_VALIDATION_ERRORS),
        )
    )
    return Signal(
        title="Metrics CloudWatch could not read",
        metrics=metrics,
        expression=filled_sum(metrics),
        unit="log lines",
        period_seconds=300,
        section=Section.MONITORING,
        boards=(Board.OVERVIEW,),
        alarm=above(0, 1, of=1, severity=Severity.P3)(
            id=AlarmId.EMF_BROKEN,
            meaning="The functions write metrics that CloudWatch cannot read: graphs and alarms based on them are"
            " wrong.",
            first_step="Check what changed in handlers/telemetry.py or in its dependencies.",
        ),
    )


def _undelivered(physical_prefix: str, broken: tuple[Severity, ...], alarm: AlarmId, topic: Severity) -> Signal:
    metrics = tuple(
        metrics_of(TopicMetric, TopicName=topic_name(physical_prefix, severity)).sum(
            TopicMetric.NOTIFICATIONS_FAILED, f"failed_{severity}", label=f"{severity.upper()} failed"
        )
        for severity in broken
    )
    names = " or ".join(severity.upper() for severity in broken)
    # Not filled: the newest minute is not published yet, and CloudWatch would evaluate the filled zero alone.
    listed = ", ".join(metric.id for metric in metrics)
    return Signal(
        title=f"Undelivered {names} alerts",
        metrics=metrics,
        expression=f"SUM([{listed}])" if len(metrics) > 1 else "",
        unit="messages",
        section=Section.MONITORING,
        boards=(Board.OVERVIEW,),
        alarm=above(0, 1, of=1 + UNPUBLISHED_MINUTES, severity=Severity.P2)(
            id=alarm,
            topic=topic,
            meaning=f"A {names} alert was not delivered: the on-call engineer may not know of a problem.",
            first_step="Check the alarms on the overview board now, then test the endpoint of the topic.",
        ),
    )
