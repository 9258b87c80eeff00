"""A board as one HTML page that needs nothing else: no network, no other file."""

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
class Moment:
    """What there is to see when the board is opened."""

    store: MetricStore
    now: int
    """In minutes since `epoch`."""
    epoch: datetime
    states: Mapping[str, State]
    """By the name of the alarm."""
    since: Mapping[str, int]
    """In which minute each alarm came into its state, when it has changed at all."""


def render(body: Mapping[str, Any], title: str, moment: Moment) -> str:
    """The page of one board at that moment."""
    drawn = [_widget(widget, number, body["start"], moment) for number, widget in enumerate(body["widgets"])]
    figures = {number: found for number, (_, found) in enumerate(drawn) if found}
    at = (moment.epoch + timedelta(minutes=moment.now)).strftime("%Y-%m-%d %H:%M UTC")
    # A range that is longer than that shows what there is of it.
    since = moment.epoch.strftime("%Y-%m-%d")
    # What is inside a script ends at the first "</", whatever is meant.
    data = json.dumps(figures, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>"
        f'<p class="caption">{html.escape(title)}, simulated since {since}; opened at {at}</p>'
        f"<main>{''.join(markup for markup, _ in drawn)}</main>"
        f"<script>for (const [id, one] of Object.entries({data}))"
        " Plotly.newPlot('chart' + id, one.data, one.layout, one.config);</script></body></html>\n"
    )


def height_of(body: Mapping[str, Any]) -> int:
    """Pixels the page of a board is high."""
    rows = max(widget["y"] + widget["height"] for widget in body["widgets"])
    return rows * (ROW_HEIGHT + GAP) + 2 * MARGIN + 24


def _widget(widget: Mapping[str, Any], number: int, opened_with: str, moment: Moment) -> tuple[str, Any]:
    properties, kind = widget["properties"], widget["type"]
    column = f"{widget['x'] + 1} / span {widget['width']}"
    row = f"{widget['y'] + 1} / span {widget['height']}"
    found = None
    if kind == "text":
        content = _text(properties["markdown"])
    elif kind == "alarm":
        content = _tiles(properties, moment)
    elif kind == "log":
        content = f"<pre>{html.escape(properties['query'])}</pre>"
        content += '<p class="caption">Answered by CloudWatch Logs Insights; the simulation keeps no logs.</p>'
    elif kind == "metric":
        lines = lines_of(properties, moment.store, moment.now, opened_with)
        if properties["view"] == "singleValue":
            content = "".join(map(_number, lines))
        else:
            content = f'<div class="chart" id="chart{number}"></div>'
            found = charts.figure(properties, lines, moment.epoch)
    else:
        raise ValueError(f"widgets of type {kind} are not drawn here")
    heading = f"<h3>{html.escape(properties['title'])}</h3>" if "title" in properties else ""
    place = f"grid-column: {column}; grid-row: {row}"
    return f'<section class="{kind}" style="{place}">{heading}{content}</section>', found


def _text(markdown: str) -> str:
    linked = MarkdownIt("commonmark", {"html": False}).render(re.sub(r"\[button:", "[button&colon;", markdown))
    return re.sub(
        r'<a href="([^"]*)">button:(primary:)?',
        lambda found: f'<a class="button {"primary" if found[2] else ""}" href="{found[1]}">',
        linked,
    )


def _tiles(properties: Mapping[str, Any], moment: Moment) -> str:
    names = [arn.rpartition(":")[2] for arn in properties["alarms"]]
    # As the widget is told to sort: by state, then the latest change first.
    names.sort(key=lambda name: (STATE_ORDER.index(moment.states[name]), -moment.since.get(name, -1)))
    prefix = _common_prefix(names)
    tiles = []
    for name in names:
        state, since = moment.states[name], moment.since.get(name)
        lasting = f" for {moment.now - since} min" if state is State.ALARM and since is not None else ""
        words = f"<b>{html.escape(name.removeprefix(prefix))}</b>{STATE_WORDS[state]}{lasting}"
        tiles.append(f'<div class="tile {state}" title="{html.escape(name)}">{words}</div>')
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _common_prefix(names: list[str]) -> str:
    """Project and stack, which every name begins with and which would hide its end."""
    return "-".join(names[0].split("-")[:3]) + "-"


def _number(line: Line) -> str:
    value = line.values[-1]
    shown = "--" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
    return f'<div class="figure">{shown}</div><div class="caption">{html.escape(line.label)}</div>'
