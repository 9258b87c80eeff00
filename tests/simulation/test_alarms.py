"""Every alarm of the recorded catalogue fires, clears and stays quiet before; two wrong versions of each are caught."""

import functools

import pytest

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm
from localcloud.cloudwatch.evaluator import Reading
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.states import State
from tests.simulation.harness import Stack, evaluate, simulate, stack_for
from tests.simulation.mutants import mutants
from tests.simulation.scenarios import A_MINUTE, A_SECOND, AN_HOUR, SCENARIOS, START, Scenario

# Alarm -> what makes it fire. A fault of moderate size, or an alarm ten times too blunt would see it as well.
PLAN = {
    "consumer-down": ("consumer stopped", A_MINUTE),
    "queue-age": ("consumer stopped", A_MINUTE),
    "consumer-stalled": ("consumer stopped", A_MINUTE),
    "ingest-down": ("bad deploy: every batch crashes", A_MINUTE),
    "ingest-failures": ("table refuses writes of one batch in five", A_MINUTE),
    "ingest-exhausted": ("table refuses all writes", AN_HOUR),
    "ingest-contract": ("a producer breaks the contract (30 %)", A_MINUTE),
    "ingest-invalid": ("a producer breaks the contract (2 %)", A_MINUTE),
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
    f"slo-{objective}-{pace}{window}": (scenario, A_MINUTE)
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
# What takes days or hundreds of messages a second to show is shown by `make soak`.
SHORT_MINUTES = 500


def _is_short(alarm_id: str) -> bool:
    name, level = PLAN[alarm_id]
    scenario = next(one for one in SCENARIOS if one.name == name)
    return level != A_SECOND and scenario.until - scenario.since < SHORT_MINUTES


ALARMS = [alarm_id if _is_short(alarm_id) else pytest.param(alarm_id, marks=pytest.mark.soak) for alarm_id in PLAN]
READINGS = {
    "as documented": Reading(),
    "DynamoDB alarms always ignore missing data": Reading(dynamodb_always_ignores=True),
    "nothing beyond the periods is retrieved": Reading(extra_points=0),
    "far more than the periods is retrieved": Reading(extra_points=5),
    "metrics of the handlers come late": Reading(delays_minutes={"EventProcessing": 3}),
    "metrics of AWS come late": Reading(delay_minutes=3, delays_minutes={"EventProcessing": 1}),
}


@functools.cache
def scenario_of(alarm_id: str) -> tuple[Scenario, Stack, MetricStore]:
    name, level = PLAN[alarm_id]
    return simulated(name, level)


@functools.cache
def simulated(name: str, level: str) -> tuple[Scenario, Stack, MetricStore]:
    scenario = next(one for one in SCENARIOS if one.name == name)
    stack = stack_for(level)
    store = simulate(stack, scenario.since, scenario.until, scenario.faults(), seed=name)
    return scenario, stack, store


def family(stack: Stack, alarm: Alarm) -> list[Alarm]:
    """The alarm and those it looks at."""
    if not isinstance(alarm, CompositeAlarm):
        return [alarm]
    names = [*alarm.rule.alarms, *([alarm.suppressor.alarm] if alarm.suppressor else [])]
    others = [one for name in names for one in family(stack, stack.alarm(stack.alarm_id(name)))]
    return [alarm, *{one.name: one for one in others}.values()]


def failings(alarm_id: str, alarm: Alarm | None = None, reading: Reading | None = None) -> list[str]:
    """What the alarm, or another in its place, does not do of what it must."""
    scenario, stack, store = scenario_of(alarm_id)
    alarm = alarm or stack.alarm(alarm_id)
    history = evaluate(family(stack, alarm), store, scenario.since, scenario.until, reading)
    changes = [(one.minute, one.state) for one in history.transitions if one.alarm == alarm.name]
    fired = [minute for minute, state in changes if state is State.ALARM]
    found = []
    if any(minute <= START for minute in fired):
        found.append("is not quiet before the fault")
    if not any(START < minute <= START + scenario.minutes + 30 for minute in fired):
        found.append("does not fire")
    if not changes or changes[-1][1] is State.ALARM:
        found.append("does not clear")
    return found


def test_every_recorded_alarm_is_proven():
    stack = stack_for(A_MINUTE)
    assert {stack.alarm_id(alarm.name) for alarm in stack.alarms} == set(PLAN)


@pytest.mark.parametrize("alarm_id", ALARMS)
def test_it_fires_and_clears_and_two_wrong_versions_of_it_do_not(alarm_id):
    assert failings(alarm_id) == []
    _, stack, _ = scenario_of(alarm_id)
    caught = {wrong: failings(alarm_id, mutant) for wrong, mutant in mutants(stack.alarm(alarm_id))}
    assert len(caught) == 2
    assert all(caught.values()), caught


@pytest.mark.soak
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("alarm_id", PLAN)
def test_it_does_so_under_other_readings_of_the_documentation(alarm_id, reading):
    assert failings(alarm_id, reading=READINGS[reading]) == []
