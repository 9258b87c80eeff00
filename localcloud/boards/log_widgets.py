"""Log widgets: Logs Insights runs on AWS only, so each shows its query, and the command that reads what it reads."""

import html
import re

from localcloud.boards.series import range_minutes

# What a query selects, and the command that prints it; the first that fits.
_COMMANDS = (
    (re.compile(r'outcome in \["invalid", "exhausted"\]'), "dead-letters list", "counts the dead letters by reason"),
    (re.compile(r'level = "ERROR"'), "logs --errors --since {age}", "prints the errors"),
    (re.compile(""), "logs --since {age}", "prints the lines"),
)


def command(query: str, opened_with: str) -> tuple[str, str]:
    """The operator's command that comes closest to a query over a range such as -PT3H, and what it does."""
    _, arguments, does = next(found for found in _COMMANDS if found[0].search(query))
    return f"python -m ops {arguments.format(age=f'{range_minutes(opened_with)}m')}", does


def markup(query: str, opened_with: str | None) -> str:
    """The content of the widget; with the range of its board, also the command."""
    hint = ""
    if opened_with:
        line, does = command(query, opened_with)
        hint = f"<p><code>{html.escape(line)}</code> {does}.</p>"
    summary = "The query, which Logs Insights runs on AWS only"
    return f"{hint}<details><summary>{summary}</summary><pre>{html.escape(query)}</pre></details>"
