"""What is worth watching about the table: throttles, failures of DynamoDB itself, and how long it takes."""

from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    AlarmId,
    AlarmRule,
    Board,
    Reference,
    Section,
    Severity,
    Signal,
    metrics_of,
)

NAMESPACE = "AWS/DynamoDB"
# Every operation the handlers call: these metrics exist per table and operation only.
WRITES = {"BatchGetItem": AlarmId.TABLE_LATENCY_BATCH_GET_ITEM, "UpdateItem": AlarmId.TABLE_LATENCY_UPDATE_ITEM}
READS = {"GetItem": AlarmId.TABLE_LATENCY_GET_ITEM}


def table_signals(table_name: str, *, max_read_units: int, max_write_units: int) -> tuple[Signal, ...]:
    """Signals of the table: what the event handler does to it, then what the query function does."""
    write = {"section": Section.TABLE_WRITES, "boards": (Board.INGEST,)}
    read = {"section": Section.TABLE_READS, "boards": (Board.API,)}
    return (
        _throttles(table_name, "Write", AlarmId.TABLE_WRITE_THROTTLE, write),
        _causes(table_name, "Write", write),
        _consumed(table_name, "Write", max_write_units, write),
        *(_latency(table_name, operation, alarm, write) for operation, alarm in WRITES.items()),
        _system_errors(table_name, write),
        Signal(
            title="Writes that lost a race, and were repeated",
            metrics=(
                metrics_of(NAMESPACE, {"TableName": table_name})(
                    "conflicts", "ConditionalCheckFailedRequests", "Sum", "conditional checks failed"
                ),
            ),
            unit="requests a minute",
            **write,
        ),
        _throttles(table_name, "Read", AlarmId.TABLE_READ_THROTTLE, read),
        _causes(table_name, "Read", read),
        _consumed(table_name, "Read", max_read_units, read),
        *(_latency(table_name, operation, alarm, read) for operation, alarm in READS.items()),
    )


def _throttles(table_name: str, kind: str, alarm: AlarmId, place: dict) -> Signal:
    metric = metrics_of(NAMESPACE, {"TableName": table_name})
    return Signal(
        title=f"Throttled {kind.lower()}s",
        metrics=(metric("throttles", f"{kind}ThrottleEvents", "Sum", "throttled"),),
        # Alarms straight on this namespace keep their state when data ends, and it ends with the throttling.
        expression="FILL(throttles, 0)",
        unit="requests a minute",
        **place,
        alarms=(
            AlarmRule(
                id=alarm,
                threshold=10,
                datapoints=4,
                periods=4 + UNPUBLISHED_MINUTES,
                severity=Severity.P2,
                meaning=f"The table refuses {kind.lower()}s for lack of units: our own bound of the bill, or one hot"
                " key. Nothing is lost, but everything waits.",
                first_step="The graph of causes beside this one tells the bound from the hot key.",
            ),
        ),
    )


def _causes(table_name: str, kind: str, place: dict) -> Signal:
    metric = metrics_of(NAMESPACE, {"TableName": table_name})
    return Signal(
        title=f"Throttled {kind.lower()}s by cause",
        metrics=(
            metric("bound", f"{kind}MaxOnDemandThroughputThrottleEvents", "Sum", "our own bound"),
            metric("hot", f"{kind}KeyRangeThroughputThrottleEvents", "Sum", "a hot key"),
            metric("account", f"{kind}AccountLimitThrottleEvents", "Sum", "the account's quota"),
        ),
        unit="requests a minute",
        **place,
    )


def _consumed(table_name: str, kind: str, most: int, place: dict) -> Signal:
    metric = metrics_of(NAMESPACE, {"TableName": table_name})
    return Signal(
        title=f"{kind} units a second",
        metrics=(metric("consumed", f"Consumed{kind}CapacityUnits", "Sum", "consumed"),),
        expression="consumed / 60",
        unit="units a second",
        **place,
        references=(Reference(value=most, label="bound of the bill"),),
    )


def _latency(table_name: str, operation: str, alarm: AlarmId, place: dict) -> Signal:
    metric = metrics_of(NAMESPACE, {"TableName": table_name, "Operation": operation})
    return Signal(
        title=f"Latency of {operation}",
        metrics=(metric("latency", "SuccessfulRequestLatency", "Average", "average"),),
        expression="FILL(latency, 0)",
        unit="milliseconds",
        **place,
        alarms=(
            AlarmRule(
                id=alarm,
                threshold=50,
                datapoints=9,
                periods=15,
                severity=Severity.P3,
                meaning=f"DynamoDB answers {operation} ten times more slowly than it should, for ten minutes.",
                first_step="Look at the AWS Health Dashboard of the region; then whether records grew.",
            ),
        ),
    )


def _system_errors(table_name: str, place: dict) -> Signal:
    metrics = tuple(
        metrics_of(NAMESPACE, {"TableName": table_name, "Operation": operation})(
            f"errors{number}", "SystemErrors", "Sum", operation
        )
        for number, operation in enumerate((*WRITES, *READS), start=1)
    )
    # SUM of a list adds what is there: an operation that never failed has no such metric.
    filled = ", ".join(f"FILL({metric.id}, 0)" for metric in metrics)
    return Signal(
        title="Requests DynamoDB failed by itself",
        metrics=metrics,
        expression=f"SUM([{filled}])",
        unit="requests a minute",
        **place,
        alarms=(
            AlarmRule(
                id=AlarmId.TABLE_SYSTEM_ERRORS,
                threshold=0,
                datapoints=3,
                periods=30,
                severity=Severity.P2,
                meaning="DynamoDB fails requests by itself, not for lack of units. Events are retried and wait.",
                first_step="Look at the AWS Health Dashboard of the region; there is nothing here to mend.",
            ),
        ),
    )
