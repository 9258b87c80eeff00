"""One drill: warm up, make the fault, wait for the page, heal, and wait until it is over."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from localcloud.cloudwatch.states import State
from localcloud.demo import DEADLINE_SECONDS, UnexpectedAnswerError
from localcloud.drills.catalogue import MINUTE_SECONDS, Drill, Expected
from localcloud.drills.stack import DrilledStack, Notification
from localcloud.progress import Progress

EVENTS_PER_MINUTE = 5
"""And as many requests to the API."""
WARM_UP_MINUTES, WARM_UP_MINUTES_MAX = 5, 20
PROBE_WARM_UP_MINUTES = 12
"""Until the alarm about the probe has the data points of ten minutes."""
ALERT_MINUTES_MAX, OVER_MINUTES_MAX = 30, 150
CONTROL_MINUTES = 20
STEPS = 3
POLL_SECONDS = 0.1
ACTIONS = {"P1": "pages (P1)", "P2": "opens a ticket (P2)", "P3": "sends mail (P3)"}
# Durations are those of this machine, so a slow one makes these alarms notify by itself.
OF_THIS_MACHINE = frozenset({"api-latency", "query-duration", "event-handler-duration", "consumer-concurrency"})
NOUNS = {"P1": "a page", "P2": "a ticket", "P3": "mail"}

PassMinutes = Callable[[DrilledStack], None]
"""Sends the usual traffic of a minute or more, and returns when its end was evaluated."""


@dataclass(kw_only=True)
class Outcome:
    """What happened; minutes count from the fault."""

    after: dict[str, int] = field(default_factory=dict)
    """The minutes until the first notification of each severity."""
    over_after: int = 0
    timeline: list[tuple[int, str]] = field(default_factory=list)


def compressed_minute(stack: DrilledStack, events: int = EVENTS_PER_MINUTE) -> None:
    """Send the events of a minute evenly, and as many requests, and return when its end was evaluated."""
    ended, left = stack.ended_minute(), events
    began = due = time.monotonic()
    while stack.ended_minute() == ended:
        now = time.monotonic()
        if now - began > DEADLINE_SECONDS:
            raise UnexpectedAnswerError(f"A minute of the cloud did not end within {DEADLINE_SECONDS} s.")
        if left and now >= due:
            stack.send()
            stack.query()
            left, due = left - 1, due + MINUTE_SECONDS / events
        time.sleep(POLL_SECONDS)


def compressed_quiet_minute(stack: DrilledStack) -> None:
    """Send nothing, and return when the end of the minute was evaluated."""
    compressed_minute(stack, events=0)


class DrillRun:
    """A drill on a stack; `pass_minute` lets a minute of the stack pass, and `recover` a minute or more afterwards."""

    def __init__(
        self,
        drill: Drill,
        stack: DrilledStack,
        progress: Progress,
        pass_minute: PassMinutes,
        recover: PassMinutes | None = None,
    ) -> None:
        self._drill, self._stack, self._progress = drill, stack, progress
        self._pass_minute, self._recover = pass_minute, recover or pass_minute
        self._expected: Expected = drill.expected
        self._watched = set(self._expected.severities)
        self._began = self._fault = stack.ended_minute()

    def run(self, at_alert: Callable[[], object]) -> Outcome:
        """Run the drill; UnexpectedAnswerError unless the expected alarms notify, no other, and all are over.

        `at_alert` is called when the drill's alarm has notified, before the fault is healed.
        """
        self._warm_up()
        outcome = Outcome(timeline=[(0, self._drill.begins)])
        progress, drill, stack = self._progress, self._drill, self._stack
        with progress.step(f"Wait for {NOUNS[awaited_severity(drill)]}") as step:
            self._fault = stack.ended_minute()
            with drill.made(stack):
                step.note(f"after {self._wait_for_alert() - self._fault} minutes")
                outcome.timeline += [self._line(alert, stack.causes(alert.alarm)) for alert in self._alerts()]
                alerted = set(self._alerts())
                at_alert()
            healed = stack.ended_minute() - self._fault
            outcome.timeline += [(healed, drill.ends), *((healed, f"  {note}") for note in stack.notes)]
            stack.notes.clear()
        with progress.step("Wait until it is over") as step:
            outcome.over_after = self._wait_until_over()
            stack.wait_until_stored()
            if not drill.is_quiet:
                step.note(f"{stack.sent} events sent and stored")
        for alert in reversed([alert for alert in self._alerts() if alert.alarm in self._watched]):
            outcome.after[alert.severity] = alert.minute - self._fault
        outcome.timeline += [self._line(found) for found in self._since_fault() if found not in alerted]
        self._check_none_is_silent()
        return outcome

    def run_control(self) -> int:
        """Run the drill without its fault; returns its minutes. UnexpectedAnswerError if an alarm notifies."""
        self._warm_up()
        minutes = min(self._expected.over_after[1], CONTROL_MINUTES)
        with self._progress.step(f"Wait {minutes} minutes without a fault"):
            self._fault = self._stack.ended_minute()
            for _ in range(minutes):
                self._pass_minute(self._stack)
                self._check(())
        return minutes

    def _warm_up(self) -> None:
        """Let functions start and alarms be evaluated, so that neither counts as part of the fault."""
        stack, is_quiet = self._stack, self._drill.is_quiet
        title = "Wait until the alarms are evaluated" if is_quiet else "Send events until the alarms are evaluated"
        with self._progress.step(title) as step:
            stack.subscribe()
            if not is_quiet:
                stack.send()
                stack.query()
                stack.wait_until_stored()  # a first batch takes long
            waiting: list[str] = []
            for minute in range(1, WARM_UP_MINUTES_MAX + 1):
                self._pass_minute(stack)
                self._check(())
                states = stack.states()
                waiting = [alarm for alarm in sorted(self._watched) if states.get(alarm) is not State.OK]
                if not waiting and minute >= WARM_UP_MINUTES:
                    step.note(f"{len(states)} alarms, {minute} minutes")
                    return
            raise UnexpectedAnswerError(f"Not OK after {WARM_UP_MINUTES_MAX} minutes: {', '.join(waiting)}.")

    def _wait_for_alert(self) -> int:
        """The minute in which the drill's alarm notified."""
        for _ in range(ALERT_MINUTES_MAX):
            self._drill.each_minute(self._stack)
            self._pass_minute(self._stack)
            self._check(self._watched)
            if alerts := [alert for alert in self._alerts() if alert.alarm in self._drill.until]:
                return alerts[0].minute
        raise UnexpectedAnswerError(
            f"{' or '.join(self._drill.until)} did not notify within {ALERT_MINUTES_MAX} minutes after "
            f"{self._drill.begins}."
        )

    def _wait_until_over(self) -> int:
        """Minutes from the fault until the last alarm had cleared."""
        firing, healed = [""], self._stack.ended_minute()
        while firing and self._stack.ended_minute() - healed < OVER_MINUTES_MAX:
            self._recover(self._stack)
            self._check(self._watched)
            firing = [alarm for alarm in self._stack.firing() if alarm not in OF_THIS_MACHINE]
        if not firing:
            return self._stack.last_cleared({alert.alarm for alert in self._alerts()} & self._watched) - self._fault
        names = ", ".join(firing)
        raise UnexpectedAnswerError(f"Still in alarm {OVER_MINUTES_MAX} minutes after {self._drill.ends}: {names}.")

    def _since_fault(self) -> list[Notification]:
        return [found for found in self._stack.notifications() if found.minute > self._fault]

    def _alerts(self) -> list[Notification]:
        return [found for found in self._since_fault() if found.state is State.ALARM]

    def _check(self, allowed: Collection[str]) -> None:
        """Raise UnexpectedAnswerError if any other alarm has notified during the drill, but for a slow machine."""
        for found in self._stack.notifications():
            if found.alarm in allowed or found.alarm in OF_THIS_MACHINE:
                continue
            if found.minute > self._began and found.state is State.ALARM:
                raise UnexpectedAnswerError(f"Not as expected: {found.alarm} {ACTIONS[found.severity]}.")

    def _check_none_is_silent(self) -> None:
        """Raise UnexpectedAnswerError if an alarm that must notify has not."""
        if silent := sorted(set(self._expected.alarms) - {alert.alarm for alert in self._alerts()}):
            raise UnexpectedAnswerError(f"Not as expected: {', '.join(silent)} did not notify.")

    def _line(self, found: Notification, causes: list[str] | None = None) -> tuple[int, str]:
        action = ACTIONS[found.severity] if found.state is State.ALARM else "clears"
        reason = f": {', '.join(causes)}" if causes else ""
        return found.minute - self._fault, f"{found.alarm} {action}{reason}"


def awaited_severity(drill: Drill) -> str:
    """The severity of the alarms that end the fault of a drill."""
    return drill.expected.severities[drill.until[0]]


def compared(expected: Expected, outcome: Outcome) -> str:
    """What the drill measured, beside what the simulation expects."""
    severities = sorted(expected.after, key=outcome.after.__getitem__)
    rows = [(f"{NOUNS[level]} after", outcome.after[level], expected.after[level]) for level in severities]
    rows.append(("over after", outcome.over_after, expected.over_after))
    is_close = all(low <= minutes <= high for _, minutes, (low, high) in rows)
    texts = [f"{event} {minutes} minutes (expected: {in_words(*limits)})" for event, minutes, limits in rows]
    return (
        f"{'As the simulation expects' if is_close else 'Not in the minutes that the simulation expects'}: "
        f"{', '.join(texts)}."
    )


def in_words(low: int, high: int) -> str:
    """The fewest and the most minutes."""
    return str(low) if low == high else f"{low} to {high}"
