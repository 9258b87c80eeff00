"""What the service promises over 30 days, and the two alarms that page: one for each journey of a user's data."""

from components.monitoring.alarm_ids import AlarmId, ObjectiveId, slo_alarm
from components.monitoring.metrics import ApiMetric, Statistic, api_metrics, emitted_metrics
from components.monitoring.signals import CompositeAlarm, Severity
from components.monitoring.slo import PACES, ServiceLevelObjective
from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    FRESHNESS_OBJECTIVE_SECONDS,
    QUERY_OBJECTIVE_MILLISECONDS,
    QUERY_SERVICE,
)
from handlers.vocabulary import Metric as Emitted


def _burning(*objectives: ObjectiveId) -> tuple[AlarmId, ...]:
    return tuple(slo_alarm(objective, pace.id) for objective in objectives for pace in PACES if pace.severity is None)


# One page for a fault, however many alarms see it: the next waits until the journey is healthy again. Two of them, so
# that somebody who works on one journey is still woken by the other.
JOURNEYS = (
    CompositeAlarm(
        id=AlarmId.INGEST_UNHEALTHY,
        any_of=(
            AlarmId.CONSUMER_DOWN,
            AlarmId.INGEST_DOWN,
            *_burning(ObjectiveId.INGEST_TIMELY),
        ),
        severity=Severity.P1,
        meaning="Logins are not stored, or late: nothing is consumed, every event fails, or the error budget burns.",
        first_step="The message names the alarm that began it: go on at its heading in the runbook.",
    ),
    CompositeAlarm(
        id=AlarmId.API_UNHEALTHY,
        any_of=(
            AlarmId.API_DOWN,
            AlarmId.API_5XX,
            *_burning(ObjectiveId.API_AVAILABILITY, ObjectiveId.API_LATENCY),
        ),
        severity=Severity.P1,
        meaning="Callers of the API get errors or wait: it fails for many, or the error budget burns.",
        first_step="The message names the alarm that began it: go on at its heading in the runbook.",
    ),
)


def objectives(*, stack: str, api_name: str, api_stage: str) -> tuple[ServiceLevelObjective, ...]:
    """Return the objectives of a stack."""
    api = api_metrics(api_name, api_stage)
    query = emitted_metrics(QUERY_SERVICE, stack)
    ingest = emitted_metrics(EVENT_HANDLER_SERVICE, stack)
    return (
        ServiceLevelObjective(
            id=ObjectiveId.API_AVAILABILITY,
            title="API availability",
            metrics=(api.sum(ApiMetric.SERVER_ERRORS, "errors", label="5XX"), api.sum(ApiMetric.REQUESTS, "requests")),
            bad="errors",
            total="requests",
            target_percent=99.9,
            paged_by=AlarmId.API_UNHEALTHY,
            meaning="The API fails too often for its callers.",
            first_step="On the API board, compare with the query function's failures, then its last errors.",
        ),
        ServiceLevelObjective(
            id=ObjectiveId.API_LATENCY,
            title=f"API answers within {QUERY_OBJECTIVE_MILLISECONDS / 1000:g} s",
            # One value a query, 0 or 1: their sum is the slow ones, their number all.
            metrics=(
                query.sum(Emitted.QUERY_SLOW, "slow"),
                query.of(Emitted.QUERY_SLOW, Statistic.SAMPLE_COUNT, "queries"),
            ),
            bad="slow",
            total="queries",
            target_percent=99,
            paged_by=AlarmId.API_UNHEALTHY,
            note="Measured in the function; what callers wait for besides is in the API's latency.",
            meaning="The API is too slow too often for its callers.",
            first_step="On the API board: is it the table's latency, cold starts, or the function itself?",
        ),
        ServiceLevelObjective(
            id=ObjectiveId.INGEST_TIMELY,
            title=f"Events stored within {FRESHNESS_OBJECTIVE_SECONDS} s",
            metrics=(
                ingest.sum(Emitted.EVENT_LATE, "late"),
                ingest.sum(Emitted.EVENT_EXHAUSTED, "exhausted", label="given up"),
                ingest.sum(Emitted.EVENT_PERSISTED, "persisted", label="stored"),
            ),
            bad="late + exhausted",
            total="persisted + exhausted",
            target_percent=99.5,
            paged_by=AlarmId.INGEST_UNHEALTHY,
            note="A stopped consumer or a crashing handler counts nothing: consumer-down and ingest-down see those. "
            "A retried event is late.",
            meaning="Too many logins show late or not at all.",
            first_step="On the ingest board: do events wait in the queue, or fail and come back?",
        ),
    )
