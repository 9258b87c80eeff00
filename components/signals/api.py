"""What is worth monitoring about the API: failures, latency, and rejected requests."""

from functools import partial

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import AccessLogMetric, ApiMetric, Metric, Statistic, metrics_of, own_metrics
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    Board,
    Drawing,
    Reference,
    Section,
    Severity,
    Signal,
    above,
    at_least,
)
from components.signals.function import QUERY
from handlers.vocabulary import QUERY_OBJECTIVE_MILLISECONDS

API_SERVICE = "api"

_on_both_boards = partial(
    Signal, section=Section.API, overview_section=Section.TRAFFIC, boards=(Board.OVERVIEW, Board.API)
)
_on_api_board = partial(Signal, section=Section.API, boards=(Board.API,))
_about_callers = partial(Signal, section=Section.CALLERS, boards=(Board.API,))


def authorization_refused(stack: str) -> Metric:
    """Return the metric of requests of our route that were rejected for their token."""
    counted = own_metrics(AccessLogMetric, API_SERVICE, stack)
    return counted.sum(AccessLogMetric.AUTHORIZATION_REFUSED, "refused", label="401 and 403")


def api_signals(api_name: str, stage: str, stack: str, rate_limit: int) -> tuple[Signal, ...]:
    """Return the signals of the API."""
    api = metrics_of(ApiMetric, ApiName=api_name, Stage=stage)
    requests = api.sum(ApiMetric.REQUESTS, "requests")
    errors = api.sum(ApiMetric.SERVER_ERRORS, "errors", label="5XX")
    refused = api.sum(ApiMetric.CLIENT_ERRORS, "refused", label="4XX")
    versions = QUERY.versions(stack)
    in_five_minutes = 300 * rate_limit
    return (
        _on_api_board(
            title="At least half of the API requests fail (1 = yes)",
            metrics=(requests, errors),
            expression="IF(100 * errors / requests >= 50, 1, 0)",
            unit="yes or no",
            # Two minutes, or one failure at night would page; of an hour, or the page would come and go with the
            # requests at a few requests an hour.
            alarm=at_least(1, 2, of=60, severity=None)(
                id=AlarmId.API_DOWN,
                meaning="At least half of the API requests failed in two minutes or more of the last hour.",
                first_step="On the API board: does the query function fail, or only API Gateway?",
            ),
        ),
        _on_both_boards(
            title="API requests that fail",
            overview_section=Section.FAILURES,
            metrics=(requests, errors),
            # Without a floor, one error among a handful of requests would page.
            expression="IF(requests >= 20, 100 * errors / requests, 0)",
            unit="percent",
            drawn=Drawing(
                expression="100 * errors / requests", unit="percent", condition="at 20 requests a minute or more"
            ),
            versions=versions,
            alarm=above(5, 3, of=3 + UNPUBLISHED_MINUTES, severity=None)(
                id=AlarmId.API_5XX,
                meaning="Clients get server errors: more than one request in twenty has failed for three minutes.",
                first_step="On the API board, compare with the failures of the query function; then read its last"
                " errors.",
            ),
        ),
        _on_api_board(
            title="Failed API requests",
            metrics=(errors,),
            unit="requests",
            period_seconds=300,
            # One mail for failures that repeat within the hour.
            alarm=at_least(1, 1, of=12, severity=Severity.P3)(
                id=AlarmId.API_5XX_ANY,
                meaning="At least one API request failed. This alarm catches failures too few for the other alarms.",
                first_step="Find the request in the access log by a status from 500 to 504, then open its trace.",
            ),
        ),
        _on_both_boards(title="API requests", metrics=(requests, refused, errors), unit="requests a minute"),
        _on_both_boards(
            title="API latency",
            metrics=api.each(ApiMetric.LATENCY, typical=Statistic.P50, slow=Statistic.P90, slowest=Statistic.P99),
            unit="milliseconds",
            versions=versions,
            # With few requests in a minute, p90 often misses the slow ones.
            alarm=at_least(QUERY_OBJECTIVE_MILLISECONDS, 5, of=30, severity=Severity.P2)(
                id=AlarmId.API_LATENCY,
                metric_id="slow",
                meaning="One API request in ten takes a second or longer.",
                first_step="On the API board, compare with the latency of the query function; the rest is API"
                " Gateway's.",
            ),
        ),
        _on_api_board(
            title="Latency p90: whole request, and query function",
            metrics=(
                api.of(ApiMetric.LATENCY, Statistic.P90, "all", label="whole request"),
                api.of(ApiMetric.INTEGRATION_LATENCY, Statistic.P90, "behind", label="query function"),
            ),
            unit="milliseconds",
        ),
        _on_api_board(
            title="Requests in five minutes, and the limit",
            metrics=(requests,),
            unit="requests",
            period_seconds=300,
            references=(Reference(value=in_five_minutes, label="apiRateLimit for five minutes"),),
            # In a flood of rejections API Gateway may stop logging and counting, so alarm before the limit.
            alarm=above(0.8 * in_five_minutes, 2, of=3, severity=Severity.P3)(
                id=AlarmId.API_NEAR_LIMIT,
                meaning="Clients use 80 % of apiRateLimit, the limit for all clients together; 429 responses come"
                " next.",
                first_step="On the API board, find the client that sends the most requests; ask its owner whether it"
                " should.",
            ),
        ),
        _about_callers(
            title="Rejected requests",
            metrics=(requests, refused),
            expression="IF(requests >= 20, 100 * refused / requests, 0)",
            unit="percent",
            drawn=Drawing(
                expression="100 * refused / requests", unit="percent", condition="at 20 requests a minute or more"
            ),
            alarm=above(5, 5, of=15, severity=Severity.P3)(
                id=AlarmId.API_4XX,
                meaning="More than one API request in twenty is rejected: a client is broken, or an attacker probes"
                " the API.",
                first_step="Group the access log by status and client with saved query 12.",
            ),
        ),
        _about_callers(
            title="Requests rejected for their token",
            metrics=(authorization_refused(stack), requests),
            # A share too: among many requests there is always a token that has just expired.
            expression="IF(refused > 20, 100 * refused / requests, 0)",
            unit="percent",
            drawn=Drawing(expression="100 * refused / requests", unit="percent", condition="if more than 20"),
            period_seconds=300,
            alarm=above(10, 3, of=6, severity=Severity.P3)(
                id=AlarmId.API_AUTH_SPIKE,
                meaning="More than one API request in ten has no valid token: a client's credentials expired, or an"
                " attacker guesses tokens.",
                first_step="Group the requests by authorizer error and source address with saved query 13.",
            ),
        ),
    )
