"""The logs view over HTTP: filters, links between lines, queries, and bad input."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from localcloud.console.console import Console
from localcloud.console.logs import LINES_MAX, short_name
from localcloud.insights.records import LogRecord
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.observatory import Observatory
from tests.fakes.consoles import ask

START = 1_767_225_600  # 2026-01-01T00:00:00Z
TRACE, OTHER = "1-6ab12300-0123456789abcdef01234567", "1-6ab12300-76543210fedcba9876543210"
HOSTILE = "<script>alert(1)</script>"
HANDLER, QUERY, ACCESS = (f"/event-processing/dev/{name}" for name in ("event-handler", "query", "api-access"))


def platform(kind: str, request: str, trace: str) -> dict[str, Any]:
    tracing = {"type": "X-Amzn-Trace-Id", "value": f"Root={trace};Parent=0123456789abcdef;Sampled=1"}
    return {"time": "t", "type": f"platform.{kind}", "record": {"requestId": request, "tracing": tracing}}


LOG: tuple[tuple[int, str, str, Any], ...] = (
    # seconds, log group, stream, line
    (1, HANDLER, "s1", platform("start", "r1", TRACE)),
    (2, HANDLER, "s1", {"level": "INFO", "message": "batch folded", "duration_ms": 12, "function_request_id": "r1"}),
    (3, HANDLER, "s1", {"_aws": {}, "EventPersisted": 1}),
    (4, HANDLER, "s1", "a text"),
    (10, HANDLER, "s2", platform("start", "r2", OTHER)),
    (11, HANDLER, "s2", {"level": "ERROR", "message": HOSTILE, "outcome": "failed", "duration_ms": 250}),
    (20, QUERY, "s3", {"level": "INFO", "message": "answered", "xray_trace_id": OTHER, "correlation_id": "a1"}),
    (21, ACCESS, "day", {"status": "200", "request_id": "a1", "xray_trace_id": OTHER}),
)


@pytest.fixture
def console() -> Console:
    observatory = Observatory(SteppedClock(START))
    observatory.advance(60)
    return with_lines(observatory, LOG)


def with_lines(observatory: Observatory, lines: Any) -> Console:
    records = [
        LogRecord(
            at=(START + seconds) * 1000 + 5,
            message=line if isinstance(line, str) else json.dumps(line),
            stream=stream,
            group=group,
            account="123456789012",
            ingested=0,
        )
        for seconds, group, stream, line in lines
    ]

    def read(group: str, start: int, end: int) -> list[LogRecord]:
        return [record for record in records if record.group == group and start <= record.at <= end]

    observatory.logs.groups = lambda: [ACCESS, HANDLER, QUERY]
    observatory.logs.read = read
    return Console(observatory)


def lines(console: Console, **filters: str) -> list[str]:
    """The texts of the lines, the newest first."""
    return [line["text"] for line in read(console, **filters)["lines"]]


def read(console: Console, view: str = "logs", **filters: str) -> dict[str, Any]:
    answer = ask(console, f"/{view}?{urlencode(filters)}")
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


STARTS = "platform.start"
ACCESSED = json.dumps(LOG[-1][-1])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [ACCESSED, "answered", HOSTILE, STARTS, "a text", "batch folded", STARTS]),
        ({"function": "query"}, ["answered"]),
        ({"level": "ERROR"}, [HOSTILE]),
        ({"level": "PLATFORM"}, [STARTS, STARTS]),
        ({"outcome": "failed"}, [HOSTILE]),
        ({"text": "FOLDED"}, ["batch folded"]),
        # All lines of an invocation, also those that do not name it.
        ({"request": "r1"}, ["a text", "batch folded", STARTS]),
        ({"request": "r1", "metrics": "1"}, ["a text", json.dumps(LOG[2][-1]), "batch folded", STARTS]),
        ({"trace": OTHER}, [ACCESSED, "answered", HOSTILE, STARTS]),
        # The request of the API, in its access log and in the function's.
        ({"request": "a1"}, [ACCESSED, "answered"]),
        ({"where": "duration_ms > 100 or xray_trace_id like /^1-/ and level = 'INFO'"}, ["answered", HOSTILE]),
        ({"range": "PT5M", "end": "2026-01-01T00:00:02Z"}, ["batch folded", STARTS]),
        ({"level": "ERROR", "function": "query"}, []),
    ],
)
def test_lines_pass_filters(console: Console, filters: dict[str, str], expected: list[str]):
    assert lines(console, **filters) == expected


def test_line_leads_to_its_request_and_its_trace(console: Console):
    (line,) = read(console, level="ERROR")["lines"]
    assert (line["request"], line["trace"], line["outcome"]) == ("r2", OTHER, "failed")
    assert line["at"] == "2026-01-01T00:00:11.005Z"
    assert ["duration_ms", "250"] in line["fields"]
    (text,) = read(console, text="a text")["lines"]
    assert (text["message"], text["level"], text["request"]) == ("a text", "", "r1")


def test_number_of_lines_is_limited():
    many = [(1, HANDLER, "s1", {"level": "INFO", "message": f"m{number}"}) for number in range(LINES_MAX + 1)]
    console = with_lines(Observatory(SteppedClock(START + 60)), many)
    found = read(console)
    assert (len(found["lines"]), found["isMore"]) == (LINES_MAX, True)


def test_query_returns_rows_with_their_columns(console: Console):
    found = read(
        console, "query", query="stats count(*) as lines by @log | sort lines desc", groups=f"{HANDLER},{QUERY}"
    )
    assert found["columns"] == ["@log", "lines"]
    assert found["rows"] == [[f"123456789012:{HANDLER}", "6"], [f"123456789012:{QUERY}", "1"]]
    assert (found["count"], found["matched"], found["scanned"], found["error"]) == (2, 7, 7, None)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"query": "stats nothing"}, "nothing at character 7 must be within an aggregate"),
        ({"query": "fields a", "groups": "/absent"}, "The log group /absent does not exist."),
    ],
)
def test_query_that_cannot_run_says_why(console: Console, parameters: dict[str, str], sentence: str):
    assert sentence in read(console, "query", **parameters)["error"]["sentence"]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("a ==", "The condition: Expected a value at character 4, found =."),
        ("a = 1 b", "The condition: Expected the end at character 7, found b."),
    ],
)
def test_condition_that_is_not_understood_is_said_beside_the_filters(console: Console, where: str, sentence: str):
    found = read(console, where=where)
    assert (found["error"], found["lines"]) == (sentence, [])
    assert found["functions"]


def test_saved_queries_are_offered(console: Console):
    assert read(console, "query")["saved"] == []
    observatory = Observatory(SteppedClock(START))
    observatory.saved_queries.put({"name": "n", "queryString": "fields a", "logGroupNames": [QUERY]})
    assert read(with_lines(observatory, ()), "query")["saved"] == [{"name": "n", "text": "fields a", "groups": [QUERY]}]


@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("/logs?function=absent", 404, "There is no log of absent."),
        ("/logs?range=P9D", 400, "A range has a form"),
        ("/logs?user=ada", 400, "A parameter is unknown"),
        ("/query?query=" + "a" * 5000, 400, "The query is too long."),
    ],
)
def test_request_that_is_not_understood_is_rejected(console: Console, address: str, status: int, sentence: str):
    answer = ask(console, address)
    assert answer.status == status
    assert sentence in json.loads(answer.body)["error"]


def test_lines_that_arrive_are_announced_without_drawing_the_other_views_again():
    observatory = Observatory(SteppedClock(START))
    version = observatory.feed.version
    called: list[int] = []
    with observatory.feed.subscribed(lambda: called.append(observatory.feed.lines)):
        observatory.log_lines(HANDLER, ["{}", "{}"])
    assert (called, observatory.feed.version) == ([2], version)


def test_line_of_the_access_log_is_shown_as_its_request():
    observatory = Observatory(SteppedClock(START))
    observatory.advance(60)
    line = {"method": "GET", "resource_path": "/users/{user_id}/services", "status": "200", "response_latency_ms": "7"}
    assert lines(with_lines(observatory, [(1, ACCESS, "day", line)])) == ["GET /users/{user_id}/services, 7 ms"]


def test_log_group_that_aws_named_keeps_its_whole_name():
    assert short_name(HANDLER) == "event-handler"
    assert short_name("API-Gateway-Execution-Logs_51f2e363/v1") == "API-Gateway-Execution-Logs_51f2e363/v1"
