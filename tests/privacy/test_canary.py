"""Marked values pass every path of both functions, as Lambda runs them, and none is put out."""

import base64
import json
from collections import Counter

import pytest

from handlers.vocabulary import ErrorCode
from tests.privacy.conftest import LOUD_AND_OPEN, SIDETRACKED
from tests.privacy.controls import CONTROLS
from tests.privacy.wire import ERRORS, MARK

FUNCTIONS = ("event-handler", "query")
PASSING = {"read_unprocessed", "write_conflicts", "out_of_time", "not_accepted", "envelope_unreadable"}


def _spellings():
    """The mark itself, and the mark inside base64, at any position."""
    yield MARK
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + MARK.encode()).decode()
        # Without the characters that the text before and after the mark affects.
        yield encoded[4 if before else 0 : len(encoded) - 4]


def gone_out(seen):
    """The kinds of output that contain a mark. A 200 does not count: its body is meant to hold the data."""
    texts = {
        "logs": [json.dumps(line, ensure_ascii=False) for line in seen.out.logs] + [seen.err],
        "metrics": [json.dumps(line) for line in seen.out.objects],
        "traces": [json.dumps(segment) for segment in seen.segments],
        "error bodies": [body["body"] for body in seen.bodies if body["status"] != 200],
        "raised": seen.raised,
        "dead-letter reasons": seen.details,
    }
    spellings = list(_spellings())
    return {kind for kind, found in texts.items() if any(mark in text for text in found for mark in spellings)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_output_contains_a_mark(run, function):
    assert gone_out(run(function)) == set()


def test_event_handler_ran_every_path(run):
    """The control: no mark in no output would prove nothing."""
    seen = run("event-handler")
    messages = Counter(line["message"] for line in seen.out.logs)
    for message in ("batch folded", "event invalid", "event failed", "event exhausted"):
        assert messages[message] >= 4, message
    assert messages["batch crashed"] >= 3
    codes = set(ErrorCode) - {ErrorCode.PATH_NOT_UTF8, ErrorCode.RECORD_TOO_LARGE, ErrorCode.RECORD_MALFORMED}
    assert codes <= {line.get("error_code") for line in seen.out.logs}
    assert codes - PASSING <= {detail.split(":")[0] for detail in seen.details}
    assert any("Dropped to make room" in detail for detail in seen.details)
    calls = ("BatchGetItem", "UpdateItem", "SendMessageBatch")
    assert {tuple(failed) for failed in seen.failed} == {(call, kind) for call in calls for kind in ERRORS}
    assert len(seen.out.objects) >= 40
    assert len(seen.raised) >= 10
    assert any("crashed with" in text for text in seen.raised)
    assert set(seen.direct) == {"BatchGetItem", "UpdateItem"}
    failing = [segment for segment in seen.segments if "cause" in segment]
    assert {segment["aws"]["operation"] for segment in failing} == set(calls)


def test_query_ran_every_path(run):
    seen = run("query")
    messages = Counter(line["message"] for line in seen.out.logs)
    assert messages["query invalid"] >= 6
    assert messages["query failed"] >= len(ERRORS)
    assert messages["record damaged"] >= 2
    codes = {"path_not_utf8", "field_length", "field_blank", "field_unprintable", "field_dot_segment"}
    codes |= {"record_malformed", "ThrottlingException", "RuntimeError"}
    assert codes <= {line.get("error_code") for line in seen.out.logs}
    assert {tuple(failed) for failed in seen.failed} == {("GetItem", kind) for kind in ERRORS}
    assert seen.direct["GetItem"] > len(ERRORS)
    statuses = Counter(body["status"] for body in seen.bodies)
    assert statuses[200] >= 4
    assert statuses[400] >= 6
    assert statuses[500] >= len(ERRORS) - 1
    # The marks do arrive: the records of a 200 are full of them.
    assert any(MARK in body["body"] for body in seen.bodies if body["status"] == 200)
    assert any("cause" in segment for segment in seen.segments)


BOTH = {"logs the text of an exception": "logs", "annotates the user": "traces"}
SDK = {"traces what the SDK records": "traces"}
REQUESTS = {"traces requests that botocore does not make": "traces"}
LEVEL = {"logs at the level of the runtime": "logs"}
LEVEL_AND_OPEN = dict.fromkeys(LOUD_AND_OPEN, "logs")  # test_traces.py catches the second
WARM_UP = {"warms up before it is quiet": "logs"}
# Controls share a process if each puts a mark into a kind of output of its own.
CAUGHT = [
    ("event-handler", BOTH | {"measures by user": "metrics", "raises the original text": "raised"}),
    ("event-handler", SDK | {"quotes the body in the detail": "dead-letter reasons"}),
    ("event-handler", LEVEL_AND_OPEN),
    ("event-handler", WARM_UP | REQUESTS),
    ("query", BOTH | {"serves the raw error": "error bodies"}),
    ("query", SDK | WARM_UP),
    ("query", LEVEL | REQUESTS),
]


@pytest.mark.parametrize(("function", "controls"), CAUGHT)
def test_control_function_that_puts_out_marks_is_caught(run, function, controls):
    assert set(controls.values()) <= gone_out(run(function, *controls))


def test_every_control_is_run():
    assert {control for _, controls in CAUGHT for control in controls} | set(SIDETRACKED) == set(CONTROLS)
