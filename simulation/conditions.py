"""What is going on around the system: traffic, and everything that can be wrong, by minute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulation.lab import Dependency

DAY_MINUTES = 1_440


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """How much goes through the system, on average over a day, events and requests each."""

    name: str
    per_second: float
    settings: dict[str, Any] = field(default_factory=dict)
    """How a stack for it is sized."""


AN_HOUR = Traffic(name="5 an hour", per_second=5 / 3600)
# A producer that is never silent for long is monitored for silence; the alarm is opt-in.
A_MINUTE = Traffic(name="5 a minute", per_second=5 / 60, settings={"alarms": {"queue-silent": {"enabled": True}}})
A_SECOND = Traffic(
    name="500 a second",
    per_second=500,
    settings=A_MINUTE.settings | {"consumerMaxConcurrency": 50, "apiRateLimit": 1000, "apiBurstLimit": 2000},
)
LEVELS = (AN_HOUR, A_MINUTE, A_SECOND)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """One minute's circumstances. The defaults are an uneventful minute of a normal day."""

    arrivals: float = 1.0
    """Times the usual number of events."""
    requests: float = 1.0
    """Times the usual number of API requests."""
    invalid: float = 0.0001
    poison: float = 0.0
    """Share of events whose batch does not survive them."""
    duplicates: float = 0.001
    conflicts: float = 0.001
    consumer_runs: bool = True
    poison_messages: int = 0
    """So many single ones of those, at the beginning of the minute."""
    handler_slow: bool = False
    """Batches succeed just before the timeout."""
    handler_fails: str = ""
    """"crash": every invocation at once; "timeout": none ends in time."""
    query_fails: str = ""
    """"crash": every request; "slow": none, but all need nearly the timeout."""
    query_failing: float = 0.0
    """Share of requests whose read of the table fails."""
    query_slow: float = 0.0
    """Share of requests whose read of the table takes more than a second."""
    refused_places: float = 0.0
    """Share of invocations of either function that are throttled."""
    dependency: Dependency = field(default_factory=Dependency)
    disturbed: float = 0.0
    """Share of invocations that meet `disturbance` instead of `dependency`."""
    disturbance: Dependency = field(default_factory=Dependency)
    client_errors: float = 0.002
    """Share of requests refused as invalid."""
    token_refusals: float = 0.002
    """Share of requests whose token is refused."""
    attacks_a_minute: float = 0.0
    """Requests without a valid token, beside the usual ones."""
    deployed: bool = False
    """New code: every environment is cold."""
    dead_letters_handled: bool = False
    """Somebody looks through the dead letters and empties the queue."""
    metrics_broken: bool = False
    deliveries_failing: str = ""
    """Which alert topic cannot deliver, by the end of its name."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that is wrong for a while."""

    name: str
    start: int
    minutes: int
    changes: Mapping[str, Any]

    @property
    def end(self) -> int:
        """The first minute without it."""
        return self.start + self.minutes


def normal(minute: int) -> Conditions:
    """A normal day: a deployment at 10:00, dead letters looked through at 9:00, a burst of throttles at 14:00."""
    of_day = minute % DAY_MINUTES
    usual = Conditions(deployed=of_day == 600, dead_letters_handled=of_day == 540)
    if of_day in (840, 841):
        return replace(usual, disturbed=0.0005, disturbance=Dependency(reads="retried", writes="retried"))
    return usual


def conditions(minute: int, faults: Sequence[Fault]) -> Conditions:
    """The normal day, with what is wrong in that minute."""
    found = normal(minute)
    for fault in faults:
        if fault.start <= minute < fault.end:
            found = replace(found, **fault.changes)
    return found
