"""Renders a board as an HTML page that needs neither the network nor other files."""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markdown_it import MarkdownIt
from plotly.offline import get_plotlyjs

from localcloud.boards import charts
from localcloud.boards.series import Line, lines_of
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.states import State

PAGE_WIDTH = 1_280
ROW_HEIGHT, GAP, MARGIN = 44, 6, 12

STYLE = f"""
body {{ margin: {MARGIN}px; background: #f2f3f3; color: #16191f; font: 13px/1.35 sans-serif; }}
main {{ display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: {ROW_HEIGHT}px; gap: {GAP}px; }}
section {{ background: #fff; border: 1px solid #d5dbdb; border-radius: 3px; overflow: hidden; padding: 4px 8px;
  display: flex; flex-direction: column; min-width: 0; box-sizing: border-box; }}
section.text {{ background: none; border: none; }}
h1 {{ font-size: 20px; margin: 0 0 2px; }} h2 {{ font-size: 16px; margin: 4px 0 0; }} p, ul {{ margin: 2px 0; }}
h3 {{ font-size: 12.5px; margin: 0 0 2px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; flex: none; }}
ul {{ padding-left: 18px; font-size: 12px; }} code {{ font-size: 11.5px; background: #eaeded; padding: 0 3px; }}
a.button {{ display: inline-block; border: 1px solid #545b64; border-radius: 2px; padding: 2px 12px; margin-top: 4px;
  color: #16191f; text-decoration: none; background: #fff; }}
a.primary {{ background: #ec7211; border-color: #ec7211; color: #fff; }}
.chart {{ flex: 1; min-height: 0; }}
.figure {{ font-size: 26px; line-height: 1.2; }} .caption {{ font-size: 11px; color: #545b64; }}
.tiles {{ display: grid; grid-template-columns: repeat(6, 1fr); grid-auto-rows: 38px; gap: 5px; }}
.tile {{ border-left: 5px solid; padding: 2px 4px 2px 6px; font-size: 12px; line-height: 17px; overflow: hidden;
  background: #f8f8f8; }}
.tile b {{ display: block; font-weight: 600; font-size: 11px; letter-spacing: -0.1px;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.ALARM {{ border-color: #d13212; background: #d13212; color: #fff; }} .OK {{ border-color: #1d8102; }}
.INSUFFICIENT_DATA {{ border-color: #879596; color: #687078; }}
pre {{ font-size: 11px; margin: 2px 0; white-space: pre-wrap; overflow: hidden; color: #414d5c; }}
"""
STATE_WORDS = {State.ALARM: "In alarm", State.OK: "OK", State.INSUFFICIENT_DATA: "Insufficient data"}
STATE_ORDER = (State.ALARM, State.INSUFFICIENT_DATA, State.OK)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The metrics and alarm states when the board is opened."""

    store: MetricStore
    now: int
    """Minutes since `epoch`."""
    epoch: datetime
    states: Mapping[str, State]
    """By alarm name."""
    since: Mapping[str, int]
    """The minute in which each alarm changed to its state; alarms that never changed are missing."""


def render(body: Mapping[str, Any], title: str, snapshot: Snapshot) -> str:
    """The page of a board."""
    drawn = [_widget(widget, number, body["start"], snapshot) for number, widget in enumerate(body["widgets"])]
    figures = {number: figure for number, (_, figure) in enumerate(drawn) if figure}
    opened_at = (snapshot.epoch + timedelta(minutes=snapshot.now)).strftime("%Y-%m-%d %H:%M UTC")
    # A graph whose range starts earlier is empty until then.
    since = snapshot.epoch.strftime("%Y-%m-%d")
    # A script element ends at the first "</", even inside a string.
    data = json.dumps(figures, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>"
        f'<p class="caption">{html.escape(title)}, simulated since {since}; opened at {opened_at}</p>'
        f"<main>{''.join(markup for markup, _ in drawn)}</main>"
        f"<script>for (const [id, figure] of Object.entries({data}))"
        " Plotly.newPlot('chart' + id, figure.data, figure.layout, figure.config);</script></body></html>\n"
    )


def height_of(body: Mapping[str, Any]) -> int:
    """The height of a board's page in pixels."""
    rows = max(widget["y"] + widget["height"] for widget in body["widgets"])
    return rows * (ROW_HEIGHT + GAP) + 2 * MARGIN + 24


def _widget(widget: Mapping[str, Any], number: int, opened_with: str, snapshot: Snapshot) -> tuple[str, Any]:
    properties, kind = widget["properties"], widget["type"]
    column = f"{widget['x'] + 1} / span {widget['width']}"
    row = f"{widget['y'] + 1} / span {widget['height']}"
    figure = None
    if kind == "text":
        content = _text(properties["markdown"])
    elif kind == "alarm":
        content = _tiles(properties, snapshot)
    elif kind == "log":
        content = f"<pre>{html.escape(properties['query'])}</pre>"
        content += '<p class="caption">CloudWatch Logs Insights runs this query; the simulation has no logs.</p>'
    elif kind == "metric":
        lines = lines_of(properties, snapshot.store, snapshot.now, opened_with)
        if properties["view"] == "singleValue":
            content = "".join(map(_number, lines))
        else:
            content = f'<div class="chart" id="chart{number}"></div>'
            figure = charts.figure(properties, lines, snapshot.epoch)
    else:
        raise ValueError(f"widget type {kind} is not supported")
    heading = f"<h3>{html.escape(properties['title'])}</h3>" if "title" in properties else ""
    place = f"grid-column: {column}; grid-row: {row}"
    return f'<section class="{kind}" style="{place}">{heading}{content}</section>', figure


def _text(markdown: str) -> str:
    markup = MarkdownIt("commonmark", {"html": False}).render(re.sub(r"\[button:", "[button&colon;", markdown))
    return re.sub(
        r'<a href="([^"]*)">button:(primary:)?',
        lambda link: f'<a class="button {"primary" if link[2] else ""}" href="{link[1]}">',
        markup,
    )


def _tiles(properties: Mapping[str, Any], snapshot: Snapshot) -> str:
    names = [arn.rpartition(":")[2] for arn in properties["alarms"]]
    # The order that the widget requests: by state, then the latest change first.
    names.sort(key=lambda name: (STATE_ORDER.index(snapshot.states[name]), -snapshot.since.get(name, -1)))
    prefix = "-".join(names[0].split("-")[:3]) + "-"  # project and stack: tiles are too narrow for them
    tiles = []
    for name in names:
        state, since = snapshot.states[name], snapshot.since.get(name)
        duration = f" for {snapshot.now - since} min" if state is State.ALARM and since is not None else ""
        words = f"<b>{html.escape(name.removeprefix(prefix))}</b>{STATE_WORDS[state]}{duration}"
        tiles.append(f'<div class="tile {state}" title="{html.escape(name)}">{words}</div>')
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _number(line: Line) -> str:
    value = line.values[-1]
    shown = "--" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
    return f'<div class="figure">{shown}</div><div class="caption">{html.escape(line.label)}</div>'
