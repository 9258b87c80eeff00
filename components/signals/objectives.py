"""What the service promises over 30 days, and the two alarms that page: one for each journey of a user's data."""

from components.api import STAGE
from components.monitoring.signals import AlarmId, CompositeRule, Severity, metrics_of
from components.monitoring.slo import ServiceLevelObjective
from components.signals.outcomes import emitted_by
from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    FRESHNESS_OBJECTIVE_SECONDS,
    QUERY_OBJECTIVE_MILLISECONDS,
    QUERY_SERVICE,
    MetricName,
)

# One page for a fault, however many alarms see it: the next waits until the journey is healthy again. Two of them, so
# that somebody who works on one journey is still woken by the other.
JOURNEYS = (
    CompositeRule(
        id=AlarmId.INGEST_UNHEALTHY,
        any_of=(
            AlarmId.CONSUMER_DOWN,
            AlarmId.INGEST_DOWN,
            AlarmId.SLO_INGEST_TIMELY_FAST,
            AlarmId.SLO_INGEST_TIMELY_MEDIUM,
        ),
        severity=Severity.P1,
        meaning="Logins are not stored, or late: nothing is consumed, every event fails, or the error budget burns.",
        first_step="The message names the alarm that began it: go on at its heading in the runbook.",
    ),
    CompositeRule(
        id=AlarmId.API_UNHEALTHY,
        any_of=(
            AlarmId.API_DOWN,
            AlarmId.API_5XX,
            AlarmId.SLO_API_AVAILABILITY_FAST,
            AlarmId.SLO_API_AVAILABILITY_MEDIUM,
            AlarmId.SLO_API_LATENCY_FAST,
            AlarmId.SLO_API_LATENCY_MEDIUM,
        ),
        severity=Severity.P1,
        meaning="Callers of the API get errors or wait: it fails for many, or the error budget burns.",
        first_step="The message names the alarm that began it: go on at its heading in the runbook.",
    ),
)


def objectives(stack: str, api_name: str) -> tuple[ServiceLevelObjective, ...]:
    """The objectives of a stack."""
    api = metrics_of("AWS/ApiGateway", {"ApiName": api_name, "Stage": STAGE})
    query = emitted_by(QUERY_SERVICE, stack)
    ingest = emitted_by(EVENT_HANDLER_SERVICE, stack)
    return (
        ServiceLevelObjective(
            id="api-availability",
            title="API availability",
            metrics=(api("errors", "5XXError", "Sum", "5XX"), api("requests", "Count", "Sum", "requests")),
            bad="errors",
            total="requests",
            target_percent=99.9,
            paged_by=AlarmId.API_UNHEALTHY,
            meaning="The API fails too often for its callers.",
            first_step="On the API board, compare with the query function's failures, then its last errors.",
        ),
        ServiceLevelObjective(
            id="api-latency",
            title=f"API answers within {QUERY_OBJECTIVE_MILLISECONDS / 1000:g} s",
            # One value a query, 0 or 1: their sum is the slow ones, their number all.
            metrics=(
                query("slow", MetricName.QUERY_SLOW, "Sum", "slow"),
                query("queries", MetricName.QUERY_SLOW, "SampleCount", "queries"),
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
            id="ingest-timely",
            title=f"Events stored within {FRESHNESS_OBJECTIVE_SECONDS} s",
            metrics=(
                ingest("late", MetricName.EVENT_LATE, "Sum", "late"),
                ingest("exhausted", MetricName.EVENT_EXHAUSTED, "Sum", "given up"),
                ingest("persisted", MetricName.EVENT_PERSISTED, "Sum", "stored"),
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
