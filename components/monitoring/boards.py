"""Signals become dashboards: pure functions from data to the body CloudWatch takes.

A board reads from top to bottom: introduction and links, the alarms by severity, then for each section the figures, the
graphs with the thresholds of their alarms, and the logs. The overview shows the graphs of failures right below the
alarms that page, so that the first screen tells what fails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.monitoring.alarm_ids import AlarmId, AnyAlarmId
from components.monitoring.queries import SavedQuery
from components.monitoring.selection import Selection
from components.monitoring.signals import Board, Section, Severity, Signal, View
from components.monitoring.widgets import Widget, figure, graph, latest, log, matrix_of, text

COLUMNS = 24
INTRODUCTION_HEIGHT = 3
FIGURE_WIDTH, FIGURE_HEIGHT = 4, 3
# Of the figures beside a heading.
LATEST_HEIGHT = 2
GRAPH_HEIGHT = 6
# Graphs that are empty as long as all is well, and take no room from the others.
SMALL_GRAPH_HEIGHT = 4
LOG_HEIGHT = 6
TILES_PER_ROW = 6
# Two lines of text fit into one row of the grid.
NOTES_PER_ROW = 2
# The range when a board is opened; in a longer range, a graph of minutes hides a fault that has just begun.
OPENED_WITH = "-PT3H"

INTRODUCTIONS: Mapping[Board, str] = {
    Board.OVERVIEW: "Are logins stored, and does the API return them? First the alarms that page, then what fails.",
    Board.INGEST: "From the queue to the table: events that arrive, their outcome, and the dead letters.",
    Board.API: "From the clients to the table: requests, their latency, and rejections.",
}
GRAPHS_PER_ROW: Mapping[Board, int] = {Board.OVERVIEW: 3, Board.INGEST: 4, Board.API: 4}
SECTION_NOTES: Mapping[Section, str] = {
    Section.OBJECTIVES: "A fault of the last minutes hardly moves a figure of 30 days: read the alarms and the burn"
    " rates.",
}
VERSIONS_NOTE = (
    "**Versions**, on the right axis: a step is a release or a rollback, two lines are a release under way, and a gap"
    " means that no invocation ended: none ran, or all crashed or timed out."
)


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
    page.add_row([text(_introduction(board, context))], INTRODUCTION_HEIGHT)
    paging, others, parts = _matrices(board, content.selection)
    page.add_matrices(paging, content.alarm_arns)
    if board is not Board.OVERVIEW:
        page.add_matrices(others, content.alarm_arns)
    has_versions_note = False
    for section in Section:
        signals = [
            signal
            for signal in content.selection.signals
            if board in signal.boards and signal.section_on(board) is section
        ]
        queries = [query for query in content.queries if board in query.boards and query.section is section]
        if signals or queries:
            notes = [f"- {SECTION_NOTES[section]}"] if section in SECTION_NOTES else []
            notes += [f"- **{signal.title}**: {signal.note}" for signal in signals if signal.note]
            if not has_versions_note and any(signal.versions for signal in signals):
                notes.append(f"- {VERSIONS_NOTE}")
                has_versions_note = True
            _add_section(page, section, notes, signals, queries, board, content, context)
        if board is Board.OVERVIEW and section is Section.FAILURES:
            page.add_matrices(others, content.alarm_arns)
    page.add_matrices(parts, content.alarm_arns)
    return {"start": OPENED_WITH, "periodOverride": "inherit", "widgets": page.widgets}


_Matrices = dict[str, list[AnyAlarmId]]


class _Page:
    """Places widgets in rows over the whole width, from top to bottom."""

    def __init__(self) -> None:
        self.widgets: list[Widget] = []
        self._y = 0

    def add_row(self, widgets: Sequence[Widget], height: int, *, widths: Sequence[int] = ()) -> None:
        """Add widgets side by side, with these widths or with equal ones."""
        x = 0
        for widget, width in zip(widgets, widths or [COLUMNS // len(widgets)] * len(widgets), strict=True):
            self.widgets.append(widget | {"x": x, "y": self._y, "width": width, "height": height})
            x += width
        self._y += height

    def add_rows(self, widgets: Sequence[Widget], height: int, *, most: int) -> None:
        """Add as many rows as needed, evenly filled, so that no row ends in a gap."""
        rows = -(-len(widgets) // most)
        for row in range(rows):
            start, end = (len(widgets) * at // rows for at in (row, row + 1))
            self.add_row(widgets[start:end], height)

    def add_matrices(self, matrices: Mapping[str, Sequence[AnyAlarmId]], alarm_arns: Mapping[str, str]) -> None:
        """Add one matrix, or two side by side, divided so that the row is as low as possible."""
        named = {title: [alarm_arns[name] for name in ids if name in alarm_arns] for title, ids in matrices.items()}
        shown = [matrix_of(title, arns) for title, arns in named.items() if arns]
        if not shown:
            return
        counts = [len(matrix["properties"]["alarms"]) for matrix in shown]
        divisions = [(TILES_PER_ROW,)] if len(shown) == 1 else [(n, TILES_PER_ROW - n) for n in range(1, TILES_PER_ROW)]
        rows, tiles = min((max(-(-n // tiles) for n, tiles in zip(counts, way, strict=True)), way) for way in divisions)
        self.add_row(shown, 1 + rows, widths=[COLUMNS // TILES_PER_ROW * number for number in tiles])


def _add_section(
    page: _Page,
    section: Section,
    notes: Sequence[str],
    signals: Sequence[Signal],
    queries: Sequence[SavedQuery],
    board: Board,
    content: BoardContent,
    context: BoardContext,
) -> None:
    heading = [text("\n".join([f"## {section}", *notes]))]
    heading += [latest(signal, context.region) for signal in signals if signal.view is View.LATEST]
    widths = [FIGURE_WIDTH] * (len(heading) - 1)
    height = max(1 + -(-len(notes) // NOTES_PER_ROW), LATEST_HEIGHT if widths else 1)
    page.add_row(heading, height, widths=[COLUMNS - sum(widths), *widths])
    figures = [figure(signal, context.region) for signal in signals if signal.view is View.NUMBER]
    graphs = [
        graph(signal, content.selection, context.region)
        for signal in signals
        if signal.view not in (View.NUMBER, View.LATEST)
    ]
    logs = [log(query, context.region) for query in queries]
    for start in range(0, len(figures), COLUMNS // FIGURE_WIDTH):
        row = figures[start : start + COLUMNS // FIGURE_WIDTH]
        page.add_row(row, FIGURE_HEIGHT, widths=[FIGURE_WIDTH] * len(row))
    if len(graphs) == len(logs) == 1:
        page.add_row(graphs + logs, SMALL_GRAPH_HEIGHT)
        return
    height = SMALL_GRAPH_HEIGHT if section is Section.MONITORING else GRAPH_HEIGHT
    page.add_rows(graphs, height, most=GRAPHS_PER_ROW[board])
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


def _matrices(board: Board, selection: Selection) -> tuple[_Matrices, _Matrices, _Matrices]:
    """By title: the alarms that page and their parts, the others that notify, and the parts of the others.

    A tile has only the name and the state of its alarm, so the title has the severity. The overview shows all alarms,
    another board the alarms of its graphs.
    """
    alarms = [alarm for alarm in selection.alarms if board is Board.OVERVIEW or alarm.id in _shown_on(board, selection)]
    ids = {severity: [alarm.id for alarm in alarms if alarm.severity is severity] for severity in (*Severity, None)}
    state = [alarm_id for alarm_id in ids[None] if alarm_id is AlarmId.SERVICE_HEALTH]
    parts = [alarm_id for alarm_id in ids[None] if alarm_id not in state]
    # The on-call engineer checks the causes of a page first. Another board has room for all parts.
    causes = [alarm_id for alarm_id in parts if board is not Board.OVERVIEW or alarm_id in _causes(selection)]
    silent = [alarm_id for alarm_id in parts if alarm_id not in causes]
    return (
        {"P1: pages at once": ids[Severity.P1] + state, "Parts of P1 alarms": causes},
        {"P2: low urgency, and e-mail": ids[Severity.P2], "P3: e-mail": ids[Severity.P3]},
        {"Parts of other alarms, which send no notification": silent},
    )


def _shown_on(board: Board, selection: Selection) -> set[AnyAlarmId]:
    """The alarms whose thresholds a board draws, and the alarms that they are part of."""
    shown = {alarm.id for signal in selection.signals if board in signal.boards and (alarm := signal.alarm)}
    for composite in selection.composites:
        if composite.id is not AlarmId.SERVICE_HEALTH and not shown.isdisjoint(composite.children):
            shown.add(composite.id)
    return shown


def _causes(selection: Selection) -> set[AnyAlarmId]:
    """The parts of the alarms that page, which the on-call engineer checks first."""
    return {
        child for composite in selection.composites if composite.severity is Severity.P1 for child in composite.children
    }


def _console(region: str) -> str:
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
