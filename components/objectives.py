"""What the service promises, over 30 days: three objectives and what counts as bad."""

from components.api import STAGE
from components.monitoring.signals import metrics_of
from components.monitoring.slo import ServiceLevelObjective
from components.outcome_signals import emitted_by
from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    FRESHNESS_OBJECTIVE_SECONDS,
    QUERY_OBJECTIVE_MILLISECONDS,
    QUERY_SERVICE,
    Metric,
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
            meaning="The API fails too often for its callers.",
            first_step="On the API board, compare with the query function's failures, then its last errors.",
        ),
        ServiceLevelObjective(
            id="api-latency",
            title=f"API answers within {QUERY_OBJECTIVE_MILLISECONDS / 1000:g} s",
            # One value a query, 0 or 1: their sum is the slow ones, their number all.
            metrics=(
                query("slow", Metric.QUERY_SLOW, "Sum", "slow"),
                query("queries", Metric.QUERY_SLOW, "SampleCount", "queries"),
            ),
            bad="slow",
            total="queries",
            target_percent=99,
            note="Measured in the function; what callers wait for besides is in the API's latency.",
            meaning="The API is too slow too often for its callers.",
            first_step="On the API board: is it the table's latency, cold starts, or the function itself?",
        ),
        ServiceLevelObjective(
            id="ingest-timely",
            title=f"Events stored within {FRESHNESS_OBJECTIVE_SECONDS} s",
            metrics=(
                ingest("late", Metric.EVENT_LATE, "Sum", "late"),
                ingest("exhausted", Metric.EVENT_EXHAUSTED, "Sum", "given up"),
                ingest("persisted", Metric.EVENT_PERSISTED, "Sum", "stored"),
            ),
            bad="late + exhausted",
            total="persisted + exhausted",
            target_percent=99.5,
            note="A stopped consumer or a crashing handler counts nothing: consumer-down and ingest-down see those. "
            "A retried event is late.",
            meaning="Too many logins show late or not at all.",
            first_step="On the ingest board: do events wait in the queue, or fail and come back?",
        ),
    )
