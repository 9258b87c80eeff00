"""What is worth monitoring about the event source mapping: how many batches run, and what it fetches."""

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import LambdaMetric, MappingMetric, lambda_metrics, mapping_metrics
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    Alarm,
    Board,
    Comparison,
    Reference,
    Section,
    Severity,
    Signal,
)


def consumer_signals(function_name: str, max_concurrency: int) -> tuple[Signal, ...]:
    """Return the signals of a mapping that are on its function, whose name is known before AWS creates it."""
    return (
        Signal(
            title="Concurrency of the event handler",
            metrics=(
                lambda_metrics(function_name).maximum(
                    LambdaMetric.CONCURRENT_EXECUTIONS, "running", label="running at once"
                ),
            ),
            unit="invocations",
            section=Section.EVENT_HANDLER,
            boards=(Board.INGEST,),
            references=(Reference(value=max_concurrency, label="most the event source mapping runs"),),
            alarms=(
                Alarm(
                    id=AlarmId.CONSUMER_CONCURRENCY,
                    threshold=0.9 * max_concurrency,
                    comparison=Comparison.AT_LEAST,
                    datapoints=10,
                    periods=10 + UNPUBLISHED_MINUTES,
                    severity=Severity.P3,
                    meaning="The event handler runs as often at once as it may, for ten minutes: more events would"
                    " wait.",
                    first_step="If the oldest event grows older too, raise consumerMaxConcurrency and the write units.",
                ),
            ),
        ),
    )


def mapping_signals(mapping_id: str) -> tuple[Signal, ...]:
    """Return the signals on the mapping itself: drawn and never alarmed on, because AWS makes up its id."""
    mapping = mapping_metrics(mapping_id)
    return (
        Signal(
            title="Event source mapping",
            metrics=(
                mapping.sum(MappingMetric.POLLED, "polled", label="fetched"),
                mapping.sum(MappingMetric.INVOKED, "invoked", label="handed over"),
                mapping.sum(MappingMetric.FAILED, "failed"),
            ),
            unit="events a minute",
            section=Section.INGEST,
            boards=(Board.INGEST,),
        ),
    )
