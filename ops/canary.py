"""Whether a release that gets a tenth of the requests goes on: pure, facts in, verdict out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops.releases import CANARY_WEIGHT
from ops.status import FIRING, STATES

OK = STATES[1]
SERVICE_HEALTH = "service-health"
ALARM_SUFFIX = "canary"
"""The alarm on the newest published version of a function is `{role}-canary`; only gradual stacks have it."""
PERCENT_OF_ERRORS = 1
LEAST_FAILURES = 3
TIMES_AS_MANY = 3
"""A version fails more than the other when it fails this many times as often."""


class Verdict(StrEnum):
    """What happens next."""

    WAIT = "wait"
    ON = "on"
    BACK = "back"
    STOP = "stop"
    """It stays at a tenth, because too little is known."""


@dataclass(frozen=True, kw_only=True)
class AlarmFact:
    """The state of an alarm, and since when."""

    state: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class FunctionFacts:
    """What is known about the new version of one function since it got requests."""

    invocations: float
    errors: float
    """Invocations that failed."""
    failures: int
    """Log lines of the new version about what failed, such as an invalid event or a response 500."""
    old_failures: int
    """The same of the old version, which gets nine times as many requests."""
    alarm: AlarmFact | None
    """The alarm on the new version alone; None when it does not exist or is on another version."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a release under way."""

    elapsed_seconds: float
    functions: Mapping[str, FunctionFacts]
    health: AlarmFact | None
    """The state of the whole service; None when the stack has no such alarm."""
    first_request: datetime | None
    """The start of the minute in which the new release was first invoked, as far as CloudWatch has it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to watch, and how many requests each function's new version needs."""

    watch_seconds: float
    least_invocations: int

    @property
    def longest_seconds(self) -> float:
        """How long to wait for that many requests."""
        return 3 * self.watch_seconds


@dataclass(frozen=True)
class Decision:
    """The verdict, and why."""

    verdict: Verdict
    reason: str
    runbook: str = ""
    """The heading of the runbook about the fault that made a release go back."""


def decide(facts: Facts, limits: Limits) -> Decision:
    """Return whether to go on, go back, wait or stop.

    The new version alone decides: what the old version does wrong does not count. `service-health` counts only when it
    came into alarm after the new release was first invoked, for an older alarm cannot be its fault. Missing data never
    lets a release go on.
    """
    for role, function in facts.functions.items():
        if reason := _fault(role, function):
            return Decision(Verdict.BACK, reason, f"{role}-{ALARM_SUFFIX}")
    health, first = facts.health, facts.first_request
    if health and health.state == FIRING and first and health.since >= first:
        reason = f"{SERVICE_HEALTH} came into alarm after the new release got its first request"
        return Decision(Verdict.BACK, reason, SERVICE_HEALTH)
    if unwatched := [role for role, function in facts.functions.items() if function.alarm is None]:
        return Decision(Verdict.STOP, f"no alarm is on the new version of {' and '.join(unwatched)} any more")
    missing = "; ".join(filter(None, (_missing(role, part, limits) for role, part in facts.functions.items())))
    if facts.elapsed_seconds < limits.watch_seconds:
        return Decision(Verdict.WAIT, missing or "nothing failed so far")
    if not missing:
        return Decision(Verdict.ON, f"nothing failed in {facts.elapsed_seconds / 60:.1f} minutes")
    verdict = Verdict.WAIT if facts.elapsed_seconds < limits.longest_seconds else Verdict.STOP
    return Decision(verdict, missing)


def _fault(role: str, facts: FunctionFacts) -> str:
    if facts.alarm and facts.alarm.state == FIRING:
        return f"the alarm on the new version of {role} is in ALARM"
    if facts.errors and 100 * facts.errors >= PERCENT_OF_ERRORS * facts.invocations:
        return f"{facts.errors:g} of {facts.invocations:g} invocations of the new version of {role} failed"
    expected = facts.old_failures * CANARY_WEIGHT / (1 - CANARY_WEIGHT)
    if facts.failures >= LEAST_FAILURES and facts.failures > TIMES_AS_MANY * expected:
        return (
            f"the new version of {role} logged {facts.failures} failures, and the old one, with nine times as many "
            f"requests, {facts.old_failures}"
        )
    return ""


def _missing(role: str, facts: FunctionFacts, limits: Limits) -> str:
    if facts.alarm is None or facts.alarm.state != OK:
        return f"the alarm on the new version of {role} has no data"
    if facts.invocations < limits.least_invocations:
        return f"the new version of {role} got {facts.invocations:g} of {limits.least_invocations} requests"
    return ""
