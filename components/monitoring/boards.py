"""Signals become dashboards: pure functions from data to the body CloudWatch takes.

A board reads from top to bottom: introduction and links, the alarms, then for each section the figures, the graphs with
the thresholds of their alarms, and the logs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import Metric
from components.monitoring.queries import SavedQuery
from components.monitoring.selection import AnyAlarm, Selection
from components.monitoring.signals import Alarm, Board, Comparison, Section, Severity, Signal, View

COLUMNS = 24
INTRODUCTION_HEIGHT = 3
FIGURE_WIDTH, FIGURE_HEIGHT = 4, 3
GRAPH_HEIGHT = 6
LOG_HEIGHT = 6
TILES_PER_ROW = 6
# Two lines of text fit into one row of the grid.
NOTES_PER_ROW = 2
# The range when a board is opened; in a longer range, a graph of minutes hides a fault that has just begun.
OPENED_WITH = "-PT3H"

REFERENCE_COLOUR = "#687078"
COLOURS = {Severity.P1: "#d13212", Severity.P2: "#eb6f00", Severity.P3: "#0972d3"}

Widget = dict[str, Any]

INTRODUCTIONS: Mapping[Board, str] = {
    Board.OVERVIEW: "Are logins stored, and does the API return them? The alarms come first, then the objectives.",
    Board.INGEST: "From the queue to the table: events that arrive, their outcome, and the dead letters.",
    Board.API: "From the clients to the table: requests, their latency, and rejections.",
}
GRAPHS_PER_ROW: Mapping[Board, int] = {Board.OVERVIEW: 3, Board.INGEST: 4, Board.API: 4}


@dataclass(frozen=True, kw_only=True)
class BoardContext:
    """What all widgets of a stack's boards have in common."""

    physical_prefix: str
    region: str
    runbook_url: str
    query_folder: str
    """Folder of the saved queries."""


@dataclass(frozen=True, kw_only=True)
class BoardContent:
    """Everything that can be shown; a board picks the signals and queries that name it."""

    selection: Selection
    queries: Sequence[SavedQuery] = ()
    alarm_arns: Mapping[str, str]
    """By alarm id; an alarm without an ARN is in no matrix."""


def board_name(physical_prefix: str, board: Board) -> str:
    """Physical name of a board."""
    return f"{physical_prefix}-{board}"


def board_url(context: BoardContext, board: Board) -> str:
    """URL of the board in the console."""
    return f"{_console(context.region)}#dashboards/dashboard/{board_name(context.physical_prefix, board)}"


def board_body(board: Board, content: BoardContent, context: BoardContext) -> dict[str, Any]:
    """The body of one board."""
    page = _Page()
    page.add_row([_text(_introduction(board, context))], INTRODUCTION_HEIGHT)
    _add_matrices(page, _matrices(board, content.selection), content.alarm_arns)
    for section in Section:
        signals = [
            signal for signal in content.selection.signals if board in signal.boards and signal.section is section
        ]
        queries = [query for query in content.queries if board in query.boards and query.section is section]
        if signals or queries:
            _add_section(page, section, signals, queries, board, content, context)
    if board is Board.OVERVIEW:
        _add_matrices(page, _parts(content.selection), content.alarm_arns)
    return {"start": OPENED_WITH, "periodOverride": "inherit", "widgets": page.widgets}


class _Page:
    """Places widgets in rows over the whole width, from top to bottom."""

    def __init__(self) -> None:
        self.widgets: list[Widget] = []
        self._y = 0

    def add_row(self, widgets: Sequence[Widget], height: int, *, width: int = 0) -> None:
        width = width or COLUMNS // len(widgets)
        for number, widget in enumerate(widgets):
            self.widgets.append(widget | {"x": number * width, "y": self._y, "width": width, "height": height})
        self._y += height

    def add_rows(self, widgets: Sequence[Widget], height: int, *, most: int) -> None:
        """Add as many rows as needed, evenly filled, so that no row ends in a gap."""
        rows = -(-len(widgets) // most)
        for row in range(rows):
            start, end = (len(widgets) * at // rows for at in (row, row + 1))
            self.add_row(widgets[start:end], height)


def _add_section(
    page: _Page,
    section: Section,
    signals: Sequence[Signal],
    queries: Sequence[SavedQuery],
    board: Board,
    content: BoardContent,
    context: BoardContext,
) -> None:
    notes = [f"- **{signal.title}**: {signal.note}" for signal in signals if signal.note]
    page.add_row([_text("\n".join([f"## {section}", *notes]))], 1 + -(-len(notes) // NOTES_PER_ROW))
    figures = [_figure(signal, context.region) for signal in signals if signal.view is View.NUMBER]
    graphs = [_graph(signal, content.selection, context.region) for signal in signals if signal.view is not View.NUMBER]
    logs = [_log(query, context.region) for query in queries]
    for start in range(0, len(figures), COLUMNS // FIGURE_WIDTH):
        page.add_row(figures[start : start + COLUMNS // FIGURE_WIDTH], FIGURE_HEIGHT, width=FIGURE_WIDTH)
    if len(graphs) == len(logs) == 1:
        page.add_row(graphs + logs, GRAPH_HEIGHT)
        return
    page.add_rows(graphs, GRAPH_HEIGHT, most=GRAPHS_PER_ROW[board])
    page.add_rows(logs, LOG_HEIGHT, most=2)


def _introduction(board: Board, context: BoardContext) -> str:
    console = _console(context.region)
    links = {
        "primary:Runbook": context.runbook_url,
        **{f"Board: {other}": board_url(context, other) for other in Board if other is not board},
        "Trace map": f"{console}#xray:service-map/map",
        "Saved queries": f"{console}#logsV2:logs-insights",
    }
    buttons = " ".join(f"[button:{label}]({url})" for label, url in links.items())
    return (
        f"# {context.physical_prefix}: {board}\n"
        f"{INTRODUCTIONS[board]} Times are UTC. Dashed lines are the thresholds of alarms with their severity; "
        "grey lines are limits and targets. A graph without data means that nothing happened.\n"
        f"Saved queries are in the folder `{context.query_folder}`. "
        f"This board is made by code: the next deployment overwrites manual changes.\n\n{buttons}"
    )


def _matrices(board: Board, selection: Selection) -> dict[str, list[AlarmId]]:
    """The alarms at the top by the title of their matrix: of the board's graphs, or on the overview all that notify."""
    if board is not Board.OVERVIEW:
        here = [alarm.id for signal in selection.signals if board in signal.boards and (alarm := signal.alarm)]
        combined: list[AlarmId] = []
        for composite in selection.composites:
            if composite.id is not AlarmId.SERVICE_HEALTH and not {*here, *combined}.isdisjoint(composite.children):
                combined.insert(0, composite.id)
        return {"Alarms of this board": combined + here}
    alarms = selection.alarms
    return {
        "Alarms that page (P1), and the state of the service": [
            alarm.id for alarm in alarms if alarm.severity is Severity.P1 or alarm.id is AlarmId.SERVICE_HEALTH
        ],
        "Parts of the alarms that page": _causes(selection),
        "Alarms that notify (P2, P3)": [alarm.id for alarm in alarms if alarm.severity in (Severity.P2, Severity.P3)],
    }


def _causes(selection: Selection) -> list[AlarmId]:
    """The parts of the alarms that page, which the on-call engineer checks first."""
    return [
        child for composite in selection.composites if composite.severity is Severity.P1 for child in composite.children
    ]


def _parts(selection: Selection) -> dict[str, list[AlarmId]]:
    shown = {AlarmId.SERVICE_HEALTH, *_causes(selection)}
    silent = [alarm.id for alarm in selection.alarms if alarm.severity is None and alarm.id not in shown]
    return {"Parts of other alarms, which send no notification": silent}


def _add_matrices(page: _Page, matrices: Mapping[str, list[AlarmId]], alarm_arns: Mapping[str, str]) -> None:
    for title, ids in matrices.items():
        if arns := [alarm_arns[alarm_id] for alarm_id in ids if alarm_id in alarm_arns]:
            # The alarms that changed last come first.
            matrix = _widget("alarm", {"title": title, "alarms": arns, "sortBy": "stateUpdatedTimestamp"})
            page.add_row([matrix], 1 + -(-len(arns) // TILES_PER_ROW))


def _figure(signal: Signal, region: str) -> Widget:
    """One number over its whole range, so the period is as long as the range."""
    properties = {
        "title": signal.title,
        "region": region,
        "view": "singleValue",
        "setPeriodToTimeRange": True,
        "period": signal.period_seconds,
        "metrics": _lines(signal, label=signal.unit),
    }
    return _widget("metric", properties | _range(signal))


def _graph(signal: Signal, selection: Selection, region: str) -> Widget:
    lines = _lines(signal, label=signal.unit)
    properties: dict[str, Any] = {
        "title": signal.title,
        "region": region,
        "view": "timeSeries",
        "stacked": signal.view is View.STACKED,
        "timezone": "+0000",
        "period": signal.period_seconds,
        "metrics": lines,
        "yAxis": {"left": {"min": 0, "label": signal.unit, "showUnits": False}},
        # With one line, the title and the axis are enough.
        "legend": {"position": "hidden" if signal.expression or len(lines) == 1 else "bottom"},
    }
    across = [
        {"label": reference.label, "value": reference.value, "color": REFERENCE_COLOUR}
        for reference in signal.references
    ]
    if alarm := signal.alarm:
        across.insert(0, _threshold(alarm, signal.unit, selection.notifier(alarm)))
    if across:
        properties["annotations"] = {"horizontal": across}
    return _widget("metric", properties | _range(signal))


def _range(signal: Signal) -> dict[str, str]:
    return {"start": f"-P{signal.days}D"} if signal.days else {}


def _lines(signal: Signal, *, label: str) -> list[list[Any]]:
    hidden = bool(signal.expression)
    lines = [_line(metric, hidden=hidden) for metric in signal.metrics]
    if signal.expression:
        lines.insert(0, [{"expression": signal.expression, "id": "result", "label": label}])
    return lines


def _line(metric: Metric, *, hidden: bool) -> list[Any]:
    dimensions = [word for pair in metric.dimensions.items() for word in pair]
    options: dict[str, Any] = {"id": metric.id, "stat": metric.statistic, "label": metric.label}
    return [metric.namespace, metric.name, *dimensions, options | ({"visible": False} if hidden else {})]


def _threshold(alarm: Alarm, unit: str, notifier: AnyAlarm) -> dict[str, Any]:
    severity = notifier.severity
    via = f" of {notifier.id}" if severity and notifier is not alarm else ""
    level = f" ({severity.upper()})" if severity else ""
    # 432000 seconds are hard to read.
    days = alarm.threshold / SECONDS_PER_DAY if unit == "seconds" else 0
    in_days = f" ({days:g} days)" if days >= 1 else ""
    line = {
        "label": f"{alarm.id}{via}{level}: {alarm.comparison.sign} {alarm.threshold:g}{in_days}",
        "value": alarm.threshold,
        "color": COLOURS[severity] if severity else REFERENCE_COLOUR,
    }
    # With a threshold of 0, the whole graph would be shaded.
    if alarm.threshold > 0:
        line["fill"] = "below" if alarm.comparison is Comparison.AT_MOST else "above"
    return line


def _log(query: SavedQuery, region: str) -> Widget:
    sources = [f"SOURCE '{group}'" for group in query.log_groups]
    asked = " | ".join([*sources, query.text])
    return _widget("log", {"title": query.title, "region": region, "query": asked, "view": "table"})


def _text(markdown: str) -> Widget:
    return _widget("text", {"markdown": markdown})


def _widget(kind: str, properties: dict[str, Any]) -> Widget:
    return {"type": kind, "properties": properties}


def _console(region: str) -> str:
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
