"""Signals become dashboards: pure functions from data to the body CloudWatch takes.

A board reads from top to bottom: what it is and where to go next, the alarms, then section by section the figures, the
graphs with the thresholds of their alarms drawn in, and what the logs say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.durations import SECONDS_PER_DAY
from components.monitoring.queries import SavedQuery
from components.monitoring.signals import (
    AlarmId,
    AlarmRule,
    Board,
    Comparison,
    CompositeRule,
    Metric,
    Reference,
    Section,
    Severity,
    Signal,
    View,
)

COLUMNS = 24
INTRODUCTION_HEIGHT = 3
FIGURE_WIDTH, FIGURE_HEIGHT = 4, 3
GRAPH_HEIGHT = 6
LOG_HEIGHT = 6
TILES_PER_ROW = 6
# Two lines of text fit into one row of the grid.
NOTES_PER_ROW = 2
# What is drawn when the board is opened; longer, and a graph of minutes would hide what has just begun.
OPENED_WITH = "-PT3H"

REFERENCE_COLOUR = "#687078"
COLOURS = {Severity.P1: "#d13212", Severity.P2: "#eb6f00", Severity.P3: "#0972d3"}

Widget = dict[str, Any]

INTRODUCTIONS: Mapping[Board, str] = {
    Board.OVERVIEW: "Are logins recorded, and does the API answer? The alarms come first, then what was promised.",
    Board.INGEST: "From the queue to the table: what arrives, what becomes of it, and what is given up.",
    Board.API: "From the callers to the table: what is asked, how fast it is answered, and who is refused.",
}
GRAPHS_PER_ROW: Mapping[Board, int] = {Board.OVERVIEW: 3, Board.INGEST: 4, Board.API: 4}


@dataclass(frozen=True, kw_only=True)
class BoardContext:
    """What every widget of a stack's boards has in common."""

    physical_prefix: str
    region: str
    runbook_url: str
    query_folder: str
    """Under which the saved queries are listed."""


@dataclass(frozen=True, kw_only=True)
class BoardContent:
    """Everything there is to be shown; each board picks what names it."""

    signals: Sequence[Signal]
    composites: Sequence[CompositeRule] = ()
    queries: Sequence[SavedQuery] = ()
    alarm_arns: Mapping[str, str]
    """By alarm id; an alarm that is not among them is in no matrix."""

    @property
    def rules(self) -> list[AlarmRule | CompositeRule]:
        """Every alarm there is."""
        return [*(rule for signal in self.signals for rule in signal.alarms), *self.composites]

    def told_by(self, rule: AlarmRule | CompositeRule) -> tuple[AlarmId, Severity | None]:
        """The alarm that tells somebody when this rule is met: its own, or the composite it is part of."""
        if rule.severity is None:
            for composite in self.composites:
                if rule.id in composite.children and (told := self.told_by(composite))[1]:
                    return told
        return rule.id, rule.severity


def board_name(physical_prefix: str, board: Board) -> str:
    """Physical name of a board."""
    return f"{physical_prefix}-{board}"


def board_url(context: BoardContext, board: Board) -> str:
    """Where a person opens the board."""
    return f"{_console(context.region)}#dashboards/dashboard/{board_name(context.physical_prefix, board)}"


def board_body(board: Board, content: BoardContent, context: BoardContext) -> dict[str, Any]:
    """The body of one board."""
    page = _Page()
    page.add_row([_text(_introduction(board, context))], INTRODUCTION_HEIGHT)
    _add_matrices(page, _matrices(board, content), content)
    for section in Section:
        signals = [one for one in content.signals if board in one.boards and one.section is section]
        queries = [one for one in content.queries if board in one.boards and one.section is section]
        if signals or queries:
            _add_section(page, section, signals, queries, board, content, context)
    if board is Board.OVERVIEW:
        _add_matrices(page, _parts(content), content)
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
        """As many rows as needed, as evenly filled as they can be, so that none ends in a hole."""
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
    notes = [f"- **{one.title}**: {one.note}" for one in signals if one.note]
    page.add_row([_text("\n".join([f"## {section}", *notes]))], 1 + -(-len(notes) // NOTES_PER_ROW))
    figures = [_figure(one, context.region) for one in signals if one.view is View.NUMBER]
    graphs = [_graph(one, content, context.region) for one in signals if one.view is not View.NUMBER]
    logs = [_log(one, context.region) for one in queries]
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
        f"{INTRODUCTIONS[board]} Times are UTC. Dashed lines are the thresholds of alarms, each with its severity; "
        "grey ones are limits and targets. A graph without data: nothing of it happened.\n"
        f"Saved queries are in the folder `{context.query_folder}`. "
        f"This board is made by code: what is changed here is gone after the next deployment.\n\n{buttons}"
    )


def _matrices(board: Board, content: BoardContent) -> dict[str, list[AlarmId]]:
    """The alarms at the top, by the title of their matrix: of the board's graphs, or on the overview all who tell."""
    if board is not Board.OVERVIEW:
        here = [rule.id for signal in content.signals if board in signal.boards for rule in signal.alarms]
        combined: list[AlarmId] = []
        for one in content.composites:
            if one.id is not AlarmId.SERVICE_HEALTH and not {*here, *combined}.isdisjoint(one.children):
                combined.insert(0, one.id)
        return {"Alarms of this board": combined + here}
    return {
        "Alarms that wake somebody (P1), and the state of the whole service": [
            rule.id for rule in content.rules if rule.severity is Severity.P1 or rule.id is AlarmId.SERVICE_HEALTH
        ],
        "Which part of them it is": _causes(content),
        "Alarms that tell somebody (P2, P3)": [
            rule.id for rule in content.rules if rule.severity in (Severity.P2, Severity.P3)
        ],
    }


def _causes(content: BoardContent) -> list[AlarmId]:
    """The alarms that those who wake somebody are made of: what is asked first by whoever was woken."""
    return [child for one in content.composites if one.severity is Severity.P1 for child in one.children]


def _parts(content: BoardContent) -> dict[str, list[AlarmId]]:
    shown = {AlarmId.SERVICE_HEALTH, *_causes(content)}
    silent = [rule.id for rule in content.rules if rule.severity is None and rule.id not in shown]
    return {"What all of those are made of; these tell nobody": silent}


def _add_matrices(page: _Page, matrices: Mapping[str, list[AlarmId]], content: BoardContent) -> None:
    for title, ids in matrices.items():
        if arns := [content.alarm_arns[one] for one in ids if one in content.alarm_arns]:
            # Those in alarm come first, however many there are.
            matrix = _widget("alarm", {"title": title, "alarms": arns, "sortBy": "stateUpdatedTimestamp"})
            page.add_row([matrix], 1 + -(-len(arns) // TILES_PER_ROW))


def _figure(signal: Signal, region: str) -> Widget:
    """One number over the whole of its range, which is why every period in it is as long as that."""
    properties = {
        "title": signal.title,
        "region": region,
        "view": "singleValue",
        "setPeriodToTimeRange": True,
        "period": signal.period_seconds,
        "metrics": _lines(signal, label=signal.unit),
    }
    return _widget("metric", properties | _range(signal))


def _graph(signal: Signal, content: BoardContent, region: str) -> Widget:
    lines = _lines(signal, label=signal.unit)
    properties = {
        "title": signal.title,
        "region": region,
        "view": "timeSeries",
        "stacked": signal.view is View.STACKED,
        "timezone": "+0000",
        "period": signal.period_seconds,
        "metrics": lines,
        "yAxis": {"left": {"min": 0, "label": signal.unit, "showUnits": False}},
        # The title and the axis say it already when there is one line.
        "legend": {"position": "hidden" if signal.expression or len(lines) == 1 else "bottom"},
    }
    across = [_threshold(rule, signal.unit, content) for rule in signal.alarms]
    across += [_reference(one) for one in signal.references]
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


def _threshold(rule: AlarmRule, unit: str, content: BoardContent) -> dict[str, Any]:
    teller, severity = content.told_by(rule)
    via = "" if teller is rule.id else f" of {teller}"
    level = f" ({severity.upper()})" if severity else ""
    # Nobody reads 432000 seconds as what they are.
    days = rule.threshold / SECONDS_PER_DAY if unit == "seconds" else 0
    in_days = f" ({days:g} days)" if days >= 1 else ""
    line = {
        "label": f"{rule.id}{via}{level}: {rule.comparison.sign} {rule.threshold:g}{in_days}",
        "value": rule.threshold,
        "color": COLOURS[severity] if severity else REFERENCE_COLOUR,
    }
    # Where anything above nothing is too much, the whole graph would be shaded.
    if rule.threshold > 0:
        line["fill"] = "below" if rule.comparison is Comparison.AT_MOST else "above"
    return line


def _reference(reference: Reference) -> dict[str, Any]:
    return {"label": reference.label, "value": reference.value, "color": REFERENCE_COLOUR}


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
