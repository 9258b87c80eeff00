"""Log lines of all groups become one readable stream, selected by the options."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from ops.commands.logs import parse_id, parse_since, to_json, to_text
from ops.errors import OperatorError
from ops.logs import Line, containing, read_errors, read_lines
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


def test_lines_before_since_are_omitted(stack: Stack):
    now = datetime.now(UTC)
    stack.log("query", int((now - timedelta(hours=2)).timestamp() * 1000), "old")
    stack.log("query", int(now.timestamp() * 1000), "new")
    assert [line.text for line in read_lines(stack.outputs, since=now - timedelta(hours=1))] == ["new"]


def test_id_is_found_anywhere_in_a_line(stack: Stack):
    now = int(time.time() * 1000)
    trace = "1-5759e988-bd862e3fe1be46a994272793"
    stack.log("event-handler", now, {"message": "event failed", "xray_trace_id": trace})
    stack.log("query", now, {"type": "platform.report", "record": {"tracing": {"value": f"Root={trace};Sampled=1"}}})
    stack.log("query", now, {"message": "of another trace"})
    assert len(read_lines(stack.outputs, since=LONG_AGO, pattern=containing(trace))) == 2


def test_read_errors_returns_only_failures(stack: Stack):
    now = int(time.time() * 1000)
    failures = [
        {"level": "ERROR", "message": "event exhausted"},
        {"errorType": "Runtime.ImportModuleError", "errorMessage": "no module"},
        {"type": "platform.report", "record": {"status": "timeout", "requestId": "r"}},
        {"service": "api", "status": "502"},
    ]
    others = [
        {"level": "WARNING", "message": "event invalid"},
        {"type": "platform.report", "record": {"status": "success"}},
        {"service": "api", "status": "401"},
        "not JSON, although it contains ERROR",
    ]
    for number, fields in enumerate([*failures, *others]):
        stack.log("query", now + number, fields)
    assert [line.fields for line in read_errors(stack.outputs, LONG_AGO)] == failures


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
        == '2026-01-31T12:00:00.123Z event-handler WARNING event invalid error_code=x error_detail="a detail"'
    )


def test_platform_line_shows_its_metrics():
    report = {"type": "platform.report", "time": "t", "record": {"requestId": "r", "status": "success",
              "metrics": {"durationMs": 3.5}, "tracing": {"value": "Root=1"}}}  # fmt: skip
    assert to_text(make_line(report)).endswith("platform.report requestId=r status=success durationMs=3.5")


def test_control_characters_of_a_line_are_removed():
    assert "\x1b" not in to_text(make_line("\x1b[2J gone"))
    assert "\x1b" not in to_text(make_line({"message": "m", "client_id": "\x1b[2J"}))


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
