"""The words the handlers and the infrastructure share: constants only, so that neither can drift from the other.

`components` reads this module (its one door into `handlers`) to build alarms, dashboards and environments.
"""

from typing import Final

METRICS_NAMESPACE: Final = "EventProcessing"

# Dimensions of every custom metric. Never an id: each distinct value is a metric of its own, and a bill.
SERVICE_DIMENSION: Final = "service"
STACK_DIMENSION: Final = "stack"

EVENT_HANDLER_SERVICE: Final = "event-handler"
QUERY_SERVICE: Final = "query"


class Environment:
    """Names of the environment variables the functions are configured with."""

    TABLE_NAME: Final = "TABLE_NAME"
    DEAD_LETTER_QUEUE_URL: Final = "DEAD_LETTER_QUEUE_URL"
    MAX_RECEIVE_COUNT: Final = "MAX_RECEIVE_COUNT"
    STACK: Final = "STACK"
    VERSION: Final = "VERSION"
    # Read by Powertools, not by us.
    SERVICE: Final = "POWERTOOLS_SERVICE_NAME"
    METRICS_NAMESPACE: Final = "POWERTOOLS_METRICS_NAMESPACE"
    LOG_LEVEL: Final = "POWERTOOLS_LOG_LEVEL"


class Metric:
    """Names of the custom metrics; units and meanings are in docs/ and in `handlers.telemetry`."""

    EVENT_RECEIVED: Final = "EventReceived"
    EVENT_PERSISTED: Final = "EventPersisted"
    EVENT_STALE: Final = "EventStale"
    EVENT_INVALID: Final = "EventInvalid"
    EVENT_FAILED: Final = "EventFailed"
    EVENT_EXHAUSTED: Final = "EventExhausted"
    EVENT_LATE: Final = "EventLate"
    EVENT_AGE: Final = "EventAge"
    WRITE_CONFLICT: Final = "WriteConflict"
    BATCH_SIZE: Final = "BatchSize"
    BATCH_DURATION: Final = "BatchDuration"
    RECORD_BYTES: Final = "RecordBytes"
    QUERY_SUCCESS: Final = "QuerySuccess"
    QUERY_EMPTY: Final = "QueryEmpty"
    QUERY_INVALID: Final = "QueryInvalid"
    QUERY_ERROR: Final = "QueryError"
    QUERY_SLOW: Final = "QuerySlow"
    RECORD_MALFORMED: Final = "RecordMalformed"
    QUERY_DURATION: Final = "QueryDuration"
    QUERY_SERVICES: Final = "QueryServices"
    COLD_START: Final = "ColdStart"
