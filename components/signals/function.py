"""What is worth monitoring about a Lambda function: whether it fails, waits, slows down or runs out of room."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import LambdaMetric, Metrics, Statistic, metrics_of, newest_version, own_metrics
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    Board,
    Reference,
    Section,
    Severity,
    Signal,
    Versions,
    View,
    above,
    at_least,
)
from components.signals.outcomes import event_outcomes, query_outcomes
from components.signals.probe import probe_outcomes
from handlers.vocabulary import EVENT_HANDLER_SERVICE, LIVE_ALIAS, PROBE_SERVICE, QUERY_SERVICE, MetricName


@dataclass(frozen=True, kw_only=True)
class FunctionProfile:
    """What one function is called on the boards and in its alarms, and what it counts itself."""

    service: str
    """The value of the dimension `service` of its own metrics."""
    alarms: Literal["event-handler", "query"] | None
    """The start of the ids of its alarms; the handler of another consumer has those of the event handler.

    None if the signals of its outcomes see each of its failures: then it has no others.
    """
    title: str
    section: Section
    board: Board
    alarmed_duration: Literal["slow", "slowest"]
    """`slowest`, or `slow` (p99) where the slowest of many may be slow."""
    consequence: str
    """What a failure means to users."""
    outcomes: Callable[[Metrics[MetricName], Metrics[LambdaMetric], Versions], tuple[Signal, ...]]
    """Signals from what it counts itself, and from what Lambda counts."""

    def versions(self, stack: str) -> Versions:
        """Return the newest and the oldest version that ran in a period: two while a release shares the requests."""
        emitted = own_metrics(MetricName, self.service, stack)
        return Versions(
            function=self.title,
            metrics=(
                emitted.of(MetricName.FUNCTION_VERSION, Statistic.MAXIMUM, "newest_version", label="newest version"),
                emitted.of(MetricName.FUNCTION_VERSION, Statistic.MINIMUM, "oldest_version", label="oldest version"),
            ),
        )


EVENT_HANDLER = FunctionProfile(
    service=EVENT_HANDLER_SERVICE,
    alarms="event-handler",
    title="event handler",
    section=Section.EVENT_HANDLER,
    board=Board.INGEST,
    alarmed_duration="slowest",
    consequence="Its events are retried, then moved to the dead-letter queue.",
    outcomes=event_outcomes,
)
QUERY = FunctionProfile(
    service=QUERY_SERVICE,
    alarms="query",
    title="query function",
    section=Section.QUERY,
    board=Board.API,
    alarmed_duration="slow",
    consequence="Clients of the API get a 5XX response.",
    outcomes=query_outcomes,
)

PROBE = FunctionProfile(
    service=PROBE_SERVICE,
    alarms=None,
    title="probe",
    section=Section.TRAFFIC,
    board=Board.OVERVIEW,
    alarmed_duration="slowest",
    consequence="Nobody notices an outage while there is no traffic.",
    outcomes=probe_outcomes,
)


def function_signals(
    profile: FunctionProfile, *, stack: str, function_name: str, timeout_seconds: int
) -> tuple[Signal, ...]:
    """Return the signals of what a function did, then of how it runs."""
    runs = metrics_of(LambdaMetric, FunctionName=function_name)
    emitted = own_metrics(MetricName, profile.service, stack)
    versions = profile.versions(stack)
    if profile.alarms is None:
        return profile.outcomes(emitted, runs, versions)
    signal = partial(Signal, section=profile.section, boards=(profile.board,))
    return (
        Signal(
            title=f"Running {profile.title}",
            metrics=versions.metrics,
            unit="version",
            section=Section.FAILURES,
            boards=(Board.OVERVIEW,),
            view=View.LATEST,
        ),
        *profile.outcomes(emitted, runs, versions),
        signal(
            title=f"Failed invocations of the {profile.title}",
            metrics=(runs.sum(LambdaMetric.ERRORS, "errors", label="failed"),),
            unit="invocations",
            period_seconds=300,
            versions=versions,
            # A failed batch comes back minutes later, the next bad request at any time: one notification an hour.
            alarm=above(0, 1, of=12, severity=Severity.P2)(
                id=AlarmId(f"{profile.alarms}-errors"),
                meaning=f"Whole invocations of the {profile.title} fail: a crash, a timeout or a failed start."
                f" {profile.consequence}",
                first_step="Read its last errors; the likeliest cause is a deployment just before the first of them.",
            ),
        ),
        signal(
            title=f"Throttled invocations of the {profile.title}",
            metrics=(runs.sum(LambdaMetric.THROTTLES, "throttles", label="throttled"),),
            unit="invocations",
            alarm=at_least(1, 5, of=15, severity=Severity.P2)(
                id=AlarmId(f"{profile.alarms}-throttles"),
                meaning=f"Lambda throttles the {profile.title}: its reserved concurrency or the account's concurrency"
                f" is used up. {profile.consequence}",
                first_step="Compare the account's ConcurrentExecutions with its quota, and find the function that uses"
                " it up.",
            ),
        ),
        signal(
            title=f"Duration of the {profile.title}",
            metrics=runs.each(
                LambdaMetric.DURATION, typical=Statistic.P50, slow=Statistic.P99, slowest=Statistic.MAXIMUM
            ),
            unit="milliseconds",
            period_seconds=300,
            references=(Reference(value=timeout_seconds * 1_000, label="timeout"),),
            versions=versions,
            alarm=above(800 * timeout_seconds, 3, of=12, severity=Severity.P2)(
                id=AlarmId(f"{profile.alarms}-duration"),
                metric_id=profile.alarmed_duration,
                meaning=f"The {profile.title} needs more than 80 % of its timeout: timeouts come next.",
                first_step="On the board, check the table's latency and throttles; then open the slowest traces.",
            ),
        ),
        signal(
            title=f"Invocations of the {profile.title}",
            metrics=(
                runs.sum(LambdaMetric.INVOCATIONS, "invocations"),
                emitted.sum(MetricName.COLD_START, "cold", label="cold starts"),
            ),
            unit="a minute",
        ),
    )


def canary_signals(profile: FunctionProfile, *, function_name: str) -> tuple[Signal, ...]:
    """Return the signal of the newest version alone, while the alias gives it a share of the requests.

    Lambda counts by these dimensions for an alias with weights, so the alarm is quiet when no release is under way.
    """
    newest = metrics_of(
        LambdaMetric,
        FunctionName=function_name,
        Resource=f"{function_name}:{LIVE_ALIAS}",
        ExecutedVersion=newest_version(function_name),
    )
    return (
        Signal(
            title=f"New version of the {profile.title}",
            metrics=(
                newest.sum(LambdaMetric.ERRORS, "errors", label="failed"),
                newest.sum(LambdaMetric.INVOCATIONS, "invocations"),
            ),
            unit="a minute",
            section=profile.section,
            boards=(profile.board,),
            alarm=above(0, 1, of=1 + UNPUBLISHED_MINUTES, severity=Severity.P2)(
                id=AlarmId(f"{profile.alarms}-canary"),
                metric_id="errors",
                meaning=f"The version of the {profile.title} that is being released fails, and a tenth of the requests"
                f" goes to it. {profile.consequence}",
                first_step="If no ops release --canary runs, which goes back by itself, roll back.",
            ),
        ),
    )
