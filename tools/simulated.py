"""A recorded stack in a simulation, and its boards at a moment of it: what `render_dashboards` and `drill` share.

The resources are those the program registers, the numbers come from the model of the tests, the states of the alarms
from the evaluator. No AWS anywhere.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.dashboards import browser
from localcloud.dashboards.page import PAGE_WIDTH, Moment, height_of, render
from localcloud.progress import Step
from tests.recorder import Graph
from tests.simulation.conditions import DAY_MINUTES, Fault, Traffic, conditions
from tests.simulation.lab import Lab
from tests.simulation.model import System
from tests.simulation.names import Plant

OUT = Path(__file__).parents[1] / ".localcloud" / "boards"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
TRAFFIC = Traffic(name="5 a minute", per_second=5 / 60)
# The alarms are followed for so long before anything is looked at, so that they have settled.
SETTLING_MINUTES = 240


def simulate(graph: Graph, fault: Fault, until: int, step: Step | None = None) -> MetricStore:
    """The metrics of normal days and one fault, from a midnight up to minute `until`; the same in every run."""
    plant, store = Plant.of(graph), MetricStore()
    system = System(plant, Lab(plant), TRAFFIC, store, "boards")
    for minute in range(until):
        if step and not minute % 60:
            step.update(f"{minute // DAY_MINUTES} of {until // DAY_MINUTES} days")
        system.run_minute(minute, conditions(minute, (fault,)))
    return store


def moment_of(evaluator: Evaluator, store: MetricStore, now: int) -> Moment:
    """What there is to see at minute `now`, up to which the evaluator has come."""
    since = {change.alarm: change.minute for change in evaluator.history.transitions}
    return Moment(store=store, now=now, epoch=EPOCH, states=dict(evaluator.states), since=since)


def boards_of(graph: Graph) -> dict[str, dict[str, Any]]:
    """The bodies of the boards the program registers, by the name of each."""
    boards = graph.of_type(DASHBOARD)
    return {one.name.removeprefix("monitoring-"): json.loads(one.inputs["dashboardBody"]) for one in boards}


def draw(body: dict[str, Any], title: str, moment: Moment, page: Path) -> list[Path]:
    """Draw a board on a page, and a picture beside it where there is a Chromium; answers the files that were made."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(body, title, moment))
    found = browser.find()
    if found is None:
        return [page]
    picture = page.with_suffix(".png")
    browser.take_picture(found, page, picture, PAGE_WIDTH, height_of(body))
    return [page, picture]
