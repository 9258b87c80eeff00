"""What is worth monitoring about the event source mapping: how many batches run, and how many events it polls."""

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import LambdaMetric, MappingMetric, metrics_of
from components.monitoring.signals import UNPUBLISHED_MINUTES, Board, Reference, Section, Severity, Signal, at_least


def consumer_signals(function_name: str, max_concurrency: int) -> tuple[Signal, ...]:
    """Return the signals of a mapping that are on its function, whose name is known before AWS creates it."""
    running = metrics_of(LambdaMetric, FunctionName=function_name).maximum(
        LambdaMetric.CONCURRENT_EXECUTIONS, "running", label="concurrent"
    )
    return (
        Signal(
            title="Concurrency of the event handler",
            metrics=(running,),
            unit="invocations",
            section=Section.EVENT_HANDLER,
            boards=(Board.INGEST,),
            references=(Reference(value=max_concurrency, label="maximum of the event source mapping"),),
            alarm=at_least(0.9 * max_concurrency, 10, of=10 + UNPUBLISHED_MINUTES, severity=Severity.P3)(
                id=AlarmId.CONSUMER_CONCURRENCY,
                meaning="The event handler has run at 90 % or more of its maximum concurrency for ten minutes: more"
                " events would wait.",
                first_step="If the age of the oldest event grows too, raise consumerMaxConcurrency and"
                " tableMaxWriteUnits.",
            ),
        ),
    )


def mapping_signals(mapping_id: str) -> tuple[Signal, ...]:
    """Return the signals on the mapping itself: drawn and never alarmed on, because AWS makes up its id."""
    mapping = metrics_of(MappingMetric, EventSourceMappingUUID=mapping_id)
    return (
        Signal(
            title="Event source mapping",
            metrics=(
                mapping.sum(MappingMetric.POLLED, "polled"),
                mapping.sum(MappingMetric.INVOKED, "invoked"),
                mapping.sum(MappingMetric.FAILED, "failed"),
            ),
            unit="events a minute",
            section=Section.INGEST,
            boards=(Board.INGEST,),
        ),
    )
