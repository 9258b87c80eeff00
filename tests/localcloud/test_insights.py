"""Queries that the program does not ship, with results worked out by hand from a small log."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.insights.engine import StoppedError, run
from localcloud.insights.parser import parse_query
from localcloud.insights.records import LogRecord
from localcloud.insights.syntax import Clock, QueryError

# 2026-09-21T14:13:20Z
BEGIN = 1_790_000_000_000
CLOCK = Clock(now=BEGIN + 600_000, start=BEGIN, end=BEGIN + 3_600_000)
GET, PUT = "GET /a/1 took 12 ms", "PUT /a/2 took 250 ms"
LOG: tuple[tuple[int, str, Any], ...] = (
    # seconds, log group, line
    (0, "/web", {"n": 1, "level": "INFO", "status": "200", "ms": 12, "user": {"role": "reader"}, "message": GET}),
    (10, "/web", {"n": 2, "level": "INFO", "status": "200", "ms": 30, "user": {"role": "reader"}}),
    (65, "/web", {"n": 3, "level": "ERROR", "status": "500", "ms": 250, "error": "Timeout", "message": PUT}),
    (70, "/web", {"n": 4, "level": "ERROR", "status": "503", "ms": 4.5, "error": "Throttled", "tags": ["a", "b"]}),
    (130, "/web", {"n": 5, "level": "WARN", "status": "404", "ms": 8, "ip": "10.1.2.3", "cached": True}),
    (200, "/job", {"n": 6, "level": "INFO", "item": "item9", "foo-bar": "x", "odd key": 1, "@own": "mine"}),
    (260, "/job", {"n": 7, "level": "INFO", "item": "item10", "nothing": None, "blank": "  "}),
    (320, "/job", {"n": 8, "level": "INFO", "item": "item9", "list": [{"id": 7}, {"id": 8}], "cached": False}),
    (380, "/job", "user=ada, method:GET, latency := 17"),
    (440, "/job", "user=eve, method:PUT, latency := 5"),
)


def records() -> list[LogRecord]:
    return [
        LogRecord(
            at=BEGIN + seconds * 1000,
            message=line if isinstance(line, str) else json.dumps(line),
            stream=f"s{number % 2}",
            group=group,
            account="123456789012",
            ingested=BEGIN + seconds * 1000 + 5,
        )
        for number, (seconds, group, line) in enumerate(LOG, start=1)
    ]


def rows(query: str, limit: int = 10_000) -> list[dict[str, str]]:
    found = run(parse_query(query, CLOCK), records(), limit=limit).rows
    return [{name: value for name, value in row if name != "@ptr"} for row in found]


def column(query: str, name: str) -> list[str]:
    """The values of a column; - where a row has none."""
    return [row.get(name, "-") for row in rows(query)]


def numbers(condition: str) -> str:
    """The lines that pass a filter, by their field n, oldest first."""
    return " ".join(column(f"fields n | filter {condition} | sort @timestamp asc", "n"))


# Of each query: its text, and each row as its columns in order.
QUERIES: tuple[tuple[str, list[list[str]]], ...] = (
    # Without sort, the newest is first.
    ("fields n | filter ms > 8", [["3"], ["2"], ["1"]]),
    ("fields n, ms | filter level = 'ERROR' | sort ms", [["4", "4.5"], ["3", "250"]]),
    ("fields n | sort n desc | limit 3", [["8"], ["7"], ["6"]]),
    ("stats count(*)", [["10"]]),
    (
        "stats count(*) as lines, sum(ms) as total by level | sort lines desc, level",
        # Of lines without a level there are as many as errors; a missing value is the smallest.
        [["INFO", "5", "42"], ["2"], ["ERROR", "2", "254.5"], ["WARN", "1", "8"]],
    ),
    ("stats avg(ms), min(ms), max(ms) by level | filter level = 'INFO'", [["INFO", "21", "12", "30"]]),
    (
        "filter ispresent(ms) | stats pct(ms, 50) as half, pct(ms, 100) as most, median(ms) as middle",
        [["12", "250", "12"]],
    ),
    ("stats count_distinct(level) as levels, count(error) as errors", [["3", "2"]]),
    (
        "stats count(*) as lines by bin(2m) as from | sort from asc",
        [
            ["2026-09-21 14:12:00.000", "2"],
            ["2026-09-21 14:14:00.000", "3"],
            ["2026-09-21 14:16:00.000", "2"],
            ["2026-09-21 14:18:00.000", "2"],
            ["2026-09-21 14:20:00.000", "1"],
        ],
    ),
    (
        "stats earliest(n) as first, latest(error) as last_error by @log | sort first",
        [
            ["123456789012:/web", "1", "Throttled"],
            ["123456789012:/job", "6"],
        ],
    ),
    ("stats sum(ms) / count(ms) as mean, 100 * max(ms) / sum(ms) as share", [["60.9", "82.1018062397373"]]),
    ("fields concat(level, '-', n) as key, strlen(level) as size | filter n = 5", [["WARN-5", "4"]]),
    (
        "fields coalesce(error, item, level) as what | filter n in [3, 6, 1] | sort n",
        [["INFO"], ["Timeout"], ["item9"]],
    ),
    (
        "fields toupper(item) as a, substr(item, 4) as b, replace(item, 'item', '#') as c | filter n = 7",
        [["ITEM10", "10", "#10"]],
    ),
    ("fields n | filter item like /^item\\d{2}$/", [["7"]]),
    ("fields n | filter error =~ /(?i)THROTT/ or error like 'Time' | sort n", [["3"], ["4"]]),
    (
        'parse @message "user=*, method:*, latency := *" as @user, @method, @latency'
        " | filter ispresent(@user) | stats avg(@latency) by @method, @user | sort @user",
        [["GET", "ada", "17"], ["PUT", "eve", "5"]],
    ),
    (
        r"parse message /(?<verb>[A-Z]+) (?<path>\S+) took (?<took>\d+)/"
        " | filter took > 100 | display verb, path, took",
        [["PUT", "/a/2", "250"]],
    ),
    ("fields item, n | filter ispresent(item) | sort n desc | dedup item", [["item9", "8"], ["item10", "7"]]),
    # Digits within texts sort as numbers.
    ("fields item | filter ispresent(item) | dedup item | limit 1", [["item9"]]),
    ("fields item, n | filter ispresent(item) | sort item, n", [["item9", "6"], ["item9", "8"], ["item10", "7"]]),
    ("fields `foo-bar` as fb, `odd key`, @@own | filter n = 6", [["x", "1", "mine"]]),
    ("fields user.role, tags.1, list.0.id | filter n in [1, 4, 8] | sort n", [["reader"], ["b"], ["7"]]),
    (
        "fields datefloor(@timestamp, 1h) as hour, dateceil(@timestamp, 1h) as next | filter n = 3",
        [
            ["2026-09-21 14:00:00.000", "2026-09-21 15:00:00.000"],
        ],
    ),
    (
        "fields toMillis(@timestamp) as ms2, fromMillis(1790000000000) as at | filter n = 1",
        [
            [str(BEGIN), "2026-09-21 14:13:20.000"],
        ],
    ),
    ("fields (n + 2) * 3 ^ 2 - -1 as x, n % 4 as y, n / 0 as z | filter n = 5", [["64", "1"]]),
    (
        "fields if(ms > 100, 'slow', 'fast') as pace, case(n = 3, 'c', n = 4, 'd', '?') as which"
        " | filter n > 2 and n < 6 | sort n",
        [
            ["slow", "c"],
            ["fast", "d"],
            ["fast", "?"],
        ],
    ),
    ("fields isIpInSubnet(ip, '10.0.0.0/8') as inside, isValidIpV6(ip) as six | filter ispresent(ip)", [["1", "0"]]),
    (
        "stats count(*) as lines by level | filter ispresent(level) | stats max(lines) as most, sum(lines) as total",
        [["5", "8"]],
    ),
    ("fields jsonParse(@message) as doc | fields doc.user.role as role | display role | filter n = 2", [["reader"]]),
    (
        "fields greatest(n, 4) as g, least(n, 4, 3) as l, abs(0 - n) as a, floor(ms) as f | filter n = 4",
        [["4", "3", "4", "4"]],
    ),
    (
        "# the failures\nfields n # only these\n| filter status >= 500 # of the server\n| sort n",
        [["3"], ["4"]],
    ),
    (
        "filter @log like '/job' and not ispresent(item) | stats count(*) as texts by @logStream | sort texts desc",
        [
            ["s0", "1"],
            ["s1", "1"],
        ],
    ),
    ("filter toMillis(@timestamp) < queryStartTime() + 60000 | stats count() as early", [["2"]]),
    ("fields n | filter cached = true or cached = 0 | sort n", [["5"], ["8"]]),
    ("stats sortsFirst(item) as a, sortsLast(item) as z, max(item) as m", [["item9", "item10", "item9"]]),
    ("stats stddev(ms) as s | filter s > 94 and s < 95", [["94.957042919417"]]),
)


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_query(query: str, expected: list[list[str]]):
    assert [list(row.values()) for row in rows(query)] == expected


def test_there_are_thirty_queries_and_each_notices_a_missing_line():
    """The control: over an empty log, every result differs."""
    assert len(QUERIES) >= 30
    for query, expected in QUERIES:
        found = run(parse_query(query, CLOCK), []).rows
        assert [[value for _, value in row] for row in found] != expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("status = 200", "1 2"),  # a text that looks like a number
        ("status = '200'", "1 2"),
        ("status != 200", "3 4 5"),  # never where there is none
        ("not (status = 200) and ispresent(n)", "3 4 5 6 7 8"),
        ("status not in ['200', 404] and ispresent(status)", "3 4"),
        ("level = 'INFO' and ms > 20 or n = 8", "2 8"),
        ("level = 'INFO' and (ms > 20 or n = 8)", "2 8"),
        ("n = 1 or n = 2 and n = 3", "1"),
        ("(n = 1 or n = 2) and n = 2", "2"),
        ("not n = 1 and n < 3", "2"),
        ("not not n = 1", "1"),
        ("error not like /T/ and ispresent(error)", ""),
        ("isempty(nothing) and n > 6", "7 8"),
        ("isblank(blank) and item = 'item10'", "7"),
        ("strcontains(error, 'time')", ""),
        ("strcontains(error, 'time', true)", "3"),
        ("jsonArrayContains(jsonParse('[1,\"a\"]'), 'a') and n = 1", "1"),
        ("nothing = 1 or nothing != 1", ""),
        ("level", ""),
        ("user = 1 or ispresent(user)", ""),  # an object is no field; its members are
        ("ispresent(user.role)", "1 2"),
        ("item > 'item1' and item < 'item2'", "7"),
        ("startsWith(item, 'item1') = 1", "7"),
        ("level = \"INFO\" and message like 'took' and message != 'it\\'s \\\\'", "1"),
        ("@timestamp >= fromMillis(1790000260000) and ispresent(n)", "7 8"),
        ("isNumeric(status) and isNumeric(ms) and not isNumeric(level)", "1 2 3 4 5"),
    ],
)
def test_condition(condition: str, expected: str):
    assert numbers(condition) == expected


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "",
            "Expected a command (fields, display, filter, stats, sort, limit, parse, dedup) at character 1, found the",
        ),
        ("fields n |", "Expected a command"),
        ("pattern @message", "at character 1, found pattern."),
        ("fields n | diff", "at character 12, found diff."),
        ("SOURCE '/web' | fields n", "at character 1, found SOURCE."),
        ("fields", "Expected a value at character 7, found the end."),
        ("fields n n", "Expected | or the end at character 10, found n."),
        ("fields n as", "Expected a name at character 12"),
        ("fields n as by", "Expected a name"),
        ("filter", "Expected a value"),
        ("filter n =", "Expected a value at character 11"),
        ("filter n == 1", "Expected a value at character 11, found =."),
        ("filter n = 1 and", "Expected a value"),
        ("filter (n = 1", "Expected ) at character 14"),
        ("filter n = 1)", "Expected | or the end"),
        ("filter n in (1)", "Expected [ at character 13"),
        ("filter n in []", "Expected a value"),
        ("filter n not 1", "Expected like or in"),
        ("filter n like 1", "Expected a text in quotes or a regular expression"),
        ("filter n like /a", "The regular expression has no end."),
        ("filter n like /(/", "The regular expression at character 15: not a regular expression"),
        ("filter n like /(?=a)/", "cannot look around"),
        (r"filter n like /(a)\1/", "cannot refer to what a group matched"),
        ("filter n like /(a+)+b/", "a repetition within a repetition is not supported here"),
        ("filter n like /(a|ab)*c/", "a repetition of alternatives is not supported here"),
        ("filter n = 'a", "Unexpected ' at character 12."),
        ("filter n = 'a\\d'", "Unknown escape \\d at character 14"),
        ("filter n & 1", "Unexpected & at character 10."),
        ("filter sha1(n) = 1", "There is no function sha1, or it is not supported here (character 8)."),
        ("filter strlen(n, n) = 1", "strlen at character 8 takes 1 arguments, not 2."),
        ("filter substr(n) = 1", "takes 2 to 3 arguments, not 1."),
        ("filter count(*) > 1", "count at character 8 can only be used in stats"),
        ("stats", "Expected a value"),
        ("stats n", "n at character 7 must be within an aggregate such as max(n)."),
        ("stats 1", "Expected an aggregate such as count(*) at character 7."),
        ("stats max(*)", "Expected a value"),
        ("stats max(min(n))", "can only be used in stats, and not within another"),
        ("stats pct(n)", "Expected , at character 12"),
        ("stats pct(n, 101)", "Expected a number from 0 to 100"),
        ("stats count(*) by", "Expected a value"),
        ("stats count(*) by bin(5)", "Expected a period such as 30s, 5m, 1h or 1d"),
        ("stats count(*) by bin(1mo)", "Expected a period"),
        ("stats count(*) by bin(0m)", "Expected a period"),
        ("stats count(*) | stats count(*) | stats count(*)", "at most 2 stats, not another at character 35."),
        ("sort n up", "Expected | or the end"),
        ("limit", "Expected a number from 1 to 10000"),
        ("limit 0", "Expected a number from 1 to 10000"),
        ("limit 10001", "Expected a number from 1 to 10000"),
        ("limit 1.5", "Expected a number from 1 to 10000"),
        ("parse @message 'a=*'", "Expected as"),
        ("parse @message 'a=*' as a, b", "The pattern at character 16 has 1 *, for 2 names."),
        ("parse @message /a(.)/", "has no named group"),
        ("parse @message", "Expected a text with * in quotes"),
        ("dedup n | filter n = 1", "After dedup there can only be limit, not filter at character 11."),
        ("filter " + "(" * 100 + "n" + ")" * 100, "The query is nested too deeply."),
        ("filter " + "n^" * 100 + "n", "The query is nested too deeply."),
        ("fields n" + " " * 10_000, "A query has at most 10000 characters."),
    ],
)
def test_query_that_is_not_understood_is_rejected_with_its_place(query: str, sentence: str):
    with pytest.raises(QueryError) as error:
        parse_query(query, CLOCK)
    assert sentence in error.value.sentence
    assert 0 <= error.value.start <= error.value.end <= len(query)


def test_default_columns_are_time_and_message():
    newest, *_ = run(parse_query("filter ispresent(item)", CLOCK), records()).rows
    assert dict(newest) == {
        "@timestamp": "2026-09-21 14:18:40.000",
        "@message": json.dumps(LOG[7][2]),
        "@ptr": records()[7].pointer,
    }


def test_group_has_no_pointer_and_no_line_counts_as_none():
    (row,) = run(parse_query("stats count(*), sum(n)", CLOCK), []).rows
    assert row == (("count(*)", "0"),)


def test_result_counts_what_was_scanned_and_matched():
    found = run(parse_query("filter level = 'ERROR' | stats count(*)", CLOCK), records())
    assert (found.scanned, found.matched) == (10, 2)
    assert found.bytes_scanned == sum(len(record.message.encode()) for record in records())


def test_limit_of_the_request_holds_too():
    assert [row["n"] for row in rows("fields n | filter ispresent(n) | limit 5", limit=2)] == ["8", "7"]


def test_query_stops_when_asked():
    with pytest.raises(StoppedError):
        run(parse_query("filter n = 1", CLOCK), records(), is_stopped=lambda: True)


@given(text=st.text(alphabet="abn1 .,|=<>()[]'\"/*-+#`@_\\\n", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_query_or_an_error_with_a_place(text: str):
    try:
        run(parse_query(f"filter {text}", CLOCK), records())
    except QueryError as error:
        place = error.start, error.end
    else:
        return
    assert 0 <= place[0] <= place[1] <= len(text) + 7
