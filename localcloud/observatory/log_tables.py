"""The rows of log widgets, read from the logs of the cloud."""

import functools

from localcloud.boards.log_widgets import ROWS_MAX, LogSource, LogTable
from localcloud.insights.engine import StoppedError
from localcloud.insights.syntax import QueryError
from localcloud.observatory.logs import Logs
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.query_api import QueryApi

MINUTE = 60_000


def log_source(observatory: Observatory) -> LogSource:
    """Runs queries for one drawing: each log group is read once, however many widgets show it."""
    logs = Logs(groups=observatory.logs.groups, read=functools.cache(observatory.logs.read))
    queries = QueryApi(logs, observatory.clock)

    def table(groups: tuple[str, ...], text: str, start: int, end: int) -> LogTable:
        try:
            result = queries.run(text, groups, start * MINUTE, end * MINUTE - 1, ROWS_MAX)
        except QueryError as error:
            return LogTable(error=error.sentence)
        except StoppedError:
            return LogTable(error="The query took too long.")
        return as_table(result.rows)

    return table


def as_table(rows: tuple[tuple[tuple[str, str], ...], ...]) -> LogTable:
    """Rows whose columns may differ as a table of all columns, in the order in which they appear."""
    columns = tuple(dict.fromkeys(name for row in rows for name, _ in row if name != "@ptr"))
    cells = (dict(row) for row in rows)
    return LogTable(columns=columns, rows=tuple(tuple(row.get(name, "") for name in columns) for row in cells))
