"""The objectives of the service over 30 days, and the two alarms that page: one for storing logins, one for the API."""

from components.monitoring.alarm_ids import AlarmId, ObjectiveId, slo_alarm
from components.monitoring.metrics import ApiMetric, Statistic, metrics_of, own_metrics
from components.monitoring.signals import CompositeAlarm, Severity
from components.monitoring.slo import PACES, ServiceLevelObjective
from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    FRESHNESS_OBJECTIVE_SECONDS,
    QUERY_OBJECTIVE_MILLISECONDS,
    QUERY_SERVICE,
    MetricName,
)


def _burning(*objectives: ObjectiveId) -> tuple[AlarmId, ...]:
    return tuple(slo_alarm(objective, pace.id) for objective in objectives for pace in PACES if pace.severity is None)


# One page per fault, however many alarms see it: the next page waits until the journey is healthy again. Two journeys,
# so that an engineer who works on one is still paged for the other.
JOURNEYS = (
    CompositeAlarm(
        id=AlarmId.INGEST_UNHEALTHY,
        any_of=(AlarmId.CONSUMER_DOWN, AlarmId.INGEST_DOWN, *_burning(ObjectiveId.INGEST_TIMELY)),
        severity=Severity.P1,
        meaning="Logins are stored late or not at all: no event is processed, nearly all events fail, or the error"
        " budget burns.",
        first_step="The message names the alarm that started it: continue at its heading in the runbook.",
    ),
    CompositeAlarm(
        id=AlarmId.API_UNHEALTHY,
        any_of=(AlarmId.API_DOWN, AlarmId.API_5XX, *_burning(ObjectiveId.API_AVAILABILITY, ObjectiveId.API_LATENCY)),
        severity=Severity.P1,
        meaning="Clients of the API get errors or wait: many requests fail, or the error budget burns.",
        first_step="The message names the alarm that started it: continue at its heading in the runbook.",
    ),
)


def objectives(*, stack: str, api_name: str, api_stage: str) -> tuple[ServiceLevelObjective, ...]:
    """Return the objectives of a stack."""
    api = metrics_of(ApiMetric, ApiName=api_name, Stage=api_stage)
    query = own_metrics(MetricName, QUERY_SERVICE, stack)
    ingest = own_metrics(MetricName, EVENT_HANDLER_SERVICE, stack)
    return (
        ServiceLevelObjective(
            id=ObjectiveId.API_AVAILABILITY,
            title="API availability",
            metrics=(api.sum(ApiMetric.SERVER_ERRORS, "errors", label="5XX"), api.sum(ApiMetric.REQUESTS, "requests")),
            bad="errors",
            total="requests",
            target_percent=99.9,
            paged_by=AlarmId.API_UNHEALTHY,
            meaning="Too many API requests fail.",
            first_step="On the API board, compare with the failures of the query function; then read its last errors.",
        ),
        ServiceLevelObjective(
            id=ObjectiveId.API_LATENCY,
            title=f"API answers within {QUERY_OBJECTIVE_MILLISECONDS / 1000:g} s",
            # One value per query, 0 or 1: the sum counts the slow queries, the number of values all queries.
            metrics=(
                query.sum(MetricName.QUERY_SLOW, "slow"),
                query.of(MetricName.QUERY_SLOW, Statistic.SAMPLE_COUNT, "queries"),
            ),
            bad="slow",
            total="queries",
            target_percent=99,
            paged_by=AlarmId.API_UNHEALTHY,
            note="Measured in the query function; the latency of the API also contains the time in API Gateway.",
            meaning="Too many API requests are slow.",
            first_step="On the API board: is the table slow, are there many cold starts, or is the function itself"
            " slow?",
        ),
        ServiceLevelObjective(
            id=ObjectiveId.INGEST_TIMELY,
            title=f"Events stored within {FRESHNESS_OBJECTIVE_SECONDS} s",
            metrics=(
                ingest.sum(MetricName.EVENT_LATE, "late"),
                ingest.sum(MetricName.EVENT_EXHAUSTED, "exhausted", label="given up"),
                ingest.sum(MetricName.EVENT_PERSISTED, "persisted", label="stored"),
            ),
            bad="late + exhausted",
            total="persisted + exhausted",
            target_percent=99.5,
            paged_by=AlarmId.INGEST_UNHEALTHY,
            note="A stopped consumer or a crashing event handler counts no events: see consumer-down and ingest-down."
            " A retried event is late.",
            meaning="Too many logins are stored late or not at all.",
            first_step="On the ingest board: do events wait in the queue, or do they fail and come back?",
        ),
    )
