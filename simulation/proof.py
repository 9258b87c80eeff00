"""The proof of each alarm: it is quiet before a fault, fires during it and clears after it, and its mutants do not."""

from dataclasses import dataclass

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm
from localcloud.cloudwatch.evaluator import Assumptions
from localcloud.cloudwatch.states import State
from simulation.conditions import A_MINUTE, A_SECOND, AN_HOUR
from simulation.harness import Simulation, Stack
from simulation.mutants import mutants
from simulation.scenarios import START

# Alarm ID -> the scenario that makes it fire. The fault must be moderate: an extreme one would also trigger an alarm
# whose threshold is ten times too high.
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
    "event-handler-canary": ("a new version crashes, for a tenth of the requests", A_MINUTE),
    "query-canary": ("a new version crashes, for a tenth of the requests", A_MINUTE),
    "query-errors": ("query function crashes", AN_HOUR),
    "query-throttles": ("one invocation in three refused a place to run", A_MINUTE),
    "query-duration": ("query function slow (4.5 s)", A_MINUTE),
    "table-write-throttle": ("table refuses all writes", AN_HOUR),
    "table-read-throttle": ("table refuses all reads", A_MINUTE),
    "table-system-errors": ("10 % of requests fail", A_MINUTE),
    "table-latency-update-item": ("table slow (150 ms)", A_MINUTE),
    "table-latency-batch-get-item": ("table slow (150 ms)", A_MINUTE),
    "table-latency-get-item": ("table slow (150 ms)", A_MINUTE),
    "record-damaged": ("a damaged record (a tenth of the requests)", AN_HOUR),
    "probe-failing": ("token endpoint does not answer", AN_HOUR),
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
    # At high traffic, because a share of a minute's events must be more than a few events.
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


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The result for one alarm."""

    alarm_id: str
    failings: tuple[str, ...]
    """The requirements that the alarm fails."""
    mutants: dict[str, tuple[str, ...]]
    """The requirements that each mutant fails; a mutant without any would pass for the alarm."""


def prove(alarm_id: str, simulation: Simulation) -> Proof:
    """Check the alarm and its mutants in the simulation that must make the alarm fire."""
    alarm = simulation.stack.alarm(alarm_id)
    return Proof(
        alarm_id=alarm_id,
        failings=failings(alarm, simulation),
        mutants={description: failings(mutant, simulation) for description, mutant in mutants(alarm)},
    )


def failings(alarm: Alarm, simulation: Simulation, assumptions: Assumptions | None = None) -> tuple[str, ...]:
    """The requirements that the alarm fails."""
    history = simulation.evaluate(_with_children(simulation.stack, alarm), assumptions)
    changes = [(change.minute, change.state) for change in history.transitions if change.alarm == alarm.name]
    fired = [minute for minute, state in changes if state is State.ALARM]
    found = []
    if any(minute <= START for minute in fired):
        found.append("is not quiet before the fault")
    if not any(START < minute <= START + simulation.scenario.minutes + 30 for minute in fired):
        found.append("does not fire")
    if not changes or changes[-1][1] is State.ALARM:
        found.append("does not clear")
    return tuple(found)


def _with_children(stack: Stack, alarm: Alarm) -> list[Alarm]:
    """The alarm, and all alarms that it depends on."""
    if not isinstance(alarm, CompositeAlarm):
        return [alarm]
    children = [
        child for name in alarm.depends_on for child in _with_children(stack, stack.alarm(stack.alarm_id(name)))
    ]
    return [alarm, *{child.name: child for child in children}.values()]
