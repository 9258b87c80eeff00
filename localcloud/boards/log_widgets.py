"""Log widgets: the rows that their query returns. Where there are no logs, as in a simulation, the query alone."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

ROWS_MAX = 100
_SOURCES = re.compile(r"(?:\s*SOURCE\s+'[^']+'\s*\|)+\s*")
_TRACE = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")


@dataclass(frozen=True, kw_only=True)
class LogTable:
    """What a query returned: the columns, and the cells of each row; or why there are none."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    error: str = ""


LogSource = Callable[[tuple[str, ...], str, int, int], LogTable]
"""Runs a query over log groups and the minutes from one up to another."""


def sources(query: str) -> tuple[tuple[str, ...], str]:
    """The log groups that a widget's query names, and the query without them."""
    found = _SOURCES.match(query)
    return (tuple(re.findall(r"'([^']+)'", found[0])), query[found.end() :]) if found else ((), query)


def markup(title: str, query: str, logs: LogSource | None, start: int, end: int, link: str | None) -> str:
    """The content of the widget, escaped; `link` is what the address of the logs view begins with, if there is one."""
    groups, text = sources(query)
    shown = f"<pre>{html.escape(query)}</pre>"
    if logs is None:
        return f"<details><summary>The query; no log lines are simulated</summary>{shown}</details>"
    opened = f"{link}?query={quote(text, safe='')}&groups={quote(','.join(groups), safe='')}" if link else None
    more = f'<a href="{html.escape(opened)}">Edit and run</a> ' if opened else ""
    foot = f"<details><summary>The query</summary>{shown}</details>"
    table = logs(groups, text, start, end) if groups else LogTable(error="The query names no log group.")
    return f"{_table(title, table, link)}<div class='foot'>{more}{foot}</div>"


def _table(title: str, table: LogTable, link: str | None) -> str:
    if table.error:
        return f'<p class="caption">{html.escape(table.error)}</p>'
    if not table.rows:
        return '<p class="caption">No rows in this range</p>'
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.columns)
    rows = "".join(f"<tr>{''.join(_cell(cell, link) for cell in row)}</tr>" for row in table.rows[:ROWS_MAX])
    label = html.escape(f"Rows of {title}")
    return (
        f'<div class="rows" tabindex="0" role="region" aria-label="{label}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(value: str, link: str | None) -> str:
    text = html.escape(value)
    if link and _TRACE.fullmatch(value):
        text = f'<a href="{html.escape(link)}?trace={value}">{text}</a>'
    return f'<td class="time">{text}</td>' if _TIME.fullmatch(value) else f"<td>{text}</td>"
