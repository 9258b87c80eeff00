"""The names that the handlers and the infrastructure share, so that an alarm always matches the code that feeds it.

Constants only. This is the one module of `handlers` that `components` imports.
"""

from enum import StrEnum
from typing import Final

METRICS_NAMESPACE: Final = "EventProcessing"

# Dimensions of every custom metric. Never an id: CloudWatch bills each distinct value as a metric of its own.
SERVICE_DIMENSION: Final = "service"
STACK_DIMENSION: Final = "stack"

EVENT_HANDLER_SERVICE: Final = "event-handler"
QUERY_SERVICE: Final = "query"
PROBE_SERVICE: Final = "probe"

# The user whose logins the probe sends. No metric counts the events and queries of this user as those of a real one.
PROBE_USER: Final = "event-processing-probe"

# The alias that every caller of the functions names. It exists in every stack.
LIVE_ALIAS: Final = "live"

# An event is late if it is stored later than this after it was sent; a query is slow if it takes longer than this.
# The service level objectives count both.
FRESHNESS_OBJECTIVE_SECONDS: Final = 60
QUERY_OBJECTIVE_MILLISECONDS: Final = 1000


class Environment(StrEnum):
    """Names of the environment variables that configure the functions."""

    TABLE_NAME = "TABLE_NAME"
    DEAD_LETTER_QUEUE_URL = "DEAD_LETTER_QUEUE_URL"
    MAX_RECEIVE_COUNT = "MAX_RECEIVE_COUNT"
    STACK = "STACK"
    VERSION = "VERSION"
    # Of the probe: where it sends and asks, and the parameter that holds the secret of its client.
    QUEUE_URL = "QUEUE_URL"
    API_URL = "API_URL"
    API_SCOPE = "API_SCOPE"
    TOKEN_URL = "TOKEN_URL"  # noqa: S105 - the name of a variable
    CLIENT_ID = "CLIENT_ID"
    CLIENT_SECRET_PARAMETER = "CLIENT_SECRET_PARAMETER"  # noqa: S105 - the name of a variable
    # Optional: for how many seconds a busy function holds its metrics; 0 writes them after each invocation.
    METRICS_HOLD_SECONDS = "METRICS_HOLD_SECONDS"
    # No handler reads it: published versions of the functions with the same value were deployed together.
    RELEASE = "RELEASE"
    # Powertools reads these.
    SERVICE = "POWERTOOLS_SERVICE_NAME"
    METRICS_NAMESPACE = "POWERTOOLS_METRICS_NAMESPACE"


class MetricName(StrEnum):
    """Names of the custom metrics. Their units are in `handlers.metrics`."""

    EVENT_RECEIVED = "EventReceived"
    EVENT_PERSISTED = "EventPersisted"
    EVENT_STALE = "EventStale"
    EVENT_INVALID = "EventInvalid"
    EVENT_FAILED = "EventFailed"
    EVENT_EXHAUSTED = "EventExhausted"
    EVENT_LATE = "EventLate"
    EVENT_AGE = "EventAge"
    # Logins of the probe that the event handler received; no other metric of events counts them.
    EVENT_PROBED = "EventProbed"
    WRITE_CONFLICT = "WriteConflict"
    BATCH_SIZE = "BatchSize"
    BATCH_DURATION = "BatchDuration"
    RECORD_BYTES = "RecordBytes"
    QUERY_SUCCESS = "QuerySuccess"
    QUERY_EMPTY = "QueryEmpty"
    QUERY_INVALID = "QueryInvalid"
    QUERY_ERROR = "QueryError"
    QUERY_SLOW = "QuerySlow"
    RECORD_MALFORMED = "RecordMalformed"
    QUERY_DURATION = "QueryDuration"
    QUERY_SERVICES = "QueryServices"
    # 1 or 0 for each run of the probe, and how long its login took to show if it did.
    PROBE_SUCCESS = "ProbeSuccess"
    PROBE_DELAY = "ProbeDelay"
    COLD_START = "ColdStart"
    # The number of the published version that ran, so that a board shows when another version began to run.
    FUNCTION_VERSION = "FunctionVersion"


class Outcome(StrEnum):
    """What became of one event, batch or query: values of the log field and trace annotation `outcome`."""

    PERSISTED = "persisted"
    INVALID = "invalid"
    FAILED = "failed"
    EXHAUSTED = "exhausted"
    PARTIAL = "partial"
    SUCCESS = "success"
    ERROR = "error"


class ErrorCode(StrEnum):
    """Why it failed: values of the log field `error_code`, and of that attribute of a quarantined message.

    A failure that AWS reports carries AWS's own code instead, any other failure the class of its exception.
    """

    # The message can never succeed.
    BODY_NOT_JSON = "body_not_json"
    BODY_NOT_OBJECT = "body_not_object"
    BODY_DUPLICATE_KEY = "body_duplicate_key"
    BODY_TOO_DEEP = "body_too_deep"
    FIELD_MISSING = "field_missing"
    FIELD_NOT_STRING = "field_not_string"
    FIELD_LENGTH = "field_length"
    FIELD_BLANK = "field_blank"
    FIELD_UNPRINTABLE = "field_unprintable"
    FIELD_DOT_SEGMENT = "field_dot_segment"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    RECORD_TOO_LARGE = "record_too_large"
    # The path of a query is not percent-encoded UTF-8.
    PATH_NOT_UTF8 = "path_not_utf8"
    # A part of the stored record is not what the event handler writes: the answer to the query is partial.
    RECORD_MALFORMED = "record_malformed"
    # The failure is temporary: the message is retried.
    READ_UNPROCESSED = "read_unprocessed"
    WRITE_CONFLICTS = "write_conflicts"
    OUT_OF_TIME = "out_of_time"
    NOT_ACCEPTED = "not_accepted"
    # SQS would not accept the message's attributes: the redrive policy moves the message to the dead-letter queue.
    ENVELOPE_UNREADABLE = "envelope_unreadable"
