"""The system's circumstances by minute: traffic, and everything that can go wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulation.simulated_table import TableBehaviour

DAY_MINUTES = 1_440


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The average number of events, and of API requests, over a day."""

    name: str
    per_second: float
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    """The stack settings that this traffic needs."""

    def __str__(self) -> str:
        return self.name


AN_HOUR = Traffic(name="5 an hour", per_second=5 / 3600)
# The alarm on a silent producer is opt-in, because it needs a producer that is never silent for long. Only a stack with
# gradual releases has alarms on its new versions.
A_MINUTE = Traffic(
    name="5 a minute",
    per_second=5 / 60,
    settings={"alarms": {"queue-silent": {"enabled": True}}, "release": "gradual"},
)
A_SECOND = Traffic(
    name="500 a second",
    per_second=500,
    settings=A_MINUTE.settings | {"consumerMaxConcurrency": 50, "apiRateLimit": 1000, "apiBurstLimit": 2000},
)
LEVELS = (AN_HOUR, A_MINUTE, A_SECOND)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The circumstances of one minute. The defaults are an uneventful minute of a normal day."""

    arrivals: float = 1.0
    """Factor on the usual number of events."""
    requests: float = 1.0
    """Factor on the usual number of API requests."""
    invalid: float = 0.0001
    """Share of events that violate the contract."""
    poison: float = 0.0
    """Share of events that crash the handler."""
    duplicates: float = 0.001
    conflicts: float = 0.001
    consumer_runs: bool = True
    poison_messages: int = 0
    """Number of events that crash the handler, sent at the beginning of the minute."""
    handler_slow: bool = False
    """Batches succeed just before the timeout."""
    handler_fails: str = ""
    """"crash": every invocation fails immediately; "timeout": every invocation times out."""
    query_fails: str = ""
    """"crash": every request fails; "slow": every request succeeds just before the timeout."""
    query_failing: float = 0.0
    """Share of requests whose read of the table fails."""
    query_slow: float = 0.0
    """Share of requests whose read of the table takes more than a second."""
    new_version_crashes: float = 0.0
    """Share of invocations of either function that a new version gets, which crashes: a release under way."""
    throttled: float = 0.0
    """Share of invocations of either function that Lambda throttles."""
    table: TableBehaviour = field(default_factory=TableBehaviour)
    disturbed: float = 0.0
    """Share of invocations for which `disturbed_table` replaces `table`."""
    disturbed_table: TableBehaviour = field(default_factory=TableBehaviour)
    damaged_records: float = 0.0
    """Share of requests for a user whose record is damaged."""
    client_errors: float = 0.002
    """Share of requests rejected as invalid."""
    rejected_tokens: float = 0.002
    """Share of requests whose token is rejected."""
    attacks_per_minute: float = 0.0
    """Requests without a valid token, in addition to the usual ones."""
    token_endpoint_answers: bool = True
    """Whether clients get tokens. Those that have one go on."""
    probe_runs: bool = True
    deployed: bool = False
    """New code was deployed: every execution environment is cold."""
    dead_letters_handled: bool = False
    """The on-call engineer empties the dead-letter queue."""
    metrics_broken: bool = False
    deliveries_failing: str = ""
    """The end of the names of the alert topics that cannot deliver."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Conditions that are wrong for some minutes."""

    name: str
    start: int
    minutes: int
    changes: Mapping[str, Any]

    @property
    def end(self) -> int:
        """The first minute after the fault."""
        return self.start + self.minutes


def normal(minute: int) -> Conditions:
    """A normal day: dead letters are handled at 9:00, code is deployed at 10:00, the table throttles at 14:00."""
    minute_of_day = minute % DAY_MINUTES
    usual = Conditions(deployed=minute_of_day == 600, dead_letters_handled=minute_of_day == 540)
    if minute_of_day in (840, 841):
        return replace(usual, disturbed=0.0005, disturbed_table=TableBehaviour(reads="retried", writes="retried"))
    return usual


def conditions(minute: int, faults: Sequence[Fault]) -> Conditions:
    """The conditions of a normal day, changed by the faults of that minute."""
    result = normal(minute)
    for fault in faults:
        if fault.start <= minute < fault.end:
            result = replace(result, **fault.changes)
    return result
