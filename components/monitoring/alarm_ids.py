"""The id of every alarm there can be. What each watches is written beside the component that owns the resource."""

from enum import StrEnum


class AlarmId(StrEnum):
    """An id is the alarm's logical name, the end of its physical name and its heading in the runbook."""

    SERVICE_HEALTH = "service-health"
    INGEST_UNHEALTHY = "ingest-unhealthy"
    API_UNHEALTHY = "api-unhealthy"

    CONSUMER_DOWN = "consumer-down"
    QUEUE_AGE = "queue-age"
    CONSUMER_STALLED = "consumer-stalled"
    INGEST_DOWN = "ingest-down"
    INGEST_FAILURES = "ingest-failures"
    INGEST_EXHAUSTED = "ingest-exhausted"
    INGEST_CONTRACT = "ingest-contract"
    INGEST_INVALID = "ingest-invalid"
    DLQ_NOT_EMPTY = "dlq-not-empty"
    DLQ_EXPIRING = "dlq-expiring"
    DLQ_NEGLECTED = "dlq-neglected"
    QUEUE_SILENT = "queue-silent"

    EVENT_HANDLER_ERRORS = "event-handler-errors"
    EVENT_HANDLER_THROTTLES = "event-handler-throttles"
    EVENT_HANDLER_DURATION = "event-handler-duration"
    CONSUMER_CONCURRENCY = "consumer-concurrency"
    QUERY_ERRORS = "query-errors"
    QUERY_THROTTLES = "query-throttles"
    QUERY_DURATION = "query-duration"

    TABLE_WRITE_THROTTLE = "table-write-throttle"
    TABLE_READ_THROTTLE = "table-read-throttle"
    TABLE_SYSTEM_ERRORS = "table-system-errors"
    TABLE_LATENCY_UPDATE_ITEM = "table-latency-update-item"
    TABLE_LATENCY_BATCH_GET_ITEM = "table-latency-batch-get-item"
    TABLE_LATENCY_GET_ITEM = "table-latency-get-item"

    API_DOWN = "api-down"
    API_5XX = "api-5xx"
    API_5XX_ANY = "api-5xx-any"
    API_4XX = "api-4xx"
    API_LATENCY = "api-latency"
    API_NEAR_LIMIT = "api-near-limit"
    API_AUTH_SPIKE = "api-auth-spike"

    EMF_BROKEN = "emf-broken"
    ALERTS_UNDELIVERED = "alerts-undelivered"
    ALERTS_UNDELIVERED_P2 = "alerts-undelivered-p2"

    SLO_API_AVAILABILITY_FAST = "slo-api-availability-fast"
    SLO_API_AVAILABILITY_FAST_LONG = "slo-api-availability-fast-long"
    SLO_API_AVAILABILITY_FAST_SHORT = "slo-api-availability-fast-short"
    SLO_API_AVAILABILITY_MEDIUM = "slo-api-availability-medium"
    SLO_API_AVAILABILITY_MEDIUM_LONG = "slo-api-availability-medium-long"
    SLO_API_AVAILABILITY_MEDIUM_SHORT = "slo-api-availability-medium-short"
    SLO_API_AVAILABILITY_SLOW = "slo-api-availability-slow"
    SLO_API_AVAILABILITY_SLOW_LONG = "slo-api-availability-slow-long"
    SLO_API_AVAILABILITY_SLOW_SHORT = "slo-api-availability-slow-short"
    SLO_API_LATENCY_FAST = "slo-api-latency-fast"
    SLO_API_LATENCY_FAST_LONG = "slo-api-latency-fast-long"
    SLO_API_LATENCY_FAST_SHORT = "slo-api-latency-fast-short"
    SLO_API_LATENCY_MEDIUM = "slo-api-latency-medium"
    SLO_API_LATENCY_MEDIUM_LONG = "slo-api-latency-medium-long"
    SLO_API_LATENCY_MEDIUM_SHORT = "slo-api-latency-medium-short"
    SLO_API_LATENCY_SLOW = "slo-api-latency-slow"
    SLO_API_LATENCY_SLOW_LONG = "slo-api-latency-slow-long"
    SLO_API_LATENCY_SLOW_SHORT = "slo-api-latency-slow-short"
    SLO_INGEST_TIMELY_FAST = "slo-ingest-timely-fast"
    SLO_INGEST_TIMELY_FAST_LONG = "slo-ingest-timely-fast-long"
    SLO_INGEST_TIMELY_FAST_SHORT = "slo-ingest-timely-fast-short"
    SLO_INGEST_TIMELY_MEDIUM = "slo-ingest-timely-medium"
    SLO_INGEST_TIMELY_MEDIUM_LONG = "slo-ingest-timely-medium-long"
    SLO_INGEST_TIMELY_MEDIUM_SHORT = "slo-ingest-timely-medium-short"
    SLO_INGEST_TIMELY_SLOW = "slo-ingest-timely-slow"
    SLO_INGEST_TIMELY_SLOW_LONG = "slo-ingest-timely-slow-long"
    SLO_INGEST_TIMELY_SLOW_SHORT = "slo-ingest-timely-slow-short"


# An AND or OR of other alarms: there is no threshold of its own to override.
COMPOSITES = frozenset(
    {AlarmId.SERVICE_HEALTH, AlarmId.INGEST_UNHEALTHY, AlarmId.API_UNHEALTHY, AlarmId.CONSUMER_DOWN}
    | {one for one in AlarmId if one.startswith("slo-") and one.endswith(("-fast", "-medium", "-slow"))}
)
