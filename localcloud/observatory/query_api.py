"""The operations of Logs Insights: StartQuery, GetQueryResults, StopQuery, DescribeQueries and GetLogRecord."""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from localcloud.insights.engine import Result, StoppedError, run
from localcloud.insights.parser import LIMIT_MAX, parse_query
from localcloud.insights.records import all_fields
from localcloud.insights.syntax import Clock as QueryClock
from localcloud.insights.syntax import Command, QueryError
from localcloud.observatory.clock import Clock
from localcloud.observatory.logs import Logs
from localcloud.observatory.requests import ApiError

GROUPS_MAX = 50
RUNNING_MAX = 30
KEPT_MAX, ROWS_KEPT_MAX = 100, 50_000
TIMEOUT_SECONDS = 60.0
_START = frozenset({"queryString", "startTime", "endTime", "limit", "queryLanguage"})
_GROUPS = ("logGroupName", "logGroupNames", "logGroupIdentifiers")


def invalid(sentence: str) -> ApiError:
    """The error for a parameter that is not allowed, as CloudWatch Logs calls it."""
    return ApiError("InvalidParameterException", sentence)


@dataclass(kw_only=True)
class Query:
    """A query that was started."""

    id: str
    text: str
    groups: tuple[str, ...]
    start: int
    end: int
    created: int
    limit: int
    status: str = "Running"
    result: Result | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class QueryApi:
    """Runs queries over the logs of the cloud. Its methods may be called from any thread."""

    def __init__(self, logs: Logs, clock: Clock) -> None:
        self._logs, self._clock = logs, clock
        self._queries: dict[str, Query] = {}
        self._lock = threading.Lock()
        self.operations = {
            "StartQuery": self.start_query,
            "GetQueryResults": self.get_query_results,
            "StopQuery": self.stop_query,
            "DescribeQueries": self.describe_queries,
            "GetLogRecord": self.get_log_record,
        }

    def run(self, text: str, groups: Sequence[str], start: int, end: int, limit: int = LIMIT_MAX) -> Result:
        """The result over the times from `start` to `end`, in milliseconds, at once; QueryError or StoppedError."""
        return self._run(parse_query(text, self._query_clock(start, end)), groups, start, end, limit, threading.Event())

    def start_query(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Start a query; a query that is not understood is an error that says where."""
        if unknown := parameters.keys() - _START - set(_GROUPS):
            raise invalid(f"StartQuery has no parameter {min(unknown)}, or it is not supported here.")
        if parameters.get("queryLanguage", "CWLI") != "CWLI":
            raise invalid("The queryLanguage must be CWLI; OpenSearch's languages are not supported here.")
        text, limit = parameters.get("queryString"), parameters.get("limit", LIMIT_MAX)
        if not isinstance(text, str):
            raise invalid("The queryString must be a text.")
        if not _is_number(limit) or not 1 <= limit <= LIMIT_MAX:
            raise invalid(f"The limit must be a number from 1 to {LIMIT_MAX}.")
        start, end = (_seconds(parameters, name) for name in ("startTime", "endTime"))
        if start > end:
            raise invalid("The startTime must not be after the endTime.")
        groups = self._groups(parameters)
        # Both ends belong to the range.
        begin, last = start * 1000, end * 1000 + 999
        try:
            commands = parse_query(text, self._query_clock(begin, last))
        except QueryError as error:
            location = {"startCharOffset": error.start, "endCharOffset": error.end}
            more = {"queryCompileError": {"location": location, "message": error.sentence}}
            raise ApiError("MalformedQueryException", error.sentence, more=more) from None
        created = int(self._clock.now() * 1000)
        query = Query(
            id=str(uuid.uuid4()), text=text, groups=groups, start=begin, end=last, created=created, limit=limit
        )
        with self._lock:
            if sum(found.status == "Running" for found in self._queries.values()) >= RUNNING_MAX:
                raise ApiError("LimitExceededException", f"At most {RUNNING_MAX} queries run at the same time.")
            self._queries[query.id] = query
            self._forget()
        threading.Thread(target=self._work, args=(query, commands), name="query", daemon=True).start()
        return {"queryId": query.id}

    def get_query_results(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The status of a query, and its rows once it is complete."""
        if unknown := parameters.keys() - {"queryId", "nextToken", "maxItems"}:
            raise invalid(f"GetQueryResults has no parameter {min(unknown)}.")
        query = self._query(parameters)
        with self._lock:
            status, result = query.status, query.result
        rows = result.rows if result else ()
        count, token = parameters.get("maxItems", len(rows) or 1), parameters.get("nextToken", "0")
        if not _is_number(count) or count < 1 or not isinstance(token, str) or not token.isdigit():
            raise invalid("The maxItems must be a number from 1, and the nextToken one that was returned.")
        first = int(token)
        page = rows[first : first + count]
        found: dict[str, Any] = {
            "queryLanguage": "CWLI",
            "status": status,
            "results": [[{"field": name, "value": value} for name, value in row] for row in page],
            "statistics": {
                "recordsMatched": float(result.matched if result else 0),
                "recordsScanned": float(result.scanned if result else 0),
                "bytesScanned": float(result.bytes_scanned if result else 0),
                "logGroupsScanned": float(len(query.groups)),
            },
        }
        return found | ({"nextToken": str(first + count)} if len(rows) > first + count else {})

    def stop_query(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Stop a query that runs."""
        query = self._query(parameters)
        with self._lock:
            if query.status != "Running":
                raise invalid(f"The query is not running; its status is {query.status}.")
            query.status = "Cancelled"
        query.stopped.set()
        return {"success": True}

    def describe_queries(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The queries that were started lately, the newest first."""
        known = {"logGroupName", "status", "maxResults", "queryLanguage"}
        if unknown := parameters.keys() - known:
            raise invalid(f"DescribeQueries has no parameter {min(unknown)}, or it is not supported here.")
        most, group, status = parameters.get("maxResults", 1_000), *map(parameters.get, ("logGroupName", "status"))
        if not _is_number(most) or not 1 <= most <= 1_000:
            raise invalid("The maxResults must be a number from 1 to 1000.")
        with self._lock:
            found = [query for query in reversed(self._queries.values()) if status in (None, query.status)]
        return {
            "queries": [
                {
                    "queryLanguage": "CWLI",
                    "queryId": query.id,
                    "queryString": query.text,
                    "status": query.status,
                    "createTime": query.created,
                    "logGroupName": query.groups[0],
                }
                for query in found
                if group in (None, *query.groups)
            ][:most]
        }

    def get_log_record(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """All fields of the line that an @ptr names."""
        found = self._logs.line(str(parameters.get("logRecordPointer", "")))
        if found is None:
            raise invalid("The logRecordPointer names no line, or one that is no longer kept.")
        return {"logRecord": all_fields(found)}

    def _groups(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        given = [name for name in _GROUPS if parameters.get(name)]
        if len(given) != 1:
            raise invalid(f"Name log groups with exactly one of {', '.join(_GROUPS)}.")
        names = parameters[given[0]]
        names = [names] if given[0] == "logGroupName" else names
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > GROUPS_MAX:
            raise invalid(f"{given[0]} must be a list of at most {GROUPS_MAX} log groups.")
        groups = [name.partition(":log-group:")[2].removesuffix(":*") or name for name in names]
        known = self._logs.groups()
        for group in groups:
            if group not in known:
                raise ApiError("ResourceNotFoundException", f"The log group {group} does not exist.")
        return tuple(dict.fromkeys(groups))

    def _query(self, parameters: Mapping[str, Any]) -> Query:
        found = self._queries.get(str(parameters.get("queryId", "")))
        if found is None:
            raise ApiError("ResourceNotFoundException", "There is no query of that queryId.")
        return found

    def _query_clock(self, start: int, end: int) -> QueryClock:
        return QueryClock(now=int(self._clock.now() * 1000), start=start, end=end)

    def _work(self, query: Query, commands: tuple[Command, ...]) -> None:
        status, result = "Failed", None
        try:
            result = self._run(commands, query.groups, query.start, query.end, query.limit, query.stopped)
            status = "Complete"
        except StoppedError:
            status = "Timeout"
        finally:
            with self._lock:
                if query.status == "Running":
                    query.status, query.result = status, result
            query.done.set()

    def _run(
        self,
        commands: tuple[Command, ...],
        groups: Sequence[str],
        start: int,
        end: int,
        limit: int,
        stopped: threading.Event,
    ) -> Result:
        timer = threading.Timer(TIMEOUT_SECONDS, stopped.set)
        timer.daemon = True
        timer.start()
        try:
            lines = [line for group in groups for line in self._logs.lines(group, start, end)]
            return run(commands, lines, limit=limit, is_stopped=stopped.is_set)
        finally:
            timer.cancel()

    def _forget(self) -> None:
        """Forget the oldest queries that have ended, beyond the most that are kept."""
        rows = 0
        for at, query in enumerate(reversed(list(self._queries.values()))):
            rows += len(query.result.rows) if query.result else 0
            if query.status != "Running" and (at >= KEPT_MAX or rows > ROWS_KEPT_MAX):
                del self._queries[query.id]


def _is_number(found: Any) -> TypeGuard[int]:
    return isinstance(found, int) and not isinstance(found, bool)


def _seconds(parameters: Mapping[str, Any], name: str) -> int:
    found = parameters.get(name)
    if not _is_number(found) or not 0 <= found <= 10**11:
        raise invalid(f"The {name} must be a time in seconds since 1970.")
    return found
