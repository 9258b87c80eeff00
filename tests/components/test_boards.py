"""Signals become boards: graphs and logs in their places, with thresholds and notes."""

import dataclasses
from typing import Any

import pytest

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.boards import COLOURS, REFERENCE_COLOUR, BoardContent, BoardContext, board_body
from components.monitoring.queries import SavedQuery
from components.monitoring.selection import Selection
from components.monitoring.signals import Alarm, Board, Comparison, CompositeAlarm, Reference, Section, Severity, Signal
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
    arns = {alarm.id.value: f"arn:{alarm.id}" for alarm in selection.alarms}
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


@pytest.mark.parametrize(
    ("unit", "threshold", "compared"),
    [("seconds", 432_000, ">= 432000 (5 days)"), ("seconds", 86_399, ">= 86399"), ("messages", 432_000, ">= 432000")],
)
def test_threshold_of_days_is_labelled_in_days(unit: str, threshold: float, compared: str) -> None:
    drawn = graph_of(signal(alarm(threshold=threshold, comparison=Comparison.AT_LEAST), unit=unit))
    assert drawn["annotations"]["horizontal"][0]["label"] == f"queue-age (P2): {compared}"


def test_references_are_drawn_beside_thresholds() -> None:
    drawn = graph_of(signal(references=(Reference(value=9, label="timeout"),)))
    assert drawn["annotations"]["horizontal"] == [{"label": "timeout", "value": 9, "color": REFERENCE_COLOUR}]


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
