"""What is worth watching about a Lambda function: whether it fails, waits, slows down or runs out of room."""

from dataclasses import dataclass

from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    AlarmId,
    AlarmRule,
    Board,
    Comparison,
    Reference,
    Section,
    Severity,
    Signal,
    metrics_of,
)
from handlers.vocabulary import METRICS_NAMESPACE, SERVICE_DIMENSION, STACK_DIMENSION, MetricName


@dataclass(frozen=True, kw_only=True)
class FunctionWatch:
    """How one function is watched."""

    service: str
    """The value of the dimension `service` of its own metrics."""
    stack: str
    title: str
    """How people call it."""
    section: Section
    board: Board
    errors: AlarmId
    throttles: AlarmId
    duration: AlarmId
    duration_statistic: str
    """`Maximum`, or a percentile where the slowest of many may be slow."""
    failure: str
    """What it means to users when it fails."""


def function_signals(watch: FunctionWatch, function_name: str, timeout_seconds: int) -> tuple[Signal, ...]:
    """Signals every function has."""
    metric = metrics_of("AWS/Lambda", {"FunctionName": function_name})
    emitted = metrics_of(METRICS_NAMESPACE, {SERVICE_DIMENSION: watch.service, STACK_DIMENSION: watch.stack})
    place = {"section": watch.section, "boards": (watch.board,)}
    return (
        Signal(
            title=f"Failed invocations of the {watch.title}",
            metrics=(metric("errors", "Errors", "Sum", "failed"),),
            unit="invocations",
            period_seconds=300,
            **place,
            alarms=(
                AlarmRule(
                    id=watch.errors,
                    threshold=0,
                    datapoints=1,
                    # A failed batch comes back minutes later, the next bad request at any time: one ticket an hour.
                    periods=12,
                    severity=Severity.P2,
                    meaning=f"Whole invocations of the {watch.title} fail: a crash, a timeout or a failed start."
                    f" {watch.failure}",
                    first_step="Read its last errors; a deployment just before the first one is the likeliest cause.",
                ),
            ),
        ),
        Signal(
            title=f"Throttled invocations of the {watch.title}",
            metrics=(metric("throttles", "Throttles", "Sum", "throttled"),),
            unit="invocations",
            **place,
            alarms=(
                AlarmRule(
                    id=watch.throttles,
                    threshold=1,
                    comparison=Comparison.AT_LEAST,
                    datapoints=5,
                    periods=15,
                    severity=Severity.P2,
                    meaning=f"The {watch.title} is refused a place to run: its reservation or the account's concurrency"
                    f" is used up. {watch.failure}",
                    first_step="Compare the account's ConcurrentExecutions with its quota: who uses it up?",
                ),
            ),
        ),
        Signal(
            title=f"Duration of the {watch.title}",
            metrics=(
                metric("typical", "Duration", "p50", "p50"),
                metric("slow", "Duration", "p99", "p99"),
                metric("slowest", "Duration", "Maximum", "slowest"),
            ),
            unit="milliseconds",
            period_seconds=300,
            **place,
            references=(Reference(value=timeout_seconds * 1_000, label="timeout"),),
            alarms=(
                AlarmRule(
                    id=watch.duration,
                    watches="slowest" if watch.duration_statistic == "Maximum" else "slow",
                    threshold=800 * timeout_seconds,
                    datapoints=3,
                    periods=12,
                    severity=Severity.P2,
                    meaning=f"The {watch.title} needs more than four fifths of its timeout: timeouts are next.",
                    first_step="On the board, look at the table's latency and throttles; then at the slowest traces.",
                ),
            ),
        ),
        Signal(
            title=f"Invocations of the {watch.title}",
            metrics=(
                metric("invocations", "Invocations", "Sum", "invocations"),
                emitted("cold", MetricName.COLD_START, "Sum", "cold starts"),
            ),
            unit="a minute",
            **place,
        ),
    )


def concurrency_signal(watch: FunctionWatch, function_name: str, most: int) -> Signal:
    """How close the event handler is to the most batches it may handle at once."""
    metric = metrics_of("AWS/Lambda", {"FunctionName": function_name})
    return Signal(
        title=f"Concurrency of the {watch.title}",
        metrics=(metric("running", "ConcurrentExecutions", "Maximum", "running at once"),),
        unit="invocations",
        section=watch.section,
        boards=(watch.board,),
        references=(Reference(value=most, label="most the event source mapping runs"),),
        alarms=(
            AlarmRule(
                id=AlarmId.CONSUMER_CONCURRENCY,
                threshold=0.9 * most,
                comparison=Comparison.AT_LEAST,
                datapoints=10,
                periods=10 + UNPUBLISHED_MINUTES,
                severity=Severity.P3,
                meaning="The event handler runs as often at once as it may, for ten minutes: more events would wait.",
                first_step="If the oldest event grows older too, raise consumerMaxConcurrency and the write units.",
            ),
        ),
    )
