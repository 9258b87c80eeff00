"""Signals become dashboards: pure functions from data to the body CloudWatch takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.monitoring.queries import SavedQuery
from components.monitoring.signals import AlarmId, AlarmRule, Board, Metric, Section, Signal

COLUMNS = 24
GRAPH_WIDTH, GRAPH_HEIGHT = 8, 6
INTRODUCTION_HEIGHT = 3
HEADING_HEIGHT = 1
MATRIX_ROW_HEIGHT = 2

Widget = dict[str, Any]

INTRODUCTIONS: Mapping[Board, str] = {
    Board.OVERVIEW: "Are logins recorded, and does the API answer? The most urgent is on top; the alarms come first.",
    Board.INGEST: "From the queue to the table: what arrives, what becomes of it, and what is given up.",
    Board.API: "From the callers to the table: what is asked, how fast it is answered, and who is refused.",
}


@dataclass(frozen=True, kw_only=True)
class BoardContext:
    """What every widget of a stack's boards has in common."""

    physical_prefix: str
    region: str
    runbook_url: str


def board_name(physical_prefix: str, board: Board) -> str:
    """Physical name of a board."""
    return f"{physical_prefix}-{board}"


def board_url(context: BoardContext, board: Board) -> str:
    """Where a person opens the board."""
    return f"{_console(context.region)}#dashboards/dashboard/{board_name(context.physical_prefix, board)}"


def board_body(
    board: Board,
    signals: Sequence[Signal],
    queries: Sequence[SavedQuery],
    alarm_arns: Mapping[AlarmId, str],
    context: BoardContext,
) -> dict[str, Any]:
    """The body of one board: what it is, the alarms, then each section's graphs with their thresholds drawn in."""
    widgets = [_text(_introduction(board, context), y=0, height=INTRODUCTION_HEIGHT)]
    y = INTRODUCTION_HEIGHT
    if alarm_arns:
        height = MATRIX_ROW_HEIGHT + MATRIX_ROW_HEIGHT * (len(alarm_arns) // 4)
        matrix = {"title": "Alarms", "alarms": list(alarm_arns.values()), "sortBy": "stateUpdatedTimestamp"}
        widgets.append(_widget("alarm", matrix, y=y, width=COLUMNS, height=height))
        y += height
    for title in Section:
        drawn = [signal for signal in signals if board in signal.boards and signal.section is title]
        if not drawn:
            continue
        widgets.append(_text(f"## {title}", y=y, height=HEADING_HEIGHT))
        y += HEADING_HEIGHT
        for number, signal in enumerate(drawn):
            row, column = divmod(number, COLUMNS // GRAPH_WIDTH)
            graph = _graph(signal, context.region)
            widgets.append(_widget("metric", graph, x=column * GRAPH_WIDTH, y=y + row * GRAPH_HEIGHT))
        y += GRAPH_HEIGHT * -(-len(drawn) // (COLUMNS // GRAPH_WIDTH))
    return {"periodOverride": "inherit", "widgets": widgets}


def _introduction(board: Board, context: BoardContext) -> str:
    links = {
        "Runbook": context.runbook_url,
        **{f"Board {other}": board_url(context, other) for other in Board if other is not board},
        "Traces": f"{_console(context.region)}#xray:service-map/map",
    }
    buttons = " ".join(f"[button:{label}]({url})" for label, url in links.items())
    return (
        f"# {context.physical_prefix}: {board}\n{INTRODUCTIONS[board]} "
        f"Made by code: what is edited here is gone after the next deployment.\n\n{buttons}"
    )


def _graph(signal: Signal, region: str) -> dict[str, Any]:
    graph: dict[str, Any] = {
        "title": signal.title,
        "region": region,
        "view": "timeSeries",
        "stacked": False,
        "period": signal.period_seconds,
        "metrics": _lines(signal),
        "yAxis": {"left": {"min": 0, "label": signal.unit, "showUnits": False}},
    }
    if signal.alarms:
        graph["annotations"] = {"horizontal": [_threshold(rule) for rule in signal.alarms]}
    return graph


def _lines(signal: Signal) -> list[list[Any]]:
    hidden = bool(signal.expression)
    lines = [_line(metric, hidden=hidden) for metric in signal.metrics]
    if signal.expression:
        lines.insert(0, [{"expression": signal.expression, "id": "result", "label": signal.title}])
    return lines


def _line(metric: Metric, *, hidden: bool) -> list[Any]:
    dimensions = [word for pair in metric.dimensions.items() for word in pair]
    options: dict[str, Any] = {"id": metric.id, "stat": metric.statistic, "label": metric.label}
    return [metric.namespace, metric.name, *dimensions, options | ({"visible": False} if hidden else {})]


def _threshold(rule: AlarmRule) -> dict[str, Any]:
    severity = f" ({rule.severity.upper()})" if rule.severity else ""
    label = f"{rule.id}{severity}: {rule.comparison.sign} {rule.threshold:g}"
    return {"label": label, "value": rule.threshold, "color": "#d13212"}


def _text(markdown: str, *, y: int, height: int) -> Widget:
    return _widget("text", {"markdown": markdown}, y=y, width=COLUMNS, height=height)


def _widget(
    kind: str, properties: dict[str, Any], *, y: int, x: int = 0, width: int = GRAPH_WIDTH, height: int = GRAPH_HEIGHT
) -> Widget:
    return {"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties}


def _console(region: str) -> str:
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
