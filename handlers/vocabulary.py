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


# An event stored later than this after it was sent is late; a query slower than this is slow. Objectives count both.
FRESHNESS_OBJECTIVE_SECONDS: Final = 60
QUERY_OBJECTIVE_MILLISECONDS: Final = 1000


class Outcome:
    """What became of one event or one query: values of the log field and trace annotation `outcome`."""

    PERSISTED: Final = "persisted"
    INVALID: Final = "invalid"
    FAILED: Final = "failed"
    EXHAUSTED: Final = "exhausted"
    PARTIAL: Final = "partial"
    SUCCESS: Final = "success"
    ERROR: Final = "error"


class ErrorCode:
    """Why: values of the log field `error_code` and of the attribute of that name on a quarantined message.

    A failure that AWS reported carries AWS's own code, or the class name of the exception, instead.
    """

    # The message can never succeed.
    BODY_NOT_JSON: Final = "body_not_json"
    BODY_NOT_OBJECT: Final = "body_not_object"
    BODY_DUPLICATE_KEY: Final = "body_duplicate_key"
    FIELD_MISSING: Final = "field_missing"
    FIELD_NOT_STRING: Final = "field_not_string"
    FIELD_LENGTH: Final = "field_length"
    FIELD_BLANK: Final = "field_blank"
    FIELD_UNPRINTABLE: Final = "field_unprintable"
    TIMESTAMP_MALFORMED: Final = "timestamp_malformed"
    TIMESTAMP_IN_FUTURE: Final = "timestamp_in_future"
    RECORD_TOO_LARGE: Final = "record_too_large"
    # The path of a query is not percent-encoded UTF-8.
    PATH_NOT_UTF8: Final = "path_not_utf8"
    # Passing: the message is tried again.
    READ_UNPROCESSED: Final = "read_unprocessed"
    WRITE_CONFLICTS: Final = "write_conflicts"
    OUT_OF_TIME: Final = "out_of_time"
    NOT_ACCEPTED: Final = "not_accepted"
    # Its attributes cannot be sent on; redrive takes the message to the dead-letter queue as it is.
    ENVELOPE_UNREADABLE: Final = "envelope_unreadable"
