"""The id of every alarm. `components.signals` and the rest of `components.monitoring` define the alarms."""

from collections.abc import Iterator
from enum import StrEnum


class ObjectiveId(StrEnum):
    """Every service level objective."""

    API_AVAILABILITY = "api-availability"
    API_LATENCY = "api-latency"
    INGEST_TIMELY = "ingest-timely"


class PaceId(StrEnum):
    """How fast an error budget burns."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"


class Window(StrEnum):
    """The two windows in which a pace is seen."""

    LONG = "long"
    SHORT = "short"


def _slo_name(objective: ObjectiveId, pace: PaceId, window: Window | None) -> str:
    return "-".join(["slo", objective, pace, *([window] if window else [])])


def _slo_names() -> Iterator[str]:
    for objective in ObjectiveId:
        for pace in PaceId:
            yield from (_slo_name(objective, pace, window) for window in (None, *Window))


class AlarmId(StrEnum):
    """An id is the logical name of an alarm, the end of its physical name and its heading in the runbook."""

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
    EVENT_HANDLER_CANARY = "event-handler-canary"
    CONSUMER_CONCURRENCY = "consumer-concurrency"
    QUERY_ERRORS = "query-errors"
    QUERY_THROTTLES = "query-throttles"
    QUERY_DURATION = "query-duration"
    QUERY_CANARY = "query-canary"

    TABLE_WRITE_THROTTLE = "table-write-throttle"
    TABLE_READ_THROTTLE = "table-read-throttle"
    TABLE_SYSTEM_ERRORS = "table-system-errors"
    TABLE_LATENCY_UPDATE_ITEM = "table-latency-update-item"
    TABLE_LATENCY_BATCH_GET_ITEM = "table-latency-batch-get-item"
    TABLE_LATENCY_GET_ITEM = "table-latency-get-item"
    RECORD_DAMAGED = "record-damaged"

    PROBE_FAILING = "probe-failing"

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

    # The alarms of the objectives, such as SLO_API_LATENCY_FAST_LONG = "slo-api-latency-fast-long".
    vars().update({name.upper().replace("-", "_"): name for name in _slo_names()})

    @property
    def heading(self) -> "AlarmId":
        """Its heading in the runbook."""
        return self


class ConsumerAlarmId(str):
    """The id of an alarm of another consumer, `CONSUMER-ID`; its heading in the runbook is that of the alarm."""

    __slots__ = ("heading",)
    heading: AlarmId

    def __new__(cls, consumer: str, alarm: AlarmId) -> "ConsumerAlarmId":
        """Return the id of this alarm for that consumer."""
        made = super().__new__(cls, f"{consumer}-{alarm}")
        made.heading = alarm
        return made


AnyAlarmId = AlarmId | ConsumerAlarmId


def slo_alarm(objective: ObjectiveId, pace: PaceId, window: Window | None = None) -> AlarmId:
    """Return the id of the alarm on one pace of an objective, or on one of the two windows it combines."""
    return AlarmId(_slo_name(objective, pace, window))


# Alarms that combine others, without a threshold to override.
COMPOSITES = frozenset(
    {AlarmId.SERVICE_HEALTH, AlarmId.INGEST_UNHEALTHY, AlarmId.API_UNHEALTHY, AlarmId.CONSUMER_DOWN}
    | {slo_alarm(objective, pace) for objective in ObjectiveId for pace in PaceId}
)
