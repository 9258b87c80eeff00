"""Signals become boards: graphs and logs in their places, with thresholds and notes."""

import dataclasses
from typing import Any

import pytest

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.boards import BoardContent, BoardContext, board_body
from components.monitoring.queries import SavedQuery
from components.monitoring.selection import Selection
from components.monitoring.signals import (
    Alarm,
    Board,
    Comparison,
    CompositeAlarm,
    Drawing,
    Reference,
    Section,
    Severity,
    Signal,
    Versions,
    View,
)
from components.monitoring.widgets import COLOURS, REFERENCE_COLOUR, VERSION_COLOUR
from tests.components import signal_data
from tests.components.signal_data import alarm, composite

CONTEXT = BoardContext(
    physical_prefix="event-processing-dev",
    region="eu-west-1",
    runbook_url="https://example.com/runbook.md",
    query_folder="event-processing/dev",
)
QUERY = SavedQuery(
    id="01-errors", title="Errors", text="filter x", log_groups=("/a", "/b"), boards=tuple(Board), section=Section.LOGS
)


def signal(alarm: Alarm | None = None, **changes: Any) -> Signal:
    return signal_data.signal(alarm, **{"boards": (Board.OVERVIEW,)} | changes)


def widgets(
    *signals: Signal, kind: str = "metric", board: Board = Board.OVERVIEW, composites: tuple[CompositeAlarm, ...] = ()
) -> list[dict[str, Any]]:
    selection = Selection(signals=signals, composites=composites)
    arns = {str(alarm.id): f"arn:{alarm.id}" for alarm in selection.alarms}
    content = BoardContent(selection=selection, alarm_arns=arns)
    return [widget for widget in board_body(board, content, CONTEXT)["widgets"] if widget["type"] == kind]


def graph_of(drawn: Signal, *composites: CompositeAlarm) -> dict[str, Any]:
    (widget,) = widgets(drawn, composites=composites)
    return widget["properties"]


def test_graph_draws_metric_with_threshold_of_its_alarm() -> None:
    drawn = graph_of(signal(alarm(comparison=Comparison.AT_LEAST)))
    options = {"id": "age", "stat": "Sum", "label": "age"}
    assert drawn["metrics"] == [["AWS/SQS", "NumberOfMessagesSent", "QueueName", "q", options]]
    assert drawn["annotations"]["horizontal"] == [
        {"label": "queue-age (P2): >= 60", "value": 60, "color": COLOURS[Severity.P2], "fill": "above"}
    ]


@pytest.mark.parametrize(
    ("changes", "fill"), [({}, "above"), ({"comparison": Comparison.AT_MOST}, "below"), ({"threshold": 0}, None)]
)
def test_breaching_side_of_threshold_is_shaded_but_never_the_whole_graph(
    changes: dict[str, Any], fill: str | None
) -> None:
    (line,) = graph_of(signal(alarm(**changes)))["annotations"]["horizontal"]
    assert line.get("fill") == fill


def test_threshold_of_a_part_names_the_alarm_that_notifies() -> None:
    whole = composite(any_of=(AlarmId.QUEUE_AGE,))
    (line,) = graph_of(signal(alarm(severity=None)), whole)["annotations"]["horizontal"]
    assert (line["label"], line["color"]) == ("queue-age of consumer-down (P1): > 60", COLOURS[Severity.P1])
    inner = dataclasses.replace(whole, severity=None)
    outer = dataclasses.replace(whole, id=AlarmId.INGEST_UNHEALTHY, any_of=(AlarmId.CONSUMER_DOWN,))
    (line,) = graph_of(signal(alarm(severity=None)), inner, outer)["annotations"]["horizontal"]
    assert line["label"] == "queue-age of ingest-unhealthy (P1): > 60"
    (line,) = graph_of(signal(alarm(severity=None)))["annotations"]["horizontal"]
    assert (line["label"], line["color"]) == ("queue-age: > 60", REFERENCE_COLOUR)


DAYS = Drawing(divisor=86_400, unit="days")


def test_values_threshold_references_and_labels_are_in_the_unit_of_the_drawing() -> None:
    limit = Reference(value=864_000, label="limit")
    drawn = graph_of(signal(alarm(threshold=432_000), drawn=DAYS, references=(limit,)))
    assert drawn["metrics"][0] == [{"expression": "age / 86400", "id": "drawn_age", "label": "days"}]
    assert drawn["metrics"][1][-1]["visible"] is False
    assert drawn["yAxis"]["left"]["label"] == "days"
    lines = [(line["label"], line["value"]) for line in drawn["annotations"]["horizontal"]]
    assert lines == [("queue-age (P2): > 5 days", 5), ("limit", 10)]


def test_each_of_several_lines_and_an_expression_are_in_the_unit_of_the_drawing() -> None:
    metrics = (signal_data.metric("typical"), signal_data.metric("slow"))
    lines = [line[-1] for line in graph_of(signal(metrics=metrics, drawn=DAYS))["metrics"]]
    visible = [(line["expression"], line["label"]) for line in lines if line.get("visible", True)]
    assert visible == [("typical / 86400", "typical"), ("slow / 86400", "slow")]
    sums = dataclasses.replace(DAYS, expression="typical + slow")
    assert graph_of(signal(metrics=metrics, drawn=sums))["metrics"][0][0]["expression"] == "(typical + slow) / 86400"


def test_graph_draws_the_metric_where_the_alarm_fills_gaps_and_says_when_the_alarm_counts() -> None:
    filled = signal(alarm(), expression="FILL(age, 0)", drawn=Drawing(unit="seconds", condition="if more than 20"))
    drawn = graph_of(filled)
    assert [line[-1].get("expression") for line in drawn["metrics"]] == [None]
    assert drawn["metrics"][0][-1].get("visible", True)
    assert drawn["annotations"]["horizontal"][0]["label"] == "queue-age (P2): > 60, if more than 20"


def test_failures_follow_the_alarms_that_page_on_the_overview_alone() -> None:
    urgent = signal(alarm(), title="Age", overview_section=Section.FAILURES, boards=(Board.OVERVIEW, Board.INGEST))
    other = signal(title="Rest", section=Section.OBJECTIVES)
    page = composite(any_of=(AlarmId.QUEUE_AGE,))
    selection = Selection(signals=(other, urgent), composites=(page,))
    arns = {str(alarm.id): f"arn:{alarm.id}" for alarm in selection.alarms}
    content = BoardContent(selection=selection, alarm_arns=arns)

    def titles(board: Board) -> list[str]:
        found = [widget["properties"] for widget in board_body(board, content, CONTEXT)["widgets"][1:]]
        return [properties.get("title", properties.get("markdown", "").partition("\n")[0]) for properties in found]

    ticket = "P2: low urgency, and e-mail"
    assert titles(Board.OVERVIEW) == ["P1: pages at once", "## Failures", "Age", ticket, "## Objectives", "Rest"]
    assert titles(Board.INGEST) == ["P1: pages at once", ticket, "## Ingest", "Age"]


@pytest.mark.parametrize(
    ("first", "second", "widths", "height"), [(4, 10, (8, 16), 4), (1, 1, (4, 20), 2), (3, 0, (24,), 2)]
)
def test_matrices_side_by_side_are_as_low_as_possible(
    first: int, second: int, widths: tuple[int, ...], height: int
) -> None:
    ids = list(AlarmId)
    alarms = [alarm(ids[number], severity=Severity.P2) for number in range(first)]
    alarms += [alarm(ids[first + number], severity=Severity.P3) for number in range(second)]
    found = widgets(*(signal(each) for each in alarms), kind="alarm")
    assert [(widget["width"], widget["height"]) for widget in found] == [(width, height) for width in widths]


def test_references_are_drawn_beside_thresholds() -> None:
    drawn = graph_of(signal(references=(Reference(value=9, label="timeout"),)))
    assert drawn["annotations"]["horizontal"] == [{"label": "timeout", "value": 9, "color": REFERENCE_COLOUR}]


VERSIONS = Versions(function="query function", metrics=(signal_data.metric("newest"), signal_data.metric("oldest")))


def test_versions_are_lines_on_the_right_axis_which_starts_at_no_fixed_value() -> None:
    drawn = graph_of(signal(versions=VERSIONS))
    right = [line[-1]["id"] for line in drawn["metrics"] if line[-1].get("yAxis") == "right"]
    assert right == ["newest", "oldest"]
    assert {line[-1]["color"] for line in drawn["metrics"][1:]} == {VERSION_COLOUR}
    assert drawn["yAxis"]["right"] == {"label": "version of the query function", "showUnits": False}
    assert drawn["legend"] == {"position": "bottom"}


def test_last_versions_are_beside_the_heading_and_the_note_on_versions_is_on_a_board_once() -> None:
    last = signal(metrics=VERSIONS.metrics, view=View.LATEST)
    later = signal(versions=VERSIONS, section=Section.API)
    heading, other = widgets(last, signal(versions=VERSIONS), later, kind="text")[1:]
    assert [text["properties"]["markdown"].count("**Versions**") for text in (heading, other)] == [1, 0]
    shown = next(w for w in widgets(last) if w["properties"]["view"] == "singleValue")
    assert (shown["y"], heading["width"] + shown["width"], shown["height"]) == (heading["y"], 24, 2)
    assert [line[-1].get("expression") for line in shown["properties"]["metrics"]] == [
        "FILL(newest, REPEAT)",
        "FILL(oldest, REPEAT)",
        None,
        None,
    ]


def test_note_is_above_the_graphs_of_its_section() -> None:
    texts = [widget["properties"]["markdown"] for widget in widgets(signal(note="Poison hides."), kind="text")]
    assert texts[1] == "## Ingest\n- **Age**: Poison hides."


def test_one_graph_and_one_query_lie_side_by_side() -> None:
    content = BoardContent(
        selection=Selection(signals=(signal(section=Section.LOGS),)), queries=(QUERY,), alarm_arns={}
    )
    assert board_body(Board.API, content, CONTEXT)["widgets"][-1]["type"] == "log"
    *_, graph, log = board_body(Board.OVERVIEW, content, CONTEXT)["widgets"]
    assert (graph["x"], log["x"], graph["y"] == log["y"], graph["width"], log["width"]) == (0, 12, True, 12, 12)


@pytest.mark.parametrize("number", range(1, 14))
@pytest.mark.parametrize("board", list(Board))
def test_rows_of_any_number_of_graphs_fill_the_width(number: int, board: Board) -> None:
    placed = widgets(*(signal(boards=(board,)) for _ in range(number)), board=board)
    assert len(placed) == number
    for y in {widget["y"] for widget in placed}:
        assert sum(widget["width"] for widget in placed if widget["y"] == y) == 24
