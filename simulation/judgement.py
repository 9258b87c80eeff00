"""What the catalogue did about a scenario: found or missed, how soon, how often it woke somebody, and for what."""

from collections.abc import Iterable
from dataclasses import dataclass

from localcloud.cloudwatch.evaluator import History, Notification
from localcloud.cloudwatch.metrics import MetricKey, MetricStore, Statistic
from localcloud.cloudwatch.states import State
from simulation.conditions import DAY_MINUTES
from simulation.harness import Stack, evaluate, simulate
from simulation.scenarios import START, Scenario

PAGE, TICKET, MAIL = "p1", "p2", "p3"
SUM = Statistic.parse("Sum")
# Tells of each dead letter until somebody looks: normal days have some too.
WORK_LEFT = "dlq-not-empty"


def severity(told: Notification) -> str:
    """By the topic: p1 pages, p2 is a ticket, p3 is mail. One that goes elsewhere counts as what hears of it."""
    return min(topic.rpartition("-")[2] for topic in told.topics)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One scenario at one level of traffic."""

    scenario: str
    level: str
    pages: tuple[str, ...]
    tickets: tuple[str, ...]
    mails: tuple[str, ...]
    false_alerts: tuple[str, ...]
    first: str
    """What told first of those that belong to the fault."""
    minutes_to_detect: int | None
    minutes_to_clear: int | None
    """From the end of the fault until the last that told of it is over; None when the look ended first."""
    settle: int
    """How many minutes after the fault the look ended."""
    is_found: bool
    """Whether one of those that must fire did; each of them, when there is a later fault."""
    first_event: int
    second_request: int
    """How many minutes of the fault were over when they came."""


def judge(stack: Stack, scenario: Scenario) -> Verdict:
    """Simulate, evaluate every alarm of the stack, and look at whom they told of what."""
    store = simulate(stack, scenario.since, scenario.until, scenario.faults(), seed=scenario.name)
    return verdict_of(stack, scenario, store, evaluate(stack.alarms, store, scenario.since, scenario.until))


def verdict_of(stack: Stack, scenario: Scenario, store: MetricStore, history: History) -> Verdict:
    """The verdict on what happened."""
    # Of one minute by name: which of two alarms CloudWatch evaluates first says nothing.
    notifications = sorted(history.notifications, key=lambda one: (one.minute, one.alarm))
    told = [(stack.alarm_id(one.alarm), one) for one in notifications if one.minute > START]
    alarms = [(alarm_id, one) for alarm_id, one in told if one.state is State.ALARM]
    right = [(alarm_id, one.minute) for alarm_id, one in alarms if alarm_id in scenario.belong]
    needed = scenario.page or scenario.ticket
    first = min((one for one in right if one[0] in needed), key=lambda one: one[1], default=None)
    missing = set(needed) - {alarm_id for alarm_id, _ in right}
    plant = stack.plant
    events = MetricKey.of("AWS/SQS", "NumberOfMessagesSent", {"QueueName": plant.queue})
    requests = MetricKey.of("AWS/ApiGateway", "Count", {"ApiName": plant.api, "Stage": plant.stage})
    return Verdict(
        scenario=scenario.name,
        level=stack.traffic.name,
        pages=_of(alarms, PAGE),
        tickets=_of(alarms, TICKET),
        mails=_of(alarms, MAIL),
        false_alerts=tuple(sorted({alarm_id for alarm_id, _ in alarms} - scenario.belong - {WORK_LEFT})),
        first=first[0] if first else "",
        minutes_to_detect=first[1] - START if first else None,
        minutes_to_clear=_cleared(stack, scenario, history, {alarm_id for alarm_id, _ in right} - {WORK_LEFT}),
        settle=scenario.settle,
        is_found=not missing if scenario.later else first is not None,
        first_event=_minutes_until(store, events, 1),
        second_request=_minutes_until(store, requests, 2),
    )


def _minutes_until(store: MetricStore, key: MetricKey, number: int) -> int:
    """How many minutes of the fault pass until the sum reaches `number`."""
    ends = range(START + 1, START + DAY_MINUTES)
    return next((end - START for end in ends if (store.value(key, SUM, START, end) or 0) >= number), DAY_MINUTES)


def _of(alarms: Iterable[tuple[str, Notification]], wanted: str) -> tuple[str, ...]:
    return tuple(alarm_id for alarm_id, told in alarms if severity(told) == wanted)


def _cleared(stack: Stack, scenario: Scenario, history: History, told: set[str]) -> int | None:
    last: dict[str, tuple[State, int]] = {}
    for one in history.transitions:
        if one.minute > START and stack.alarm_id(one.alarm) in told:
            last[one.alarm] = one.state, one.minute
    if any(state is State.ALARM for state, _ in last.values()):
        return None
    return max((minute for _, minute in last.values()), default=START) - START - scenario.minutes
