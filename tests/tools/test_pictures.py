"""The program's boards are drawn from a simulation, with every widget, threshold and alarm state."""

import html
import json
import re
from itertools import groupby

import pytest
from rich.console import Console

from components.monitoring.signals import Board
from localcloud.boards.page import Snapshot, render
from localcloud.cloudwatch.states import State
from localcloud.deployer.recorder import Graph
from localcloud.progress import Progress
from tests.graph.board_rules import bodies, widgets_of
from tools import pictures

# Shorter than the week of `tools.pictures`, but long enough for the alarms to settle.
STOPPED_AT, NOW = 270, 300


@pytest.fixture(scope="module")
def snapshots(prod_graph: Graph) -> dict[str, Snapshot]:
    return pictures.simulated(prod_graph, Progress(1, Console(quiet=True)), STOPPED_AT, NOW)


def in_alarm(snapshot: Snapshot) -> set[str]:
    active = [name for name, state in snapshot.states.items() if state is State.ALARM]
    return {name.removeprefix("event-processing-prod-") for name in active}


def test_alarms_are_on_only_while_the_consumer_is_stopped(snapshots: dict[str, Snapshot]) -> None:
    assert in_alarm(snapshots["normal-day"]) == set()
    children = {"consumer-down", "consumer-stalled", "queue-age"}
    pages = {"ingest-unhealthy", "probe-failing", "service-health"}
    assert in_alarm(snapshots["consumer-stopped"]) == children | pages


@pytest.mark.parametrize("day", ["normal-day", "consumer-stopped"])
def test_every_widget_threshold_and_state_is_on_the_page(
    day: str, snapshots: dict[str, Snapshot], prod_graph: Graph
) -> None:
    for board, body in bodies(prod_graph).items():
        page = render(body, board, snapshots[day])
        widgets = [widget for where, widget in widgets_of(prod_graph) if where is board]
        titles = [html.escape(widget["properties"]["title"]) for widget in widgets if "title" in widget["properties"]]
        assert re.findall("<h3>(.*?)</h3>", page) == titles
        graphs = json.loads(re.findall(r"Object\.entries\((\{.*?\})\)\)", page)[-1])
        notes = (note["text"] for graph in graphs.values() for note in graph["layout"]["annotations"])
        drawn = " ".join(notes).replace("<br>", " ")
        for widget in widgets:
            for line in widget["properties"].get("annotations", {}).get("horizontal", []):
                assert line["label"] in drawn
        alarms = [arn for widget in widgets if widget["type"] == "alarm" for arn in widget["properties"]["alarms"]]
        assert len(re.findall('<div class="tile ', page)) == len(alarms)


def test_release_is_a_step_on_the_first_screen_and_the_last_version_stays_when_nothing_runs(
    snapshots: dict[str, Snapshot], prod_graph: Graph
) -> None:
    page = render(bodies(prod_graph)[Board.OVERVIEW], "overview", snapshots["consumer-stopped"])
    shown = re.findall(r"<h3>(Running [a-z ]+)</h3>.*?</section>", page)
    assert shown == ["Running event handler", "Running query function"]
    assert re.findall(r'class="figure">([\d.]+)<.*?>(\w+ version)<', page) == [
        ("2", f"{end} version") for _ in shown for end in ("newest", "oldest")
    ]
    graphs = json.loads(re.findall(r"Object\.entries\((\{.*?\})\)\)", page)[-1]).values()
    lines = [line["y"] for graph in graphs for line in graph["data"] if line.get("yaxis") == "y2"]
    measured = ([value for value in line if value is not None] for line in lines)
    assert [[value for value, _ in groupby(line)] for line in measured] == [[1, 2]] * len(lines)
    # The three graphs of failures and the latency of the API. Where no batch runs, no version is drawn.
    assert [line[-1] for line in lines[::2]] == [None, None, 2, 2]
