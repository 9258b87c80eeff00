"""One drill: warm up, make the fault, wait for the page, heal, and wait until it is over."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from localcloud.cloudwatch.states import State
from localcloud.demo import DEADLINE_SECONDS, UnexpectedAnswerError
from localcloud.drills.catalogue import Drill, Expected
from localcloud.drills.stack import DrilledStack, Notification
from localcloud.progress import Progress

MINUTE_SECONDS = 5
"""How long a minute lasts. At 2 s, a slow first batch was minutes late and paged."""
EVENTS_PER_MINUTE = 5
WARM_UP_MINUTES, WARM_UP_MINUTES_MAX = 5, 20
PAGE_MINUTES_MAX, OVER_MINUTES_MAX = 15, 60
STEPS = 3
POLL_SECONDS = 0.1
ACTIONS = {"P1": "pages (P1)", "P2": "opens a ticket (P2)", "P3": "sends mail (P3)"}

PassMinute = Callable[[DrilledStack], None]
"""Sends the events of a minute, and returns when its end was evaluated."""


@dataclass(kw_only=True)
class Outcome:
    """What happened; minutes count from the fault."""

    paged_after: int = 0
    over_after: int = 0
    timeline: list[tuple[int, str]] = field(default_factory=list)


def compressed_minute(stack: DrilledStack) -> None:
    """Send the events of a minute evenly, and return when its end was evaluated."""
    ended, left = stack.ended_minute(), EVENTS_PER_MINUTE
    began = due = time.monotonic()
    while stack.ended_minute() == ended:
        now = time.monotonic()
        if now - began > DEADLINE_SECONDS:
            raise UnexpectedAnswerError(f"A minute of {MINUTE_SECONDS} s did not end within {DEADLINE_SECONDS} s.")
        if left and now >= due:
            stack.send()
            left, due = left - 1, due + MINUTE_SECONDS / EVENTS_PER_MINUTE
        time.sleep(POLL_SECONDS)


class DrillRun:
    """A drill on a stack; `pass_minute` lets a minute of the stack pass."""

    def __init__(self, drill: Drill, stack: DrilledStack, progress: Progress, pass_minute: PassMinute) -> None:
        self._drill, self._stack, self._progress, self._pass_minute = drill, stack, progress, pass_minute
        self._expected: Expected = drill.expected
        self._began = self._fault = stack.ended_minute()

    def run(self, at_page: Callable[[], object]) -> Outcome:
        """Run the drill; UnexpectedAnswerError unless the expected alarms page, no other, and all are over.

        `at_page` is called at the first page, before the fault is healed.
        """
        self._warm_up()
        outcome = Outcome(timeline=[(0, self._drill.begins)])
        progress, drill = self._progress, self._drill
        with progress.step("Wait for a page") as step:
            self._fault = self._stack.ended_minute()
            with drill.made(self._stack.cloud):
                outcome.paged_after = self._wait_for_page()
                for alert in self._alerts():
                    outcome.timeline.append(self._line(alert, self._stack.causes(alert.alarm)))
                step.note(f"after {outcome.paged_after} minutes")
                at_page()
            outcome.timeline.append((self._stack.ended_minute() - self._fault, drill.ends))
        with progress.step("Wait until it is over") as step:
            outcome.over_after = self._wait_until_over()
            self._stack.wait_until_stored()
            step.note(f"{self._stack.sent} events sent and stored")
        outcome.timeline += [self._line(found) for found in self._since_fault() if found.state is State.OK]
        return outcome

    def run_control(self) -> int:
        """Run the drill without its fault; returns its minutes. UnexpectedAnswerError if an alarm notifies."""
        self._warm_up()
        minutes = self._expected.over_after[1]
        with self._progress.step(f"Wait {minutes} minutes without a fault"):
            self._fault = self._stack.ended_minute()
            for _ in range(minutes):
                self._pass_minute(self._stack)
                self._check(())
        return minutes

    def _warm_up(self) -> None:
        """Let functions start and alarms be evaluated, so that neither counts as part of the fault."""
        stack = self._stack
        with self._progress.step("Send events until the alarms are evaluated") as step:
            stack.subscribe()
            stack.send()
            stack.wait_until_stored()  # a first batch takes long
            waiting: list[str] = []
            for minute in range(1, WARM_UP_MINUTES_MAX + 1):
                self._pass_minute(stack)
                self._check(())
                states = stack.states()
                waiting = [alarm for alarm in self._expected.pages if states.get(alarm) is not State.OK]
                if not waiting and minute >= WARM_UP_MINUTES:
                    step.note(f"{len(states)} alarms, {minute} minutes")
                    return
            raise UnexpectedAnswerError(f"Not OK after {WARM_UP_MINUTES_MAX} minutes: {', '.join(waiting)}.")

    def _wait_for_page(self) -> int:
        for _ in range(PAGE_MINUTES_MAX):
            self._pass_minute(self._stack)
            self._check(self._expected.pages)
            if alerts := self._alerts():
                return alerts[0].minute - self._fault
        raise UnexpectedAnswerError(f"No alarm paged within {PAGE_MINUTES_MAX} minutes after {self._drill.begins}.")

    def _wait_until_over(self) -> int:
        firing: list[str] = []
        for _ in range(OVER_MINUTES_MAX):
            self._pass_minute(self._stack)
            self._check(self._expected.pages)
            if not (firing := self._stack.firing()):
                return self._stack.ended_minute() - self._fault
        names = ", ".join(firing)
        raise UnexpectedAnswerError(f"Still in alarm {OVER_MINUTES_MAX} minutes after {self._drill.ends}: {names}.")

    def _since_fault(self) -> list[Notification]:
        return [found for found in self._stack.notifications() if found.minute > self._fault]

    def _alerts(self) -> list[Notification]:
        return [found for found in self._since_fault() if found.state is State.ALARM]

    def _check(self, expected: tuple[str, ...]) -> None:
        """Raise UnexpectedAnswerError if any other alarm has notified during the drill."""
        for found in self._stack.notifications():
            if found.minute > self._began and found.state is State.ALARM and found.alarm not in expected:
                raise UnexpectedAnswerError(f"Not as expected: {found.alarm} {ACTIONS[found.severity]}.")

    def _line(self, found: Notification, causes: list[str] | None = None) -> tuple[int, str]:
        action = ACTIONS[found.severity] if found.state is State.ALARM else "clears"
        reason = f": {', '.join(causes)}" if causes else ""
        return found.minute - self._fault, f"{found.alarm} {action}{reason}"


def compared(expected: Expected, outcome: Outcome) -> str:
    """What the drill measured, beside what the simulation expects."""
    paged, over = (
        str(low) if low == high else f"{low} to {high}" for low, high in (expected.paged_after, expected.over_after)
    )
    is_close = (
        expected.paged_after[0] <= outcome.paged_after <= expected.paged_after[1]
        and expected.over_after[0] <= outcome.over_after <= expected.over_after[1]
    )
    return (
        f"{'As the simulation expects' if is_close else 'Not in the minutes that the simulation expects'}: "
        f"a page after {outcome.paged_after} minutes (expected: {paged}), "
        f"over after {outcome.over_after} (expected: {over})."
    )
