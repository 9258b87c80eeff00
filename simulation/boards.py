"""The boards of a recorded stack, drawn as they are at a moment of a simulation.

The resources are those the program registers, the numbers come from the model of the tests, the states of the alarms
from the evaluator. No AWS anywhere.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.boards import browser
from localcloud.boards.page import PAGE_WIDTH, Moment, height_of, render
from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.deployer.recorder import Graph

OUT = Path(__file__).parents[1] / ".localcloud" / "boards"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
# The alarms are followed for so long before anything is looked at, so that they have settled.
SETTLING_MINUTES = 240


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
