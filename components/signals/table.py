"""What is worth monitoring about the table: throttles, failures inside DynamoDB, and latency."""

from functools import partial
from typing import Literal

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import OperationMetric, Statistic, TableMetric, filled_sum, metrics_of
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    Board,
    Drawing,
    Reference,
    Section,
    Severity,
    Signal,
    above,
)

_of_writes = partial(Signal, section=Section.TABLE_WRITES, boards=(Board.INGEST,))
_of_reads = partial(Signal, section=Section.TABLE_READS, boards=(Board.API,))

# Every operation the handlers call: DynamoDB publishes these metrics per table and operation only.
WRITE_OPERATIONS = {
    "BatchGetItem": AlarmId.TABLE_LATENCY_BATCH_GET_ITEM,
    "UpdateItem": AlarmId.TABLE_LATENCY_UPDATE_ITEM,
}
READ_OPERATIONS = {"GetItem": AlarmId.TABLE_LATENCY_GET_ITEM}


def table_signals(table_name: str, *, max_read_units: int, max_write_units: int) -> tuple[Signal, ...]:
    """Return the signals of the table: what the event handler does to it, then what the query function does."""
    table = metrics_of(TableMetric, TableName=table_name)
    return (
        *_capacity(_of_writes, table_name, "Write", AlarmId.TABLE_WRITE_THROTTLE, max_write_units),
        *(_latency(_of_writes, table_name, operation, alarm) for operation, alarm in WRITE_OPERATIONS.items()),
        _system_errors(table_name),
        _of_writes(
            title="Writes repeated after a conflict",
            metrics=(table.sum(TableMetric.CONDITIONAL_CHECK_FAILED, "conflicts", label="conditional checks failed"),),
            unit="requests a minute",
        ),
        *_capacity(_of_reads, table_name, "Read", AlarmId.TABLE_READ_THROTTLE, max_read_units),
        *(_latency(_of_reads, table_name, operation, alarm) for operation, alarm in READ_OPERATIONS.items()),
    )


def _capacity(
    signal: "partial[Signal]", table_name: str, kind: Literal["Read", "Write"], alarm: AlarmId, max_units: int
) -> tuple[Signal, ...]:
    table = metrics_of(TableMetric, TableName=table_name)
    requests = f"{kind.lower()}s"
    return (
        signal(
            title=f"Throttled {requests}",
            metrics=(table.sum(TableMetric(f"{kind}ThrottleEvents"), "throttles", label="throttled"),),
            # An alarm directly on a metric of this namespace keeps its state when data ends, and throttling ends the
            # data.
            expression="FILL(throttles, 0)",
            unit="requests a minute",
            alarm=above(10, 4, of=4 + UNPUBLISHED_MINUTES, severity=Severity.P2)(
                id=alarm,
                meaning=f"The table throttles {requests}: they exceed the configured maximum, or one key is hot."
                " Nothing is lost, but requests wait.",
                first_step="On the board, the graph of throttles by cause shows which limit or key it is.",
            ),
        ),
        signal(
            title=f"Throttled {requests} by cause",
            metrics=(
                table.sum(
                    TableMetric(f"{kind}MaxOnDemandThroughputThrottleEvents"), "bound", label="configured maximum"
                ),
                table.sum(TableMetric(f"{kind}KeyRangeThroughputThrottleEvents"), "hot", label="hot key"),
                table.sum(TableMetric(f"{kind}AccountLimitThrottleEvents"), "account", label="account quota"),
            ),
            unit="requests a minute",
        ),
        signal(
            title=f"{kind} units a second",
            metrics=(table.sum(TableMetric(f"Consumed{kind}CapacityUnits"), "consumed"),),
            expression="consumed / 60",
            unit="units a second",
            references=(Reference(value=max_units, label="configured maximum"),),
        ),
    )


def _latency(signal: "partial[Signal]", table_name: str, operation: str, alarm: AlarmId) -> Signal:
    average = metrics_of(OperationMetric, TableName=table_name, Operation=operation).of(
        OperationMetric.LATENCY, Statistic.AVERAGE, "latency", label="average"
    )
    return signal(
        title=f"Latency of {operation}",
        metrics=(average,),
        expression="FILL(latency, 0)",
        unit="milliseconds",
        drawn=Drawing(unit="milliseconds"),
        alarm=above(50, 9, of=15, severity=Severity.P3)(
            id=alarm,
            meaning=f"DynamoDB has taken ten times longer than it should for {operation}, for ten minutes.",
            first_step="Check the AWS Health Dashboard of the region, then whether records grew.",
        ),
    )


def _system_errors(table_name: str) -> Signal:
    metrics = tuple(
        metrics_of(OperationMetric, TableName=table_name, Operation=operation).sum(
            OperationMetric.SYSTEM_ERRORS, f"errors{number}", label=operation
        )
        for number, operation in enumerate((*WRITE_OPERATIONS, *READ_OPERATIONS), start=1)
    )
    return _of_writes(
        title="Requests that failed inside DynamoDB",
        metrics=metrics,
        expression=filled_sum(metrics),
        unit="requests a minute",
        alarm=above(0, 3, of=30, severity=Severity.P2)(
            id=AlarmId.TABLE_SYSTEM_ERRORS,
            meaning="Requests fail inside DynamoDB, not because of throttling. Events wait and are retried.",
            first_step="Check the AWS Health Dashboard of the region, then wait for AWS to fix it.",
        ),
    )
