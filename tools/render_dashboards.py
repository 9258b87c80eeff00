"""Draw the boards of stack `prod` without AWS, with a simulated normal day and one on which the consumer stopped.

The bodies are those the program registers, the numbers come from the model of the tests, the states of the alarms from
the evaluator. One HTML page per day and board, and a picture of each where there is a Chromium.
"""

import argparse
import copy
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from localcloud.cloudwatch.alarms import read_alarms
from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.dashboards import browser
from localcloud.dashboards.page import PAGE_WIDTH, Moment, height_of, render
from tests.recorder import PROD_OVERLAY, Graph, record
from tests.simulation.conditions import DAY_MINUTES, Fault, Traffic, conditions
from tests.simulation.lab import Lab
from tests.simulation.model import System
from tests.simulation.names import Plant

OUT = Path(__file__).parents[1] / ".localcloud" / "boards"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
TRAFFIC = Traffic(name="5 a minute", per_second=5 / 60)
# As far back as the burn rates are drawn, then until the middle of an afternoon.
NOW = 7 * DAY_MINUTES + 15 * 60 + 7
STOPPED_AT = NOW - 32
# The alarms are followed for so long before the boards are opened, so that they have settled.
FOLLOWED_MINUTES = 240
STOPPED = {"consumer_runs": False}
DAYS = {"normal-day": {}, "consumer-stopped": STOPPED}


def simulate(graph: Graph, stopped_at: int = STOPPED_AT, now: int = NOW) -> dict[str, MetricStore]:
    """The metrics of each day; their past is the same and is lived through once."""
    plant = Plant.of(graph)
    lab, lived = Lab(plant), MetricStore()
    past = System(plant, lab, TRAFFIC, lived, "boards")
    for minute in range(stopped_at):
        past.run_minute(minute, conditions(minute, ()))
    stores: dict[str, MetricStore] = {}
    for day, changes in DAYS.items():
        fault = Fault(name=day, start=stopped_at, minutes=now - stopped_at, changes=changes)
        system, stores[day] = copy.deepcopy((past, lived), {id(lab): lab})
        for minute in range(stopped_at, now):
            system.run_minute(minute, conditions(minute, (fault,)))
    return stores


def moment_of(graph: Graph, store: MetricStore, now: int = NOW) -> Moment:
    """What is to be seen at the end of a day."""
    evaluator = Evaluator(read_alarms(graph.resources), store)
    history = evaluator.run(now - FOLLOWED_MINUTES, now)
    since = {change.alarm: change.minute for change in history.transitions}
    return Moment(store=store, now=now, epoch=EPOCH, states=evaluator.states, since=since)


def draw(out: Path, say: Callable[[str], None]) -> list[Path]:
    """Draw every board of every day into `out`; answers the pages, and the pictures where they could be taken."""
    out.mkdir(parents=True, exist_ok=True)
    found = browser.find()
    if not found:
        say(f"None of {', '.join(browser.NAMES)} is on PATH: HTML pages are made, pictures are not.")
    say("Recording the program and simulating a week.")
    graph = record("prod", PROD_OVERLAY)
    made: list[Path] = []
    for day, store in simulate(graph).items():
        moment = moment_of(graph, store)
        for board in graph.of_type(DASHBOARD):
            body = json.loads(board.inputs["dashboardBody"])
            page = out / f"{day}-{board.name.removeprefix('monitoring-')}.html"
            page.write_text(render(body, f"{board.inputs['dashboardName']}: {day.replace('-', ' ')}", moment))
            made.append(page)
            if found:
                picture = page.with_suffix(".png")
                browser.take_picture(found, page, picture, PAGE_WIDTH, height_of(body))
                made.append(picture)
            say(f"{made[-1]}")
    return made


def main() -> None:
    """Draw, and say where the pages are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write into (%(default)s)")
    arguments = parser.parse_args()
    try:
        draw(arguments.out, print)
    except (browser.BrowserError, OSError) as error:
        sys.exit(f"The boards could not be drawn: {error}")


if __name__ == "__main__":
    main()
