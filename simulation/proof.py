"""The proof of each alarm: what makes it fire, whether it does, clears and is quiet before, and who catches mutants."""

from dataclasses import dataclass

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm
from localcloud.cloudwatch.evaluator import Reading
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.states import State
from simulation.harness import Stack, evaluate, simulate, stack_for
from simulation.mutants import mutants
from simulation.scenarios import A_MINUTE, A_SECOND, AN_HOUR, SCENARIOS, START, Scenario

# Alarm -> what makes it fire. A fault of moderate size, or an alarm ten times too blunt would see it as well.
PLAN = {
    "consumer-down": ("consumer stopped", A_MINUTE),
    "queue-age": ("consumer stopped", A_MINUTE),
    "consumer-stalled": ("consumer stopped", A_MINUTE),
    "ingest-down": ("bad deploy: every batch crashes", A_MINUTE),
    "ingest-failures": ("table refuses writes of one batch in five", A_MINUTE),
    "ingest-exhausted": ("table refuses all writes", AN_HOUR),
    "ingest-contract": ("a producer breaks the contract (30 %)", A_MINUTE),
    "ingest-invalid": ("a producer breaks the contract (0.5 %)", A_SECOND),
    "dlq-not-empty": ("one message crashes its batches", AN_HOUR),
    "dlq-expiring": ("dead letters neglected", AN_HOUR),
    "dlq-neglected": ("dead letters neglected", AN_HOUR),
    "queue-silent": ("producer dead", A_MINUTE),
    "event-handler-errors": ("one message crashes its batches", A_MINUTE),
    "event-handler-throttles": ("one invocation in three refused a place to run", A_MINUTE),
    "event-handler-duration": ("batches slow (9 s)", A_MINUTE),
    "consumer-concurrency": ("sixty times the usual events", A_SECOND),
    "query-errors": ("query function crashes", AN_HOUR),
    "query-throttles": ("one invocation in three refused a place to run", A_MINUTE),
    "query-duration": ("query function slow (4.5 s)", A_MINUTE),
    "table-write-throttle": ("table refuses all writes", A_MINUTE),
    "table-read-throttle": ("table refuses all reads", A_MINUTE),
    "table-system-errors": ("10 % of requests fail", A_MINUTE),
    "table-latency-update-item": ("table slow (150 ms)", A_MINUTE),
    "table-latency-batch-get-item": ("table slow (150 ms)", A_MINUTE),
    "table-latency-get-item": ("table slow (150 ms)", A_MINUTE),
    "api-down": ("100 % of requests fail", AN_HOUR),
    "api-5xx": ("10 % of requests fail", A_SECOND),
    "api-5xx-any": ("1 % of requests fail", A_MINUTE),
    "api-4xx": ("a client asks for nonsense (20 %)", A_SECOND),
    "api-latency": ("query function slow (4.5 s)", A_MINUTE),
    "api-near-limit": ("twice the usual requests", A_SECOND),
    "api-auth-spike": ("credential attack (30 a minute)", A_MINUTE),
    "emf-broken": ("metrics unreadable", A_MINUTE),
    "alerts-undelivered": ("pages not delivered", A_MINUTE),
    "alerts-undelivered-p2": ("tickets not delivered", A_MINUTE),
    "ingest-unhealthy": ("consumer stopped", A_MINUTE),
    "api-unhealthy": ("100 % of requests fail", A_MINUTE),
    "service-health": ("100 % of requests fail", A_MINUTE),
} | {
    # Where the share of a minute is more than a handful of events.
    f"slo-{objective}-{pace}{window}": (scenario, A_SECOND)
    for window in ("", "-long", "-short")
    for objective, pace, scenario in (
        ("api-availability", "fast", "10 % of requests fail"),
        ("api-availability", "medium", "1 % of requests fail"),
        ("api-availability", "slow", "slow burn: 0.4 % of requests fail"),
        ("api-latency", "fast", "20 % of requests slow"),
        ("api-latency", "medium", "10 % of requests slow"),
        ("api-latency", "slow", "10 % of requests slow"),
        ("ingest-timely", "fast", "table refuses writes of one batch in five"),
        ("ingest-timely", "medium", "table refuses writes of one batch in five"),
        ("ingest-timely", "slow", "slow burn: 2 % of batches refused by the table"),
    )
}


@dataclass(frozen=True)
class Episode:
    """A scenario that was simulated on a stack."""

    scenario: Scenario
    stack: Stack
    store: MetricStore


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What came out for one alarm."""

    alarm_id: str
    failings: tuple[str, ...]
    """What it does not do of what it must."""
    mutants: dict[str, tuple[str, ...]]
    """The same of each wrong version of it: one without failings would pass for right."""


def episode_of(name: str, level: str) -> Episode:
    """The scenario of that name at that level, simulated."""
    scenario = next(one for one in SCENARIOS if one.name == name)
    stack = stack_for(level)
    return Episode(scenario, stack, simulate(stack, scenario.since, scenario.until, scenario.faults(), seed=name))


def prove(alarm_id: str, episode: Episode) -> Proof:
    """Look at the alarm and at its mutants in the episode that must make it fire."""
    alarm = episode.stack.alarm(alarm_id)
    return Proof(
        alarm_id=alarm_id,
        failings=failings(alarm, episode),
        mutants={wrong: failings(mutant, episode) for wrong, mutant in mutants(alarm)},
    )


def failings(alarm: Alarm, episode: Episode, reading: Reading | None = None) -> tuple[str, ...]:
    """What the alarm does not do of what it must."""
    scenario, stack = episode.scenario, episode.stack
    history = evaluate(_family(stack, alarm), episode.store, scenario.since, scenario.until, reading)
    changes = [(one.minute, one.state) for one in history.transitions if one.alarm == alarm.name]
    fired = [minute for minute, state in changes if state is State.ALARM]
    found = []
    if any(minute <= START for minute in fired):
        found.append("is not quiet before the fault")
    if not any(START < minute <= START + scenario.minutes + 30 for minute in fired):
        found.append("does not fire")
    if not changes or changes[-1][1] is State.ALARM:
        found.append("does not clear")
    return tuple(found)


def _family(stack: Stack, alarm: Alarm) -> list[Alarm]:
    """The alarm and those it looks at."""
    if not isinstance(alarm, CompositeAlarm):
        return [alarm]
    names = [*alarm.rule.alarms, *([alarm.suppressor.alarm] if alarm.suppressor else [])]
    others = [one for name in names for one in _family(stack, stack.alarm(stack.alarm_id(name)))]
    return [alarm, *{one.name: one for one in others}.values()]
