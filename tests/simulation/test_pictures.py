"""The boards the program registers are drawn with a simulated day, and say what is wrong with it."""

import html
import json
import re

import pytest
from rich.console import Console

from localcloud.boards.page import Moment, render
from localcloud.cloudwatch.states import State
from localcloud.deployer.recorder import Graph
from localcloud.progress import Progress
from tests.graph.board_rules import bodies, widgets_of
from tools import pictures

# Short of the week that is drawn: enough for every alarm of minutes to settle.
STOPPED_AT, NOW = 270, 300


@pytest.fixture(scope="module")
def moments(prod_graph: Graph) -> dict[str, Moment]:
    return pictures.moments(prod_graph, Progress(1, Console(quiet=True)), STOPPED_AT, NOW)


def in_alarm(moment: Moment) -> set[str]:
    return {name.removeprefix("event-processing-prod-") for name, one in moment.states.items() if one is State.ALARM}


def test_the_boards_of_a_normal_day_are_green_and_of_the_stopped_consumer_red(moments: dict[str, Moment]) -> None:
    assert in_alarm(moments["normal-day"]) == set()
    parts = {"consumer-down", "consumer-stalled", "queue-age"}
    assert in_alarm(moments["consumer-stopped"]) == parts | {"ingest-unhealthy", "service-health"}


@pytest.mark.parametrize("day", ["normal-day", "consumer-stopped"])
def test_every_widget_threshold_and_state_is_on_the_page(
    day: str, moments: dict[str, Moment], prod_graph: Graph
) -> None:
    for board, body in bodies(prod_graph).items():
        page = render(body, board, moments[day])
        widgets = [widget for where, widget in widgets_of(prod_graph) if where is board]
        titles = [html.escape(one["properties"]["title"]) for one in widgets if "title" in one["properties"]]
        assert re.findall("<h3>(.*?)</h3>", page) == titles
        graphs = json.loads(re.findall(r"Object\.entries\((\{.*?\})\)\)", page)[-1])
        drawn = [note["text"] for one in graphs.values() for note in one["layout"]["annotations"]]
        for widget in widgets:
            for line in widget["properties"].get("annotations", {}).get("horizontal", []):
                assert line["label"] in drawn
        alarms = [arn for one in widgets if one["type"] == "alarm" for arn in one["properties"]["alarms"]]
        assert len(re.findall('<div class="tile ', page)) == len(alarms)
