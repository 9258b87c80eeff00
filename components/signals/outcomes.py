"""What is worth watching in what the handlers count themselves: what became of every event and every query."""

from collections.abc import Sequence

from components.monitoring.signals import (
    AlarmId,
    AlarmRule,
    Board,
    Comparison,
    MetricMaker,
    Section,
    Severity,
    Signal,
    View,
    metrics_of,
)
from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    METRICS_NAMESPACE,
    QUERY_SERVICE,
    SERVICE_DIMENSION,
    STACK_DIMENSION,
    MetricName,
)

ON_INGEST = {"section": Section.OUTCOMES, "boards": (Board.INGEST,)}


def emitted_by(service: str, stack: str) -> MetricMaker:
    """A maker of metrics one of our functions emits."""
    return metrics_of(METRICS_NAMESPACE, {SERVICE_DIMENSION: service, STACK_DIMENSION: stack})


def ingest_signals(stack: str, event_handler_name: str) -> tuple[Signal, ...]:
    """What became of events."""
    metric = emitted_by(EVENT_HANDLER_SERVICE, stack)
    return (
        _nothing_stored(metric, event_handler_name),
        _failures(metric),
        _given_up(metric),
        *_contract(metric),
        Signal(
            title="Received and stored",
            metrics=(
                metric("received", MetricName.EVENT_RECEIVED, "Sum", "received, retries too"),
                metric("persisted", MetricName.EVENT_PERSISTED, "Sum", "stored"),
            ),
            unit="events a minute",
            section=Section.INGEST,
            boards=(Board.OVERVIEW,),
        ),
        Signal(
            title="What became of events",
            metrics=(
                metric("persisted", MetricName.EVENT_PERSISTED, "Sum", "stored"),
                metric("invalid", MetricName.EVENT_INVALID, "Sum", "invalid, quarantined"),
                metric("failed", MetricName.EVENT_FAILED, "Sum", "failed, to be retried"),
                metric("exhausted", MetricName.EVENT_EXHAUSTED, "Sum", "given up"),
            ),
            unit="events a minute",
            view=View.STACKED,
            **ON_INGEST,
        ),
        Signal(
            title="Age of events when stored",
            metrics=(
                metric("typical", MetricName.EVENT_AGE, "p50", "p50"),
                metric("old", MetricName.EVENT_AGE, "p95", "p95"),
                metric("oldest", MetricName.EVENT_AGE, "p99", "p99"),
            ),
            unit="milliseconds",
            **ON_INGEST,
        ),
        Signal(
            title="Repeated writes and stale events",
            metrics=(
                metric("conflicts", MetricName.WRITE_CONFLICT, "Sum", "lost a race, repeated"),
                metric("stale", MetricName.EVENT_STALE, "Sum", "older than what is stored"),
            ),
            unit="a minute",
            **ON_INGEST,
        ),
        Signal(
            title="Largest record written",
            metrics=(metric("largest", MetricName.RECORD_BYTES, "Maximum", "largest"),),
            unit="bytes of at most 409600",
            **ON_INGEST,
        ),
        Signal(
            title="Events in one batch",
            metrics=(
                metric("size", MetricName.BATCH_SIZE, "Average", "average"),
                metric("largest", MetricName.BATCH_SIZE, "Maximum", "most"),
            ),
            unit="events",
            **ON_INGEST,
        ),
        Signal(
            title="Duration of one batch",
            metrics=(
                metric("typical", MetricName.BATCH_DURATION, "p50", "p50"),
                metric("slow", MetricName.BATCH_DURATION, "p95", "p95"),
            ),
            unit="milliseconds",
            **ON_INGEST,
        ),
    )


def _nothing_stored(metric: MetricMaker, event_handler_name: str) -> Signal:
    runs = metrics_of("AWS/Lambda", {"FunctionName": event_handler_name})
    return Signal(
        title="Failures, and nothing stored (1 = so)",
        metrics=(
            # A batch that crashes or times out counts nothing itself.
            runs("crashed", "Errors", "Sum", "failed invocations"),
            metric("failed", MetricName.EVENT_FAILED, "Sum", "failed"),
            metric("exhausted", MetricName.EVENT_EXHAUSTED, "Sum", "given up"),
            metric("persisted", MetricName.EVENT_PERSISTED, "Sum", "stored"),
        ),
        # Not "none stored": an event that is sent twice counts as stored without a write.
        expression="IF(SUM([FILL(crashed, 0), FILL(failed, 0), FILL(exhausted, 0)]) > 9 * FILL(persisted, 0), 1, 0)",
        unit="yes or no",
        section=Section.INGEST,
        boards=(Board.OVERVIEW, Board.INGEST),
        alarms=(
            AlarmRule(
                id=AlarmId.INGEST_DOWN,
                threshold=1,
                comparison=Comparison.AT_LEAST,
                # At low traffic the same few events come back every visibility timeout, with quiet minutes between.
                datapoints=3,
                periods=60,
                severity=None,
                meaning="Every event fails and none is stored. What is given up ends in the dead-letter queue.",
                first_step="On the ingest board: did it begin with a deployment, or does the table refuse?",
            ),
        ),
    )


def _failures(metric: MetricMaker) -> Signal:
    return Signal(
        title="Events that failed, to be retried",
        metrics=(
            metric("received", MetricName.EVENT_RECEIVED, "Sum", "received"),
            metric("failed", MetricName.EVENT_FAILED, "Sum", "failed"),
            metric("exhausted", MetricName.EVENT_EXHAUSTED, "Sum", "given up"),
        ),
        expression="100 * (failed + exhausted) / received",
        unit="percent",
        **ON_INGEST,
        alarms=(
            AlarmRule(
                id=AlarmId.INGEST_FAILURES,
                threshold=5,
                # Among few events one failure is much in percent, and quiet minutes are not the end of the fault.
                datapoints=5,
                periods=60,
                severity=Severity.P2,
                meaning="More than one event in twenty fails and is retried: logins show late, some may be given up.",
                first_step="Group the last failures by error_code with saved query 02.",
            ),
        ),
    )


def _given_up(metric: MetricMaker) -> Signal:
    return Signal(
        title="Events given up after their last retry",
        metrics=(metric("exhausted", MetricName.EVENT_EXHAUSTED, "Sum", "given up"),),
        unit="events",
        period_seconds=300,
        section=Section.DEAD_LETTERS,
        boards=(Board.INGEST,),
        alarms=(
            AlarmRule(
                id=AlarmId.INGEST_EXHAUSTED,
                threshold=0,
                datapoints=1,
                periods=12,
                severity=Severity.P2,
                meaning="Valid events failed to their last retry and are dead letters now: their logins are missing.",
                first_step="Find their error_code with saved query 05; when that is mended, redrive.",
            ),
        ),
    )


def _contract(metric: MetricMaker) -> tuple[Signal, ...]:
    received = metric("received", MetricName.EVENT_RECEIVED, "Sum", "received")
    invalid = metric("invalid", MetricName.EVENT_INVALID, "Sum", "invalid")
    return (
        Signal(
            title="Events that break the contract",
            metrics=(received, invalid),
            expression="IF(received >= 20, 100 * invalid / received, 0)",
            unit="percent",
            period_seconds=300,
            **ON_INGEST,
            alarms=(
                AlarmRule(
                    id=AlarmId.INGEST_CONTRACT,
                    threshold=20,
                    datapoints=1,
                    periods=12,
                    severity=Severity.P2,
                    meaning="A producer sends events that break the contract: more than one in five is quarantined.",
                    first_step="Group them by error_code with saved query 14; tell the producer.",
                ),
            ),
        ),
        Signal(
            title="Invalid events",
            metrics=(received, invalid),
            # A share, or one in ten thousand would be mail without end where much is sent; over an hour, or a few
            # among few events would come and go.
            expression="IF(invalid >= 3, 100 * invalid / received, 0)",
            unit="percent",
            period_seconds=3_600,
            section=Section.DEAD_LETTERS,
            boards=(Board.INGEST,),
            alarms=(
                AlarmRule(
                    id=AlarmId.INGEST_INVALID,
                    threshold=0.1,
                    datapoints=1,
                    periods=1,
                    severity=Severity.P3,
                    meaning="Some events break the contract and were quarantined, with the reason beside them.",
                    first_step="Read error_code and error_detail of the dead letters; tell the producer.",
                ),
            ),
        ),
    )


def query_outcome_signals(stack: str) -> tuple[Signal, ...]:
    """What became of queries."""
    metric = emitted_by(QUERY_SERVICE, stack)
    place = {"section": Section.QUERY, "boards": (Board.API,)}
    return (
        Signal(
            title="What became of queries",
            metrics=(
                metric("answered", MetricName.QUERY_SUCCESS, "Sum", "answered"),
                metric("refused", MetricName.QUERY_INVALID, "Sum", "refused as invalid"),
                metric("failed", MetricName.QUERY_ERROR, "Sum", "failed"),
            ),
            unit="queries a minute",
            view=View.STACKED,
            **place,
        ),
        Signal(
            title="Slow, empty and damaged",
            metrics=(
                metric("slow", MetricName.QUERY_SLOW, "Sum", "slower than the objective"),
                metric("empty", MetricName.QUERY_EMPTY, "Sum", "of users without logins"),
                metric("malformed", MetricName.RECORD_MALFORMED, "Sum", "record could not be read in full"),
            ),
            unit="queries a minute",
            **place,
        ),
        Signal(
            title="Duration of queries",
            metrics=(
                metric("typical", MetricName.QUERY_DURATION, "p50", "p50"),
                metric("slowest", MetricName.QUERY_DURATION, "p99", "p99"),
            ),
            unit="milliseconds",
            **place,
        ),
        Signal(
            title="Services in one answer",
            metrics=(
                metric("typical", MetricName.QUERY_SERVICES, "p50", "p50"),
                metric("most", MetricName.QUERY_SERVICES, "Maximum", "most"),
            ),
            unit="services",
            **place,
        ),
    )


def metrics_format_signal(log_groups: Sequence[str]) -> Signal:
    """Whether CloudWatch could read the metrics in the handlers' log lines."""
    metrics = tuple(
        metrics_of("AWS/Logs", {"LogGroupName": group})(f"{kind}{number}", name, "Sum", f"{group}: {kind}")
        for number, group in enumerate(log_groups, start=1)
        for kind, name in (("unreadable", "EMFParsingErrors"), ("invalid", "EMFValidationErrors"))
    )
    # SUM of a list adds what is there: a group without errors has no such metric.
    filled = ", ".join(f"FILL({metric.id}, 0)" for metric in metrics)
    return Signal(
        title="Metrics CloudWatch could not read",
        metrics=metrics,
        expression=f"SUM([{filled}])",
        unit="log lines",
        period_seconds=300,
        section=Section.MONITORING,
        boards=(Board.INGEST,),
        alarms=(
            AlarmRule(
                id=AlarmId.EMF_BROKEN,
                threshold=0,
                datapoints=1,
                periods=1,
                severity=Severity.P3,
                meaning="The functions write metrics CloudWatch cannot read: graphs and alarms on them lie.",
                first_step="What changed in handlers/telemetry.py or in its dependencies?",
            ),
        ),
    )
