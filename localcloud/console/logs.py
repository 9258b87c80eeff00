"""The logs of the cloud, as JSON values: lines that pass filters, and the rows of a query."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from localcloud.boards.series import range_minutes
from localcloud.console.http import Answer, HttpError, answer_json, parameters
from localcloud.console.times import Range, read_end, read_range, write_time
from localcloud.insights.engine import StoppedError
from localcloud.insights.parser import parse_condition
from localcloud.insights.records import LogRecord, Row, all_fields
from localcloud.insights.syntax import Clock, Expression, QueryError
from localcloud.insights.values import is_true
from localcloud.observatory.observatory import Observatory

LINES_MAX = 200
ROWS_MAX = 1_000
TEXT_MAX = 400
FILTERS = ("function", "level", "outcome", "request", "trace", "text", "where", "metrics")
MINUTE = 60_000


class LogViews:
    """What is read from the logs of an observatory. Its methods may be called from any thread."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory, self._clock = observatory, observatory.clock
        self.answers: dict[str, Callable[[dict[str, Any]], Answer]] = {"/logs": self._lines, "/query": self._query}

    def _lines(self, scope: dict[str, Any]) -> Answer:
        given, now = parameters(scope, "range", "end", *FILTERS), self._clock.now()
        shown = read_range(given.get("range"), given.get("end"), now)
        return answer_json(self.lines(given, shown, read_end(given.get("end"), now)))

    def _query(self, scope: dict[str, Any]) -> Answer:
        given, now = parameters(scope, "range", "end", "query", "groups"), self._clock.now()
        shown, end = read_range(given.get("range"), given.get("end"), now), read_end(given.get("end"), now)
        return answer_json(self.query(given.get("query", ""), given.get("groups", ""), shown, end))

    def lines(self, given: Mapping[str, str], shown: Range, end: float) -> dict[str, Any]:
        """The newest lines of a range that pass the filters, and what there is to filter by."""
        start, last = self._times(shown, end)
        groups = self._groups()
        answer = {
            "end": write_time(end),
            "logs": self._observatory.feed.lines,
            "functions": list(groups),
            "error": None,
        }
        try:
            condition = self._condition(given.get("where", ""), start, last)
        except QueryError as error:
            return answer | {"error": f"The condition: {error.sentence}", "lines": [], "isMore": False}
        if given.get("function") and given["function"] not in groups:
            raise HttpError(HTTPStatus.NOT_FOUND, f"There is no log of {given['function']}.")
        names = [group for source, group in groups.items() if given.get("function") in (None, "", source)]
        records = [record for group in names for record in self._observatory.logs.lines(group, start, last)]
        records.sort(key=lambda record: record.at)
        requests = _Requests(records)
        keeps = _filter(given, condition, requests)
        found: list[dict[str, Any]] = []
        is_more = False
        for record in reversed(records):
            if keeps(record):
                if len(found) == LINES_MAX:
                    is_more = True
                    break
                found.append(_line(record, requests))
        return answer | {"lines": found, "isMore": is_more}

    def query(self, text: str, groups: str, shown: Range, end: float) -> dict[str, Any]:
        """The rows of a query over log groups, which commas separate, or where it is not understood; and saved ones."""
        saved = [
            {"name": query.name, "text": query.text, "groups": list(query.groups)}
            for query in self._observatory.saved_queries.all()
        ]
        known = list(self._observatory.logs.groups())
        answer: dict[str, Any] = {"saved": saved, "groups": known, "columns": [], "rows": [], "error": None, "count": 0}
        if not text:
            return answer
        names = groups.split(",") if groups else known
        if unknown := [name for name in names if name not in known]:
            return answer | {"error": {"sentence": f"The log group {unknown[0]} does not exist.", "start": 0, "end": 0}}
        from localcloud.observatory.log_tables import as_table  # at the first look, like everything that draws

        try:
            result = self._observatory.queries.run(text, names, *self._times(shown, end), ROWS_MAX)
        except QueryError as error:
            return answer | {"error": {"sentence": error.sentence, "start": error.start, "end": error.end}}
        except StoppedError:
            return answer | {"error": {"sentence": "The query took too long.", "start": 0, "end": 0}}
        table = as_table(result.rows)
        counts = {"count": len(result.rows), "matched": result.matched, "scanned": result.scanned}
        return answer | {"columns": table.columns, "rows": table.rows} | counts

    def _times(self, shown: Range, end: float) -> tuple[int, int]:
        """The first and the last millisecond; the lines of the second in which the view stands still are shown."""
        return int(end * 1000) - range_minutes(f"-{shown.text}") * MINUTE, int(end * 1000) + 999

    def _groups(self) -> dict[str, str]:
        """The log groups, by their short names where those are not ambiguous."""
        names = list(self._observatory.logs.groups())
        short = [short_name(name) for name in names]
        return {last if short.count(last) == 1 else name: name for last, name in zip(short, names, strict=True)}

    def _condition(self, text: str, start: int, end: int) -> Expression | None:
        if not text.strip():
            return None
        now = int(self._observatory.clock.now() * 1000)
        return parse_condition(text, Clock(now=now, start=start, end=end))


class _Requests:
    """The request and the trace that lines belong to; a line that names none belongs to those of its stream.

    Each invocation has a stream of its own here, and Lambda's own lines name its request and its trace.
    """

    def __init__(self, records: list[LogRecord]) -> None:
        self._of_stream: dict[tuple[str, str], tuple[str, str]] = {}
        for record in records:
            if '"platform.' in record.message and (found := _named(record))[0]:
                self._of_stream[record.group, record.stream] = found

    def of(self, record: LogRecord) -> tuple[str, str]:
        """The IDs of the request and of the trace; empty if they are not known."""
        request, trace = _named(record)
        known = self._of_stream.get((record.group, record.stream), ("", ""))
        return request or known[0], trace or known[1]


def _named(record: LogRecord) -> tuple[str, str]:
    document, lambda_record = record.document, record.document.get("record")
    lambda_record = lambda_record if isinstance(lambda_record, dict) else {}
    request = document.get("function_request_id") or document.get("requestId") or lambda_record.get("requestId")
    tracing = lambda_record.get("tracing")
    header = tracing.get("value") if isinstance(tracing, dict) else None
    trace = document.get("xray_trace_id") or str(header or "").partition("Root=")[2].partition(";")[0]
    # Of a request that API Gateway answered by itself, its own ID is the only one.
    return str(request or document.get("request_id") or ""), "" if trace == "-" else str(trace or "")


def short_name(group: str) -> str:
    """The last part of a log group's name, which is that of a function; the whole name if AWS chose it."""
    return group.rpartition("/")[2] if group.startswith("/") else group


def level_of(record: LogRecord) -> str:
    """The level of a line; PLATFORM for those of Lambda itself, and none for a text."""
    document = record.document
    if str(document.get("type", "")).startswith("platform."):
        return "PLATFORM"
    return str(document.get("level") or document.get("log_level") or "")


def _filter(given: Mapping[str, str], condition: Expression | None, requests: _Requests) -> Callable[[LogRecord], bool]:
    def tests() -> Iterator[Callable[[LogRecord], bool]]:
        if not given.get("metrics"):
            yield lambda record: '"_aws"' not in record.message
        if text := given.get("text"):
            yield lambda record: text.lower() in record.message.lower()
        if level := given.get("level"):
            yield lambda record: level_of(record) == level
        if outcome := given.get("outcome"):
            yield lambda record: record.document.get("outcome") == outcome
        if request := given.get("request"):
            yield lambda record: request in (requests.of(record)[0], record.document.get("correlation_id"))
        if trace := given.get("trace"):
            yield lambda record: requests.of(record)[1] == trace
        if condition is not None:
            value = condition.value
            yield lambda record: is_true(value(Row(record)))

    checks = list(tests())
    return lambda record: all(check(record) for check in checks)


def _line(record: LogRecord, requests: _Requests) -> dict[str, Any]:
    document = record.document
    request, trace = requests.of(record)
    kind = str(document.get("type", ""))
    text = document.get("message") or document.get("errorMessage") or (kind if kind.startswith("platform.") else "")
    if not text and "resource_path" in document:  # the API's access log has no message
        text = f"{document.get('method')} {document['resource_path']}, {document.get('response_latency_ms')} ms"
    fields = {name: value for name, value in all_fields(record).items() if name not in ("@message", "@ptr")}
    return {
        "id": record.pointer,
        "at": write_time(record.at / 1000).removesuffix("Z") + f".{record.at % 1000:03d}Z",
        "function": short_name(record.group),
        "level": level_of(record),
        "outcome": str(document.get("outcome") or document.get("status") or ""),
        "text": str(text or record.message)[:TEXT_MAX],
        "request": request,
        "trace": trace,
        "fields": [[name, value] for name, value in fields.items()],
        "message": None if document else record.message,
    }
