"""The boards of a recorded stack, drawn as they look at one minute of a simulation.

The boards and alarms are those of the program, the metrics those of the model. Nothing uses AWS.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.boards import browser
from localcloud.boards.page import PAGE_WIDTH, Snapshot, height_of, render
from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.deployer.recorder import Graph

OUT = Path(__file__).parents[1] / ".localcloud" / "boards"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
# How long the alarms are evaluated before the first snapshot, so that their states have settled.
SETTLING_MINUTES = 240


def snapshot_of(evaluator: Evaluator, store: MetricStore, now: int) -> Snapshot:
    """The snapshot at minute `now`, after the evaluator's last step."""
    since = {change.alarm: change.minute for change in evaluator.history.transitions}
    return Snapshot(store=store, now=now, epoch=EPOCH, states=dict(evaluator.states), since=since)


def boards_of(graph: Graph) -> dict[str, dict[str, Any]]:
    """The bodies of the program's boards, by name."""
    boards = graph.of_type(DASHBOARD)
    return {board.name.removeprefix("monitoring-"): json.loads(board.inputs["dashboardBody"]) for board in boards}


def draw(body: dict[str, Any], title: str, snapshot: Snapshot, page: Path) -> list[Path]:
    """Draw a board as a page, and as a picture if Chromium is installed; returns the files written."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(body, title, snapshot))
    chromium = browser.find()
    if chromium is None:
        return [page]
    picture = page.with_suffix(".png")
    browser.take_picture(chromium, page, picture, PAGE_WIDTH, height_of(body))
    return [page, picture]
