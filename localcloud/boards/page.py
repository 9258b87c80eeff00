"""Renders a board as an HTML page that needs neither the network nor other files."""

import html
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt
from plotly.offline import get_plotlyjs

from localcloud.boards import charts, log_widgets
from localcloud.boards.charts import DAY_MINUTES
from localcloud.boards.series import Line, MetricSource, lines_of, range_minutes
from localcloud.cloudwatch.states import State

PAGE_WIDTH = 1_280
ROW_HEIGHT, GAP, MARGIN = 44, 6, 12
TILE_WIDTH = 4
BOARD_LINK = re.compile(r"https://[\w.-]+/cloudwatch/home\?[^#]*#dashboards/dashboard/([\w-]+)")
CONSOLE = re.compile(r"https://[\w-]+\.console\.aws\.amazon\.com/")

STYLE = f"""
body {{ margin: {MARGIN}px; background: #f2f3f3; color: #16191f; font: 13px/1.35 sans-serif; }}
main, .grid {{ display: grid; grid-template-columns: repeat(24, 1fr); gap: {GAP}px; }}
section {{ background: #fff; border: 1px solid #d5dbdb; border-radius: 3px; overflow: hidden; padding: 4px 8px;
  display: flex; flex-direction: column; min-width: 0; box-sizing: border-box; }}
section.text {{ background: none; border: none; }}
h1 {{ font-size: 20px; margin: 0 0 2px; }} h2 {{ font-size: 16px; margin: 4px 0 0; }} p, ul {{ margin: 2px 0; }}
h3 {{ font-size: 12.5px; margin: 0 0 2px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; flex: none; }}
.unit, .legend {{ font-size: 10.5px; color: #545b64; flex: none; }}
.legend {{ display: flex; flex-wrap: wrap; gap: 0 10px; }}
.legend i {{ display: inline-block; width: 12px; height: 3px; margin-right: 4px; vertical-align: middle; }}
ul {{ padding-left: 18px; font-size: 12px; }} code {{ font-size: 11.5px; background: #eaeded; padding: 0 3px; }}
a.button {{ display: inline-block; border: 1px solid #545b64; border-radius: 2px; padding: 2px 12px; margin-top: 4px;
  color: #16191f; text-decoration: none; background: #fff; }}
span.button {{ display: inline-block; border: 1px dashed #aab7b8; padding: 2px 12px; margin-top: 4px;
  color: #687078; }}
a.primary {{ background: #ec7211; border-color: #ec7211; color: #fff; }}
.chart {{ flex: 1; min-height: 0; }}
.number h3 {{ white-space: normal; }} .figures {{ display: flex; gap: 16px; }}
.figure {{ font-size: 32px; line-height: 1.2; }}
.caption {{ font-size: 11px; color: #545b64; }}
.tiles {{ display: grid; grid-auto-rows: {ROW_HEIGHT}px; gap: 5px; }}
.tile {{ border-left: 5px solid; padding: 2px 4px 2px 6px; font-size: 12px; line-height: 17px; overflow: hidden;
  background: #f8f8f8; }}
.tile b {{ display: block; font-weight: 600; font-size: 11px; letter-spacing: -0.1px;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.ALARM {{ border-color: #d13212; background: #d13212; color: #fff; }} .OK {{ border-color: #1d8102; }}
.INSUFFICIENT_DATA {{ border-color: #879596; color: #687078; }}
pre {{ font-size: 11px; margin: 2px 0; white-space: pre-wrap; color: #414d5c; }}
section.log {{ overflow: auto; }} summary {{ font-size: 11px; color: #545b64; cursor: pointer; }}
.rows {{ overflow: auto; flex: 1; min-height: 0; }} .rows table {{ border-collapse: collapse; font-size: 11px; }}
.rows th {{ text-align: left; position: sticky; top: 0; background: #fff; }} .rows .time {{ white-space: nowrap; }}
.rows td, .rows th {{ padding: 1px 10px 1px 0; border-bottom: 1px solid #eaeded; vertical-align: top; }}
.foot {{ font-size: 11px; flex: none; }} .foot details {{ display: inline-block; }}
"""
STATE_WORDS = {State.ALARM: "In alarm", State.OK: "OK", State.INSUFFICIENT_DATA: "Insufficient data"}
STATE_ORDER = (State.ALARM, State.INSUFFICIENT_DATA, State.OK)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The metrics and alarm states when the board is opened."""

    store: MetricSource
    now: int
    """Minutes since `epoch`."""
    epoch: datetime
    states: Mapping[str, State]
    """By alarm name."""
    since: Mapping[str, int]
    """The minute in which each alarm changed to its state; alarms that never changed are missing."""
    first: int | None = None
    """The minute of the first metric, if that is not `epoch`."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Where a board is drawn, by the board's name: the links of a body lead to the AWS console."""
    alarm_link: str | None = None
    """What the link of an alarm's tile begins with, before the alarm's name; without it, tiles are no links."""
    logs: log_widgets.LogSource | None = None
    """Runs the queries of log widgets; without it, a widget shows its query."""
    log_link: str | None = None
    """Where logs are shown, if there is such a view."""
    buttons: Mapping[str, str] = field(default_factory=dict)
    """Where the buttons with these labels lead, instead of into the AWS console or to a published page."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A board without the page around it."""

    markup: str
    row_heights: str
    """As CSS has them."""
    figures: Mapping[int, Any]
    """The Plotly figure of each element with the id `chart` and this number."""


def draw(body: Mapping[str, Any], snapshot: Snapshot) -> Drawn:
    """The widgets of a board."""
    widgets = [_widget(widget, number, body["start"], snapshot) for number, widget in enumerate(body["widgets"])]
    return Drawn(
        markup="".join(markup for markup, _ in widgets),
        row_heights=" ".join(f"{height}px" for height in _row_heights(body, has_logs=snapshot.logs is not None)),
        figures={number: figure for number, (_, figure) in enumerate(widgets) if figure},
    )


def render(body: Mapping[str, Any], title: str, snapshot: Snapshot) -> str:
    """The page of a board."""
    drawn = draw(body, snapshot)
    opened_at = (snapshot.epoch + timedelta(minutes=snapshot.now)).strftime("%Y-%m-%d %H:%M UTC")
    # A graph whose range starts earlier is empty until then.
    since = (snapshot.epoch + timedelta(minutes=snapshot.first or 0)).strftime(
        "%Y-%m-%d" if snapshot.first is None else "%Y-%m-%d %H:%M UTC"
    )
    # A script element ends at the first "</", even inside a string.
    data = json.dumps(drawn.figures, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>"
        f'<p class="caption">{html.escape(title)}; metrics since {since}; opened at {opened_at}</p>'
        f'<main style="grid-template-rows: {drawn.row_heights}">{drawn.markup}</main>'
        f"<script>for (const [id, figure] of Object.entries({data}))"
        " Plotly.newPlot('chart' + id, figure.data, figure.layout, figure.config);</script></body></html>\n"
    )


def height_of(body: Mapping[str, Any], *, has_logs: bool = False) -> int:
    """The height of a board's page in pixels."""
    return sum(height + GAP for height in _row_heights(body, has_logs=has_logs)) + 2 * MARGIN + 24


def _row_heights(body: Mapping[str, Any], *, has_logs: bool) -> list[int]:
    """The height of every row in pixels. Without logs, rows that would hold logs alone shrink to one."""
    kinds: dict[int, set[str]] = {}
    begin: set[int] = set()
    for widget in body["widgets"]:
        begin.add(widget["y"])
        for row in range(widget["y"], widget["y"] + widget["height"]):
            kinds.setdefault(row, set()).add(widget["type"])
    rows = range(max(kinds, default=0) + 1)
    return [ROW_HEIGHT if has_logs or row in begin or kinds.get(row) != {"log"} else 0 for row in rows]


def _widget(widget: Mapping[str, Any], number: int, opened_with: str, snapshot: Snapshot) -> tuple[str, Any]:
    properties, kind = widget["properties"], widget["type"]
    column = f"{widget['x'] + 1} / span {widget['width']}"
    row = f"{widget['y'] + 1} / span {widget['height']}"
    figure = None
    if kind == "text":
        content = _text(properties["markdown"], snapshot)
    elif kind == "alarm":
        content = _tiles(properties, widget["width"] // TILE_WIDTH or 1, snapshot)
    elif kind == "log":
        length = range_minutes(opened_with)
        content = log_widgets.markup(
            properties.get("title", "a query"),
            properties["query"],
            snapshot.logs,
            snapshot.now - length,
            snapshot.now,
            snapshot.log_link,
        )
    elif kind == "metric":
        lines = lines_of(properties, snapshot.store, snapshot.now, opened_with)
        if properties["view"] == "singleValue":
            kind = "number"
            content = f'<div class="figures">{"".join(map(_number, lines))}</div>'
        else:
            content = _unit_and_legend(properties, lines) + f'<div class="chart" id="chart{number}"></div>'
            figure = charts.figure(properties, lines, snapshot.epoch)
    else:
        raise ValueError(f"widget type {kind} is not supported")
    heading = f"<h3>{html.escape(properties['title'])}</h3>" if "title" in properties else ""
    place = f"grid-column: {column}; grid-row: {row}"
    return f'<section class="{kind}" style="{place}">{heading}{content}</section>', figure


def _unit_and_legend(properties: Mapping[str, Any], lines: list[Line]) -> str:
    unit = html.escape(properties.get("yAxis", {}).get("left", {}).get("label", ""))
    if properties.get("legend", {}).get("position") != "bottom":
        return f'<div class="unit">{unit}</div>'
    entries = "".join(
        f'<span><i style="background: {charts.colour_of(line, number)}"></i>{html.escape(line.label)}</span>'
        for number, line in enumerate(lines)
    )
    return f'<div class="legend"><span>{unit}</span>{entries}</div>'


def _text(markdown: str, snapshot: Snapshot) -> str:
    markup = MarkdownIt("commonmark", {"html": False}).render(re.sub(r"\[button:", "[button&colon;", markdown))
    return re.sub(r'<a href="([^"]*)">button:(primary:)?(.*?)</a>', lambda found: _button(found, snapshot), markup)


def _button(found: re.Match[str], snapshot: Snapshot) -> str:
    url, primary, label = html.unescape(found[1]), found[2], found[3]
    if board := BOARD_LINK.match(url):
        url = snapshot.links.get(board[1], url)
    url = snapshot.buttons.get(html.unescape(label), url)
    if CONSOLE.match(url):
        return f'<span class="button" title="Only in the AWS console">{label}</span>'
    return f'<a class="button {"primary" if primary else ""}" href="{html.escape(url)}">{label}</a>'


def _tiles(properties: Mapping[str, Any], columns: int, snapshot: Snapshot) -> str:
    names = [arn.rpartition(":")[2] for arn in properties["alarms"]]
    # The order that the widget requests: by state, then the latest change first.
    names.sort(key=lambda name: (STATE_ORDER.index(snapshot.states[name]), -snapshot.since.get(name, -1)))
    prefix = "-".join(names[0].split("-")[:3]) + "-"  # project and stack: tiles are too narrow for them
    tiles = []
    for name in names:
        state, since = snapshot.states[name], snapshot.since.get(name)
        duration = f" for {_duration(snapshot.now - since)}" if state is State.ALARM and since is not None else ""
        words = f"<b>{html.escape(name.removeprefix(prefix))}</b>{STATE_WORDS[state]}{duration}"
        look = f'class="tile {state}" title="{html.escape(name)}"'
        link = f'<a href="{html.escape(snapshot.alarm_link + quote(name, safe=""))}"' if snapshot.alarm_link else ""
        tiles.append(f"{link} {look}>{words}</a>" if link else f"<div {look}>{words}</div>")
    return f'<div class="tiles" style="grid-template-columns: repeat({columns}, minmax(0, 1fr))">{"".join(tiles)}</div>'


def _duration(minutes: int) -> str:
    if minutes < 2 * 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * DAY_MINUTES else f"{minutes // DAY_MINUTES} days"


def _number(line: Line) -> str:
    value = line.values[-1]
    shown = "--" if value is None else _rounded(value)
    return f'<div><div class="figure">{shown}</div><div class="caption">{html.escape(line.label)}</div></div>'


def _rounded(value: float) -> str:
    """Rounded down: 99.9996 % must not read as 100."""
    scale = 1_000 if abs(value) < 1_000 else 1
    return f"{math.floor(value * scale) / scale:.3f}".rstrip("0").rstrip(".")
