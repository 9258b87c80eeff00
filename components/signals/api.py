"""What is worth watching about the API: whether it answers, how fast, and who is refused."""

from functools import partial

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import ApiMetric, Metric, Metrics, Statistic, api_metrics, emitted_metrics
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    Alarm,
    Board,
    Comparison,
    Reference,
    Section,
    Severity,
    Signal,
)
from handlers.vocabulary import QUERY_OBJECTIVE_MILLISECONDS

API_SERVICE = "api"
# Counted by a filter on the access log: API Gateway's own metrics do not tell 401 and 403 from other refusals.
AUTHORIZATION_REFUSED = "AuthorizationRefused"

_on_both_boards = partial(Signal, section=Section.API, boards=(Board.OVERVIEW, Board.API))
_on_api_board = partial(Signal, section=Section.API, boards=(Board.API,))
_about_callers = partial(Signal, section=Section.CALLERS, boards=(Board.API,))


def authorization_refused(stack: str) -> Metric:
    """Requests of our route that were refused for their token."""
    return emitted_metrics(API_SERVICE, stack).sum(AUTHORIZATION_REFUSED, "refused", label="401 and 403")


def api_signals(api_name: str, stage: str, stack: str, rate_limit: int) -> tuple[Signal, ...]:
    """Signals of the API."""
    api = api_metrics(api_name, stage)
    return (*_failures(api), *_traffic(api, rate_limit), *_callers(api, stack))


def _failures(api: Metrics[ApiMetric]) -> tuple[Signal, ...]:
    requests = api.sum(ApiMetric.REQUESTS, "requests")
    errors = api.sum(ApiMetric.SERVER_ERRORS, "errors", label="5XX")
    return (
        _on_api_board(
            title="API fails for at least half of its callers (1 = so)",
            metrics=(requests, errors),
            expression="IF(100 * errors / requests >= 50, 1, 0)",
            unit="yes or no",
            alarms=(
                Alarm(
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
        _on_both_boards(
            title="API requests failing inside",
            metrics=(requests, errors),
            # Without a floor, one error among a handful of requests would page.
            expression="IF(requests >= 20, 100 * errors / requests, 0)",
            unit="percent",
            alarms=(
                Alarm(
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
        _on_api_board(
            title="Failed requests, each of them",
            metrics=(errors,),
            unit="requests",
            period_seconds=300,
            alarms=(
                Alarm(
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


def _traffic(api: Metrics[ApiMetric], rate_limit: int) -> tuple[Signal, ...]:
    in_five_minutes = 300 * rate_limit
    return (
        _on_both_boards(
            title="API requests",
            metrics=(
                api.sum(ApiMetric.REQUESTS, "requests"),
                api.sum(ApiMetric.CLIENT_ERRORS, "refused", label="4XX"),
                api.sum(ApiMetric.SERVER_ERRORS, "errors", label="5XX"),
            ),
            unit="requests a minute",
        ),
        _on_both_boards(
            title="API latency",
            metrics=(
                api.of(ApiMetric.LATENCY, Statistic.P50, "typical"),
                api.of(ApiMetric.LATENCY, Statistic.P90, "slow"),
                api.of(ApiMetric.LATENCY, Statistic.P99, "slowest"),
            ),
            unit="milliseconds",
            alarms=(
                Alarm(
                    id=AlarmId.API_LATENCY,
                    metric_id="slow",
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
        _on_api_board(
            title="Latency p90: whole, and behind the API",
            metrics=(
                api.of(ApiMetric.LATENCY, Statistic.P90, "all", label="whole request"),
                api.of(ApiMetric.INTEGRATION_LATENCY, Statistic.P90, "behind", label="query function"),
            ),
            unit="milliseconds",
        ),
        _on_api_board(
            title="Requests in five minutes, against the limit",
            metrics=(api.sum(ApiMetric.REQUESTS, "requests"),),
            unit="requests",
            period_seconds=300,
            references=(Reference(value=in_five_minutes, label="apiRateLimit, used up all the time"),),
            alarms=(
                Alarm(
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


def _callers(api: Metrics[ApiMetric], stack: str) -> tuple[Signal, ...]:
    return (
        _about_callers(
            title="Requests refused",
            metrics=(api.sum(ApiMetric.REQUESTS, "requests"), api.sum(ApiMetric.CLIENT_ERRORS, "refused", label="4XX")),
            expression="IF(requests >= 20, 100 * refused / requests, 0)",
            unit="percent",
            alarms=(
                Alarm(
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
        _about_callers(
            title="Requests refused for their token",
            metrics=(authorization_refused(stack), api.sum(ApiMetric.REQUESTS, "requests")),
            # A share too: among many callers there is always somebody whose token has just expired.
            expression="IF(refused > 20, 100 * refused / requests, 0)",
            unit="percent",
            period_seconds=300,
            alarms=(
                Alarm(
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
