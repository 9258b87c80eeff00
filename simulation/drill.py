"""The end of `make demo`: in a simulation the consumer stops, and the alarms of stack `prod` are watched.

The alarms and the board are those the program registers; traffic, metrics and time are those of the tests' model, and
the alarms are evaluated as CloudWatch documents it. Says who was told of what and when, and draws the board overview as
whoever was woken finds it. Exit code 1: nobody was woken while the consumer stood still, or it was never over.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from localcloud import lifetime
from localcloud.boards import browser
from localcloud.boards.page import Moment
from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, read_alarms
from localcloud.cloudwatch.evaluator import Evaluator, History
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.states import State
from localcloud.command_line import ends_cleanly
from localcloud.demo import UnexpectedAnswerError
from localcloud.deployer.recorder import PROD_OVERLAY, record
from localcloud.progress import Progress
from simulation.boards import OUT, SETTLING_MINUTES, boards_of, draw, moment_of
from simulation.conditions import A_MINUTE, DAY_MINUTES, Fault
from simulation.harness import Stack, simulate
from simulation.judgement import MAIL, PAGE, TICKET, severity

STEPS = 4
# A day before it, because alarms look back so far; it stops early in an afternoon.
STOP = Fault(name="consumer stopped", start=DAY_MINUTES + 14 * 60, minutes=30, changes={"consumer_runs": False})
# An objective that was missed for half an hour is made up for within hours.
PATIENCE_MINUTES = 360
WORDS = {PAGE: "wakes somebody (P1)", TICKET: "opens a ticket (P2)", MAIL: "sends a mail (P3)"}
PREFIX = "event-processing-prod-"
BOARD = "overview"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the alarms did; minutes count from the stop of the consumer."""

    history: History
    paged_after: int
    over_after: int
    board: Moment
    """What there was to see at the end of the stop."""


def watch(alarms: Iterable[Alarm], store: MetricStore) -> Outcome:
    """Evaluate until whatever paged is over; UnexpectedAnswerError when nothing pages during the stop, or it stays."""
    evaluator = Evaluator(alarms, store)
    history = evaluator.run(STOP.start - SETTLING_MINUTES, STOP.end)
    board = moment_of(evaluator, store, now := STOP.end)
    pages = {
        one.alarm: one.minute
        for one in reversed(history.notifications)
        if severity(one) == PAGE and one.state is State.ALARM and one.minute > STOP.start
    }
    if not pages:
        raise UnexpectedAnswerError(
            f"Not as expected: the consumer stood still for {STOP.minutes} minutes, and no alarm paged."
        )
    while still := sorted(name for name in pages if evaluator.states[name] is State.ALARM):
        if now == STOP.end + PATIENCE_MINUTES:
            raise UnexpectedAnswerError(
                f"Not as expected: {PATIENCE_MINUTES} minutes after the consumer started again, "
                f"{', '.join(_short(name) for name in still)} is still in alarm."
            )
        now += 1
        evaluator.step(now)
    return Outcome(
        history=history, paged_after=min(pages.values()) - STOP.start, over_after=now - STOP.start, board=board
    )


def timeline(alarms: Iterable[Alarm], history: History) -> Iterator[tuple[int, str]]:
    """What happened in which minute since the stop: whoever was told, and what in the alarm had just changed."""
    by_name = {alarm.name: alarm for alarm in alarms}
    changed = {(change.minute, change.alarm, change.state) for change in history.transitions}
    yield 0, "the consumer stops"
    for told in history.notifications:
        if told.minute > STOP.start:
            parts = _parts(by_name, told.alarm)
            reasons = [_short(name) for name in parts if (told.minute, name, told.state) in changed]
            does = "is over" if told.state is not State.ALARM else WORDS[severity(told)]
            yield told.minute - STOP.start, f"{_short(told.alarm)} {does}: {', '.join(reasons) or 'by itself'}"
    yield STOP.minutes, "the consumer starts again"


def _parts(by_name: dict[str, Alarm], name: str) -> list[str]:
    """The alarms one is made of, and those they are made of."""
    alarm = by_name[name]
    if not isinstance(alarm, CompositeAlarm):
        return []
    return [part for child in alarm.rule.alarms for part in (child, *_parts(by_name, child))]


def _short(name: str) -> str:
    return name.removeprefix(PREFIX)


@ends_cleanly
def run(out: Path) -> None:
    """The drill, from recording to the board."""
    lifetime.stop_when_orphaned()
    progress = Progress(STEPS)
    progress.say(
        "A drill, simulated: traffic, metrics and time are those of a model; alarms and board are the program's."
    )
    with progress.step("Record the program as stack prod") as step:
        graph = record("prod", PROD_OVERLAY)
        alarms = read_alarms(graph.resources)
        step.note(f"{len(alarms)} alarms")
    with progress.step("Simulate a day, then stop the consumer") as step:
        store = simulate(Stack.of(graph, A_MINUTE), 0, STOP.end + PATIENCE_MINUTES, (STOP,), step=step)
        step.note(f"{A_MINUTE.name}, stopped for {STOP.minutes} minutes")
    with progress.step("Evaluate the alarms"):
        outcome = watch(alarms, store)
    progress.show(*(f"{minute:3} min  {text}" for minute, text in sorted(timeline(alarms, outcome.history))))
    with progress.step(f"Draw the board {BOARD} as it was after {STOP.minutes} minutes"):
        try:
            made = draw(boards_of(graph)[BOARD], f"{PREFIX}{BOARD}: drill", outcome.board, out / f"drill-{BOARD}.html")
        except browser.BrowserError as error:
            raise UnexpectedAnswerError(f"The board could not be drawn: {error}") from None
        except OSError as error:
            raise UnexpectedAnswerError(
                f"{out} cannot be written to: {error.strerror}. Name another folder with --out."
            ) from None
    here = Path.cwd()
    progress.show(*(str(file.relative_to(here) if file.is_relative_to(here) else file) for file in made))
    progress.say(
        f"As expected: a page {outcome.paged_after} minutes after the consumer stopped, "
        f"over {outcome.over_after - STOP.minutes} minutes after it started again."
    )


def main() -> None:
    """Run the drill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the board (%(default)s)")
    run(parser.parse_args().out)


if __name__ == "__main__":
    main()
