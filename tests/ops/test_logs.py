"""Log lines of all groups become one readable stream, selected by the options."""

import json
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.commands.log_text import to_json, to_rows, to_text
from ops.commands.logs import parse_id, parse_since
from ops.errors import OperatorError
from ops.logs import Line, containing, join_tracebacks, read_errors, read_lines
from ops.signals import Stopped
from tests.ops.simulated_stack import Stack

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
# Python's own parser accepts all of these except second 60.
NOT_RFC_3339 = (
    "2026-01-31T09:00:00", "2026-W05-6T09:00:00Z", "2026-01-31T09:00:00,5Z", "20260131T090000Z", "2026-01-31T09Z",
    "2026-01-31T09:00:60Z", "2026-01-31",
)  # fmt: skip
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def make_line(fields: dict | str) -> Line:
    text = fields if isinstance(fields, str) else json.dumps(fields)
    return Line.of("/event-processing/dev/event-handler", {"timestamp": 1_769_860_800_123, "message": text})


def test_lines_of_all_groups_are_sorted_and_metrics_omitted(stack: Stack):
    now = int(time.time() * 1000)
    stack.log("query", now - 1000, {"level": "INFO", "message": "second"})
    stack.log("event-handler", now - 2000, {"level": "INFO", "message": "first"})
    stack.log("api-access", now, {"service": "api", "status": "200"})
    stack.log("event-handler", now, {"_aws": {"CloudWatchMetrics": []}, "EventReceived": 1})
    found = read_lines(stack.outputs, since=LONG_AGO)
    assert [line.fields.get("message", line.fields.get("status")) for line in found] == ["first", "second", "200"]


def test_failure_of_the_probe_is_an_error_with_its_step(stack: Stack):
    failed = {"level": "ERROR", "message": "probe failed at step query", "outcome": "failed", "error_code": "http_503"}
    stack.log("probe", int(time.time() * 1000), failed | {"step": "query"})
    (line,) = read_errors(stack.outputs, LONG_AGO)
    assert (line.source, line.error_code) == ("probe", "http_503")
    assert "step=query" in to_text(line)
    without = replace(stack.outputs, probe_function=None)
    assert read_lines(without, since=LONG_AGO) == [], "a stack without a probe has no such log group"


def test_lines_before_since_are_omitted(stack: Stack):
    now = datetime.now(UTC)
    stack.log("query", int((now - timedelta(hours=2)).timestamp() * 1000), "old")
    stack.log("query", int(now.timestamp() * 1000), "new")
    assert [line.text for line in read_lines(stack.outputs, since=now - timedelta(hours=1))] == ["new"]


def test_lines_from_until_on_are_omitted(stack: Stack):
    now = int(time.time()) * 1000
    for milliseconds in (now - 1, now):
        stack.log("query", milliseconds, f"at {milliseconds}")
    until = datetime.fromtimestamp(now / 1000, UTC)
    assert [line.text for line in read_lines(stack.outputs, since=LONG_AGO, until=until)] == [f"at {now - 1}"]
    assert [line.text for line in read_lines(stack.outputs, since=until)] == [f"at {now}"]


def test_id_is_found_anywhere_in_a_line(stack: Stack):
    now = int(time.time() * 1000)
    trace = "1-5759e988-bd862e3fe1be46a994272793"
    stack.log("event-handler", now, {"message": "event failed", "xray_trace_id": trace})
    stack.log("query", now, {"type": "platform.report", "record": {"tracing": {"value": f"Root={trace};Sampled=1"}}})
    stack.log("query", now, {"message": "of another trace"})
    assert len(read_lines(stack.outputs, since=LONG_AGO, pattern=containing(trace))) == 2


def test_functions_are_asked_for_their_log_groups_once(stack: Stack):
    asked: list[str] = []
    events = stack.outputs.client("lambda").meta.events
    events.register("before-call.lambda.GetFunctionConfiguration", lambda **_: asked.append("configuration"))
    for _ in range(3):
        read_lines(stack.outputs, since=LONG_AGO)
    assert len(asked) == len(stack.outputs.all_functions)


def test_read_errors_returns_only_failures(stack: Stack):
    now = int(time.time() * 1000)
    failures = [
        {"level": "ERROR", "message": "event exhausted"},
        {"errorType": "Runtime.ImportModuleError", "errorMessage": "no module"},
        {"type": "platform.report", "record": {"status": "timeout", "requestId": "r"}},
        {"type": "platform.initReport", "record": {"status": "error", "errorType": "Runtime.ImportModuleError"}},
        {"level": "WARNING", "message": "event failed", "outcome": "failed"},
        {"service": "api", "status": "502"},
    ]
    others = [
        {"level": "WARNING", "message": "event invalid", "outcome": "invalid"},
        # Its events have lines of their own.
        {"level": "INFO", "message": "batch folded", "outcome": "failed", "batch_size": 1},
        {"type": "platform.report", "record": {"status": "success"}},
        {"type": "platform.initReport", "record": {"status": "success"}},
        {"type": "platform.start", "record": {}},
        {"service": "api", "status": "401"},
        "not JSON, although it contains ERROR",
        "START RequestId: 1 Version: 1",
        "  File without its traceback",
    ]
    for number, fields in enumerate([*failures, *others]):
        stack.log("query", now + number, fields)
    assert [line.fields for line in read_errors(stack.outputs, LONG_AGO)] == failures


TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "event_handler.py", line 68, in handle',
    "    raise BatchFailedError(",
    "handlers.event_handler.BatchFailedError: 1 of 1 messages failed",
]


def test_traceback_of_several_lines_is_a_single_failure(stack: Stack):
    now = int(time.time() * 1000)
    texts = ["before", *TRACEBACK[:2], '{"level": "INFO", "message": "meanwhile"}', *TRACEBACK[2:], "after"]
    for text in texts:
        stack.log("query", now, text)
    (line,) = read_errors(stack.outputs, LONG_AGO)
    assert line.text.splitlines() == TRACEBACK
    assert line.error_code == "BatchFailedError"
    assert len(read_lines(stack.outputs, since=LONG_AGO)) == 4


def test_traceback_that_never_ends_is_shown():
    lines = [make_line(text) for text in TRACEBACK[:3]]
    assert [line.text for line in join_tracebacks(lines)] == ["\n".join(TRACEBACK[:3])]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[ERROR] Runtime.ImportModuleError: Unable to import module", "Runtime.ImportModuleError"),
        ("[ERROR] KeyError: 'secret'", "KeyError"),
        ("[ERROR] secret without a class", "crash"),
        ("2026-01-31T12:00:00.123Z 1b5a Task timed out after 3.00 seconds", "timeout"),
        ('{"level": "ERROR", "message": "secret"}', "ERROR"),
        ('{"type": "platform.report", "record": {"status": "timeout"}}', "timeout"),
        ('{"type": "platform.initReport", "record": {"status": "error", "errorType": "Runtime.ExitError"}}',
         "Runtime.ExitError"),
        ('{"outcome": "error", "error_code": "AccessDeniedException", "exception_name": "ClientError"}',
         "AccessDeniedException"),
        ('{"service": "api", "status": "502"}', "status 502"),
    ],
)  # fmt: skip
def test_failure_has_a_code_that_quotes_no_data(text: str, code: str):
    line = make_line(text)
    assert line.is_error
    assert line.error_code == code


def test_line_has_its_own_time_if_it_has_one():
    written = "2026-01-31T11:59:59.5Z"
    for name in ("timestamp", "time"):
        assert make_line({name: written}).timestamp == NOW - timedelta(seconds=0.5)
    for fields in ({"time": "-"}, {"timestamp": 5}, "text"):
        assert make_line(fields).timestamp == NOW + timedelta(milliseconds=123)


def test_lines_of_lambda_are_hidden_unless_they_fail_or_are_wanted(stack: Stack):
    now = int(time.time() * 1000)
    hidden = ["START RequestId: 1", "END RequestId: 1", "REPORT RequestId: 1", "INIT_START Runtime Version: python"]
    hidden.append('{"type": "platform.report", "record": {"status": "success"}}')
    shown = [
        '{"level": "INFO", "message": "batch folded"}',
        '{"type": "platform.report", "record": {"status": "error"}}',
    ]
    for text in (*hidden, *shown):
        stack.log("query", now, text)
    assert len(stack.run("logs").stdout.splitlines()) == len(shown)
    assert len(stack.run("logs", "--platform").stdout.splitlines()) == len(shown) + len(hidden)


class Arrivals:
    """Lets --follow read again at once, after a line arrived; Ctrl-C after the last."""

    def __init__(self, stack: Stack, *texts: str) -> None:
        self.stack, self.texts = stack, list(texts)

    def sleep(self, _: float) -> None:
        if not self.texts:
            raise Stopped(signal.SIGINT)
        if text := self.texts.pop(0):
            self.stack.log("query", int(time.time() * 1000), text)


def test_follow_prints_each_new_line_once(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    now = int(time.time() * 1000)
    stack.log("query", now - 30_000, "older than --since")
    stack.log("query", now, "first")
    monkeypatch.setattr("ops.commands.logs.time", Arrivals(stack, "second", "", "third", "START RequestId: 1"))
    result = stack.run("logs", "--follow", "--since", "20s")
    assert [row.rpartition(" ")[2] for row in result.stdout.splitlines()] == ["first", "second", "third"]
    assert (result.exit_code, result.stderr) == (0, "")


def test_missing_log_group_is_reported(stack: Stack):
    stack.client("logs").delete_log_group(logGroupName="/event-processing/dev/api-access")
    with pytest.raises(
        OperatorError, match=r"Log group /event-processing/dev/api-access does not exist\. .*pulumi up --refresh"
    ):
        read_lines(stack.outputs, since=LONG_AGO)


def test_line_shows_only_distinguishing_fields():
    fields = {
        "level": "WARNING", "message": "event invalid", "stack": "dev", "error_code": "x", "error_detail": "a detail"
    }  # fmt: skip
    assert (
        to_text(make_line(fields))
        == '2026-01-31T12:00:00.123Z event-handler WARNING  event invalid   error_code=x error_detail="a detail"'
    )


def test_platform_line_shows_its_metrics():
    report = {"type": "platform.report", "time": "t", "record": {"requestId": "r", "status": "success",
              "metrics": {"durationMs": 3.5}, "tracing": {"value": "Root=1"}}}  # fmt: skip
    assert to_text(make_line(report)).endswith("platform.report requestId=r status=success durationMs=3.5")


def test_fields_are_aligned():
    texts = [
        to_text(make_line({"level": level, "message": message, "error_code": "x"}))
        for level, message in (("INFO", "batch folded"), ("CRITICAL", "query failed"), ("ERROR", "event exhausted"))
    ]
    assert len({text.index("error_code=x") for text in texts}) == 1


def test_crash_shows_its_error_and_its_frames_below():
    crash = {"log_level": "ERROR", "errorType": "KeyError", "errorMessage": "'TABLE'", "requestId": "r",
             "stackTrace": ['  File "query.py", line 1\n    x\n']}  # fmt: skip
    first, *frames = to_rows(make_line(crash))
    assert first == "2026-01-31T12:00:00.123Z event-handler ERROR    KeyError: 'TABLE' requestId=r"
    assert frames == ['      File "query.py", line 1', "        x"]
    failed = {"level": "ERROR", "message": "query failed", "where": ["query.py:70 answer", "store.py:9 get"]}
    assert to_rows(make_line(failed))[1:] == ["    query.py:70 answer", "    store.py:9 get"]
    first, *frames = to_rows(make_line("\n".join(TRACEBACK)))
    assert first.endswith("ERROR    handlers.event_handler.BatchFailedError: 1 of 1 messages failed")
    assert frames == [f"    {row}" for row in TRACEBACK[1:-1]]


def test_request_of_the_api_shows_method_path_and_status():
    fields = {"service": "api", "method": "GET", "resource_path": "/users/{user_id}/services", "status": "502"}
    line = Line.of("/event-processing/dev/api-access", {"timestamp": 0, "message": json.dumps(fields)})
    assert to_text(line) == "1970-01-01T00:00:00.000Z api-access    ERROR    GET /users/{user_id}/services 502"


def test_level_has_a_color_where_colors_are_wanted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    line = make_line({"level": "ERROR", "message": "query failed"})
    assert "\x1b" not in to_text(line)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31mERROR   \x1b[0m query failed" in to_text(line)


def test_control_characters_of_a_line_are_removed():
    assert "\x1b" not in to_text(make_line("\x1b[2J gone"))
    assert "\x1b" not in to_text(make_line({"message": "m", "client_id": "\x1b[2J"}))
    assert "\x1b" not in "".join(to_rows(make_line({"errorType": "E", "stackTrace": ["\x1b[2J"]})))


def test_json_without_object_is_text():
    assert to_json(make_line("[1]"))["message"] == "[1]"
    assert to_json(make_line('{"a": 1}'))["message"] == {"a": 1}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2d", NOW - timedelta(days=2)),
        ("999999d", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-01-31T09:00:00Z", NOW - timedelta(hours=3)),
        ("2026-01-31t09:00:00z", NOW - timedelta(hours=3)),
        ("2026-01-31T10:00:00.5+01:00", NOW - timedelta(hours=3, seconds=-0.5)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_since_accepts_an_age_or_a_time(text: str, moment: datetime):
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1 h", "yesterday", "\u0661h", *NOT_RFC_3339])
def test_invalid_since_is_rejected_with_examples(text: str):
    with pytest.raises(OperatorError, match="such as 15m, 1h or 2d"):
        parse_since(text, NOW)


@pytest.mark.parametrize("text", ["", "short", 'a"b"c"d"e"', "user with blanks"])
def test_invalid_id_is_rejected(text: str):
    with pytest.raises(OperatorError, match=r"--message-id .* is not an ID"):
        parse_id(text, "--message-id")
