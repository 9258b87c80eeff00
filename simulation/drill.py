"""A simulated drill (`make drill-simulated`): the consumer of stack `prod` stops, and its alarms are evaluated.

Alarms and board are those of the program. Traffic, metrics and time are those of a model, and the alarms are evaluated
as CloudWatch documents it. The drill prints every notification and draws the board `overview` as the on-call engineer
finds it. Exit code 0: an alarm paged while the consumer was stopped, and cleared afterwards.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from localcloud import lifetime, standard_streams
from localcloud.application import Application
from localcloud.boards import browser
from localcloud.boards.page import Snapshot, render
from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, read_alarms
from localcloud.cloudwatch.evaluator import Evaluator, History
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.states import State
from localcloud.command_line import ends_cleanly
from localcloud.demo import UnexpectedAnswerError
from localcloud.deployer.recorder import PROD_OVERLAY, record
from localcloud.own_files import require_own
from localcloud.progress import Progress
from simulation.boards import OUT, SETTLING_MINUTES, boards_of, draw, snapshot_of
from simulation.conditions import A_MINUTE, DAY_MINUTES, Fault
from simulation.harness import Stack, simulate
from simulation.verdicts import MAIL, PAGE, TICKET, severity

STEPS = 4
# Early in the afternoon.
STOP = Fault(name="consumer stopped", start=DAY_MINUTES + 14 * 60, minutes=30, changes={"consumer_runs": False})
# A day before the first evaluation, because alarms evaluate periods of up to a day.
BEGIN = STOP.start - SETTLING_MINUTES - DAY_MINUTES
# An SLO alarm clears within hours of a fault of half an hour.
PATIENCE_MINUTES = 360
ACTIONS = {PAGE: "pages (P1)", TICKET: "opens a ticket (P2)", MAIL: "sends mail (P3)"}
PREFIX = "event-processing-prod-"
BOARD = "overview"
TITLES = {board: f"{PREFIX}{board}: drill" for board in ("overview", "ingest", "api")}

app = Application(add_completion=False)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the alarms did; minutes count from the stop of the consumer."""

    history: History
    paged_after: int
    cleared_after: int
    board: Snapshot
    """The board when the consumer starts again."""


def run_alarms(alarms: Iterable[Alarm], store: MetricStore) -> Outcome:
    """Evaluate until every page has cleared; UnexpectedAnswerError when no alarm pages, or one does not clear."""
    evaluator = Evaluator(alarms, store)
    history = evaluator.run(STOP.start - SETTLING_MINUTES, STOP.end)
    board = snapshot_of(evaluator, store, now := STOP.end)
    pages = {
        notification.alarm: notification.minute
        for notification in reversed(history.notifications)
        if severity(notification) is PAGE and notification.state is State.ALARM and notification.minute > STOP.start
    }
    if not pages:
        raise UnexpectedAnswerError(f"No alarm paged during the {STOP.minutes} minutes that the consumer was stopped.")
    while active := sorted(name for name in pages if evaluator.states[name] is State.ALARM):
        if now == STOP.end + PATIENCE_MINUTES:
            raise UnexpectedAnswerError(
                f"Still in alarm {PATIENCE_MINUTES} minutes after the consumer started again: "
                f"{', '.join(_short(name) for name in active)}."
            )
        now += 1
        evaluator.step(now)
    return Outcome(
        history=history, paged_after=min(pages.values()) - STOP.start, cleared_after=now - STOP.start, board=board
    )


def timeline(alarms: Iterable[Alarm], history: History) -> Iterator[tuple[int, str]]:
    """The events of the drill, by minutes since the stop: each notification, and the child alarms that caused it."""
    by_name = {alarm.name: alarm for alarm in alarms}
    changed = {(change.minute, change.alarm, change.state) for change in history.transitions}
    yield 0, "the consumer stops"
    for notification in history.notifications:
        if notification.minute > STOP.start:
            children = _children(by_name, notification.alarm)
            causes = [_short(name) for name in children if (notification.minute, name, notification.state) in changed]
            action = ACTIONS[severity(notification)] if notification.state is State.ALARM else "clears"
            cause = f": {', '.join(causes)}" if causes else ""
            yield notification.minute - STOP.start, f"{_short(notification.alarm)} {action}{cause}"
    yield STOP.minutes, "the consumer starts again"


def _children(by_name: dict[str, Alarm], name: str) -> list[str]:
    """The alarms in the rule of a composite alarm, and in the rules of those."""
    alarm = by_name[name]
    if not isinstance(alarm, CompositeAlarm):
        return []
    return [name for child in alarm.rule.alarms for name in (child, *_children(by_name, child))]


def _short(name: str) -> str:
    return name.removeprefix(PREFIX)


@app.command(help=__doc__)
@ends_cleanly
def run(out: Annotated[Path, typer.Option(help="The folder for the board.")] = OUT) -> None:
    """Run the drill and draw the board into `out`."""
    lifetime.stop_when_orphaned()
    pages = {board: out / f"drill-{board}.html" for board in TITLES}
    page = pages[BOARD]
    for board, title in TITLES.items():
        require_own(pages[board], lambda head, title=title: f"<title>{title}</title>" in head, "--out")
    require_own(page.with_suffix(".png"), lambda _: page.exists(), "--out")  # a picture is drawn from a page
    progress = Progress(STEPS)
    progress.say("A simulated drill: alarms and board are the program's; traffic, metrics and time are a model's.")
    with progress.step("Record the program as stack prod") as step:
        graph = record("prod", PROD_OVERLAY)
        alarms = read_alarms(graph.resources)
        step.note(f"{len(alarms)} alarms")
    with progress.step("Simulate a day, then stop the consumer") as step:
        store = simulate(Stack.of(graph, A_MINUTE), BEGIN, STOP.end + PATIENCE_MINUTES, (STOP,), step=step)
        step.note(f"{A_MINUTE}, stopped for {STOP.minutes} minutes")
    with progress.step("Evaluate the alarms"):
        outcome = run_alarms(alarms, store)
    progress.show(*(f"{minute:3} min  {text}" for minute, text in sorted(timeline(alarms, outcome.history))))
    with progress.step(f"Draw the board {BOARD} as it looks after {STOP.minutes} minutes"):
        try:
            links = {f"{PREFIX}{board}": path.name for board, path in pages.items()}
            snapshot, bodies = replace(outcome.board, links=links), boards_of(graph)
            files = draw(bodies[BOARD], TITLES[BOARD], snapshot, page)
            # The boards that it links to, without pictures.
            for board, path in pages.items():
                if board != BOARD:
                    path.write_text(render(bodies[board], TITLES[board], snapshot))
        except browser.BrowserError as error:
            raise UnexpectedAnswerError(f"The board could not be drawn: {error}") from None
        except OSError as error:
            raise UnexpectedAnswerError(
                f"Cannot write to {out}: {error.strerror}. Name another folder with --out."
            ) from None
    here = Path.cwd()
    progress.show(*(str(file.relative_to(here) if file.is_relative_to(here) else file) for file in files))
    progress.say(
        f"As expected: a page {outcome.paged_after} minutes after the consumer stopped, "
        f"cleared {outcome.cleared_after - STOP.minutes} minutes after it started again."
    )


if __name__ == "__main__":
    standard_streams.prepare()
    app(prog_name="python -m simulation.drill")
