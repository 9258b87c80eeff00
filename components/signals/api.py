"""What is worth watching about the API: whether it answers, how fast, and who is refused."""

from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    AlarmId,
    AlarmRule,
    Board,
    Comparison,
    Metric,
    MetricMaker,
    Reference,
    Section,
    Severity,
    Signal,
    metrics_of,
)
from handlers.vocabulary import METRICS_NAMESPACE, QUERY_OBJECTIVE_MILLISECONDS, SERVICE_DIMENSION, STACK_DIMENSION

API_SERVICE = "api"
# Counted by a filter on the access log: API Gateway's own metrics do not tell 401 and 403 from other refusals.
AUTHORIZATION_REFUSED = "AuthorizationRefused"

BOTH = {"section": Section.API, "boards": (Board.OVERVIEW, Board.API)}
ON_API = {"section": Section.API, "boards": (Board.API,)}


def authorization_refused(stack: str) -> Metric:
    """Requests of our route that were refused for their token."""
    metric = metrics_of(METRICS_NAMESPACE, {SERVICE_DIMENSION: API_SERVICE, STACK_DIMENSION: stack})
    return metric("refused", AUTHORIZATION_REFUSED, "Sum", "401 and 403")


def api_signals(api_name: str, stage: str, stack: str, rate_limit: int) -> tuple[Signal, ...]:
    """Signals of the API."""
    metric = metrics_of("AWS/ApiGateway", {"ApiName": api_name, "Stage": stage})
    return (*_failures(metric), *_traffic(metric, rate_limit), *_callers(metric, stack))


def _failures(metric: MetricMaker) -> tuple[Signal, ...]:
    requests = metric("requests", "Count", "Sum", "requests")
    errors = metric("errors", "5XXError", "Sum", "5XX")
    return (
        Signal(
            title="API fails for at least half of its callers (1 = so)",
            metrics=(requests, errors),
            expression="IF(100 * errors / requests >= 50, 1, 0)",
            unit="yes or no",
            **ON_API,
            alarms=(
                AlarmRule(
                    id=AlarmId.API_DOWN,
                    threshold=1,
                    comparison=Comparison.AT_LEAST,
                    # Two, or one failure in the night would page; of an hour, or at a few requests an hour the page
                    # would come and go with the requests.
                    datapoints=2,
                    periods=60,
                    severity=None,
                    meaning="The API failed for at least half of its callers in two minutes or more of the last hour.",
                    first_step="On the API board: does the query function fail, or API Gateway without it?",
                ),
            ),
        ),
        Signal(
            title="API requests failing inside",
            metrics=(requests, errors),
            # Without a floor, one error among a handful of requests would page.
            expression="IF(requests >= 20, 100 * errors / requests, 0)",
            unit="percent",
            **BOTH,
            alarms=(
                AlarmRule(
                    id=AlarmId.API_5XX,
                    threshold=5,
                    datapoints=3,
                    periods=3 + UNPUBLISHED_MINUTES,
                    severity=None,
                    meaning="Callers get errors that are ours: more than one request in twenty, for three minutes.",
                    first_step="On the API board, compare with the query function's failures, then its last errors.",
                ),
            ),
        ),
        Signal(
            title="Failed requests, each of them",
            metrics=(errors,),
            unit="requests",
            period_seconds=300,
            **ON_API,
            alarms=(
                AlarmRule(
                    id=AlarmId.API_5XX_ANY,
                    threshold=1,
                    comparison=Comparison.AT_LEAST,
                    datapoints=1,
                    # One mail for what comes again within the hour.
                    periods=12,
                    severity=Severity.P3,
                    meaning="At least one request failed inside. The net under the alarms that wait for more.",
                    first_step="Find it in the access log by status 500 to 504, then its trace.",
                ),
            ),
        ),
    )


def _traffic(metric: MetricMaker, rate_limit: int) -> tuple[Signal, ...]:
    in_five_minutes = 300 * rate_limit
    return (
        Signal(
            title="API requests",
            metrics=(
                metric("requests", "Count", "Sum", "requests"),
                metric("refused", "4XXError", "Sum", "4XX"),
                metric("errors", "5XXError", "Sum", "5XX"),
            ),
            unit="requests a minute",
            **BOTH,
        ),
        Signal(
            title="API latency",
            metrics=(
                metric("typical", "Latency", "p50", "p50"),
                metric("slow", "Latency", "p90", "p90"),
                metric("slowest", "Latency", "p99", "p99"),
            ),
            unit="milliseconds",
            **BOTH,
            alarms=(
                AlarmRule(
                    id=AlarmId.API_LATENCY,
                    watches="slow",
                    threshold=QUERY_OBJECTIVE_MILLISECONDS,
                    comparison=Comparison.AT_LEAST,
                    datapoints=5,
                    # The p90 of few requests is mostly that of the fast ones.
                    periods=30,
                    severity=Severity.P2,
                    meaning="One caller in ten waits a second or longer.",
                    first_step="On the API board, compare with the function's latency: the rest is API Gateway's.",
                ),
            ),
        ),
        Signal(
            title="Latency p90: whole, and behind the API",
            metrics=(
                metric("all", "Latency", "p90", "whole request"),
                metric("behind", "IntegrationLatency", "p90", "query function"),
            ),
            unit="milliseconds",
            **ON_API,
        ),
        Signal(
            title="Requests in five minutes, against the limit",
            metrics=(metric("requests", "Count", "Sum", "requests"),),
            unit="requests",
            period_seconds=300,
            **ON_API,
            references=(Reference(value=in_five_minutes, label="apiRateLimit, used up all the time"),),
            alarms=(
                AlarmRule(
                    id=AlarmId.API_NEAR_LIMIT,
                    # In a flood of refusals API Gateway may stop logging and counting, so watch the approach.
                    threshold=0.8 * in_five_minutes,
                    datapoints=2,
                    periods=3,
                    severity=Severity.P3,
                    meaning="Callers use four fifths of what apiRateLimit allows all of them together; 429 comes next.",
                    first_step="See on the API board which client calls so often, and whether it should.",
                ),
            ),
        ),
    )


def _callers(metric: MetricMaker, stack: str) -> tuple[Signal, ...]:
    place = {"section": Section.CALLERS, "boards": (Board.API,)}
    return (
        Signal(
            title="Requests refused",
            metrics=(metric("requests", "Count", "Sum", "requests"), metric("refused", "4XXError", "Sum", "4XX")),
            expression="IF(requests >= 20, 100 * refused / requests, 0)",
            unit="percent",
            **place,
            alarms=(
                AlarmRule(
                    id=AlarmId.API_4XX,
                    threshold=5,
                    datapoints=5,
                    periods=15,
                    severity=Severity.P3,
                    meaning="More than one request in twenty is refused: a client broke, or somebody tries doors.",
                    first_step="Group the access log by status and client with saved query 12.",
                ),
            ),
        ),
        Signal(
            title="Requests refused for their token",
            metrics=(authorization_refused(stack), metric("requests", "Count", "Sum", "requests")),
            # A share too: among many callers there is always somebody whose token has just expired.
            expression="IF(refused > 20, 100 * refused / requests, 0)",
            unit="percent",
            period_seconds=300,
            **place,
            alarms=(
                AlarmRule(
                    id=AlarmId.API_AUTH_SPIKE,
                    threshold=10,
                    datapoints=3,
                    periods=6,
                    severity=Severity.P3,
                    meaning="More than one request in ten comes without a valid token: credentials expired at a"
                    " client, or an attack.",
                    first_step="Group them by authorizer error and source address with saved query 13.",
                ),
            ),
        ),
    )
