"""How well the alarms did in a simulated scenario: detected or missed, how soon, how many pages, false alerts."""

from dataclasses import dataclass
from itertools import chain

from components.monitoring.signals import Severity
from localcloud.cloudwatch.evaluator import History, Notification
from localcloud.cloudwatch.states import State
from simulation.conditions import Traffic
from simulation.harness import Simulation
from simulation.scenarios import START

PAGE, TICKET, MAIL = Severity
# Stays in alarm until the dead letters are handled; a normal day has some too.
DEAD_LETTERS_ALARM = "dlq-not-empty"


def severity(notification: Notification) -> Severity:
    """The most urgent severity among the topics notified: a page, a ticket or mail."""
    return min(Severity(topic.rpartition("-")[2]) for topic in notification.topics)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of one scenario at one level of traffic."""

    scenario: str
    level: Traffic
    pages: tuple[str, ...]
    tickets: tuple[str, ...]
    mails: tuple[str, ...]
    false_alerts: tuple[str, ...]
    first: str
    """The first of the required alarms that fired."""
    minutes_to_detect: int | None
    minutes_to_clear: int | None
    """From the end of the fault until its last alarm cleared; None if an alarm was still on at the end."""
    settle: int
    """Minutes from the end of the fault to the end of the simulation."""
    is_found: bool
    """Whether a required alarm fired; with a later fault, whether all of them fired."""


def judge(simulation: Simulation) -> Verdict:
    """Evaluate every alarm of the stack and compare the notifications with what the scenario requires."""
    scenario, stack = simulation.scenario, simulation.stack
    history = simulation.evaluate(stack.alarms)
    # Sorted by name within a minute, because the order of evaluation means nothing.
    notifications = sorted(history.notifications, key=lambda notification: (notification.minute, notification.alarm))
    alerts = [
        (stack.alarm_id(notification.alarm), notification)
        for notification in notifications
        if notification.minute > START and notification.state is State.ALARM
    ]
    by_severity: dict[Severity, list[str]] = {level: [] for level in Severity}
    for alarm_id, alert in alerts:
        by_severity[severity(alert)].append(alarm_id)
    related = [(alarm_id, alert.minute) for alarm_id, alert in alerts if alarm_id in scenario.related_alarms]
    fired = {alarm_id for alarm_id, _ in related}
    required = scenario.page or scenario.ticket
    first, detected = next((alert for alert in related if alert[0] in required), ("", None))
    return Verdict(
        scenario=scenario.name,
        level=stack.traffic,
        pages=tuple(by_severity[PAGE]),
        tickets=tuple(by_severity[TICKET]),
        mails=tuple(by_severity[MAIL]),
        false_alerts=tuple(sorted({*chain(*by_severity.values())} - scenario.related_alarms - {DEAD_LETTERS_ALARM})),
        first=first,
        minutes_to_detect=None if detected is None else detected - START,
        minutes_to_clear=_minutes_to_clear(simulation, history, fired - {DEAD_LETTERS_ALARM}),
        settle=scenario.settle,
        is_found=fired.issuperset(required) if scenario.later else detected is not None,
    )


def _minutes_to_clear(simulation: Simulation, history: History, alarm_ids: set[str]) -> int | None:
    last = {
        change.alarm: change
        for change in history.transitions
        if change.minute > START and simulation.stack.alarm_id(change.alarm) in alarm_ids
    }
    if any(change.state is State.ALARM for change in last.values()):
        return None
    minute = max((change.minute for change in last.values()), default=START)
    return minute - START - simulation.scenario.minutes
