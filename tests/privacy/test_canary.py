"""Marked values go down every path of both functions, as Lambda runs them, and none comes out of any."""

import base64
import json
from collections import Counter

import pytest

from handlers.vocabulary import ErrorCode
from tests.privacy.conftest import SIDETRACKED
from tests.privacy.controls import CONTROLS
from tests.privacy.wire import ERRORS, MARK

FUNCTIONS = ("event-handler", "query")
PASSING = {
    ErrorCode.READ_UNPROCESSED,
    ErrorCode.WRITE_CONFLICTS,
    ErrorCode.OUT_OF_TIME,
    ErrorCode.NOT_ACCEPTED,
    ErrorCode.ENVELOPE_UNREADABLE,
}


def _spellings():
    """The mark as it is, and as it looks inside base64, whatever precedes it."""
    yield MARK
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + MARK.encode()).decode()
        # What the characters before and after it have a share in is not the mark's own.
        yield encoded[4 if before else 0 : len(encoded) - 4]


def gone_out(said):
    """Where a mark came out, by kind of output. What a 200 answers with is what it is there for."""
    texts = {
        "logs": [json.dumps(line, ensure_ascii=False) for line in said.logs] + [said.err],
        "metrics": [json.dumps(line) for line in said.metrics],
        "traces": [json.dumps(segment) for segment in said.segments],
        "error bodies": [body["body"] for body in said.bodies if body["status"] != 200],
        "raised": said.raised,
        "dead-letter reasons": said.details,
    }
    spellings = list(_spellings())
    return {kind for kind, found in texts.items() if any(mark in text for text in found for mark in spellings)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_mark_comes_out(run, function):
    assert gone_out(run(function)) == set()


def test_the_event_handler_was_heard_on_every_path(run):
    """Collecting nothing is no proof of anything."""
    said = run("event-handler")
    messages = Counter(line["message"] for line in said.logs)
    for message in ("batch folded", "event invalid", "event failed", "event exhausted"):
        assert messages[message] >= 4, message
    assert messages["batch crashed"] >= 3
    codes = set(ErrorCode)
    codes -= {ErrorCode.PATH_NOT_UTF8, ErrorCode.RECORD_TOO_LARGE}
    assert codes <= {line.get("error_code") for line in said.logs}
    assert codes - PASSING <= {detail.split(":")[0] for detail in said.details}
    assert any("Dropped to make room" in detail for detail in said.details)
    calls = ("BatchGetItem", "UpdateItem", "SendMessageBatch")
    assert {tuple(failed) for failed in said.failed} == {(call, kind) for call in calls for kind in ERRORS}
    assert len(said.metrics) >= 40
    assert len(said.raised) >= 10
    assert any("crashed with" in text for text in said.raised)
    failing = [segment for segment in said.segments if "cause" in segment]
    assert {segment["aws"]["operation"] for segment in failing} == set(calls)


def test_the_query_was_heard_on_every_path(run):
    said = run("query")
    messages = Counter(line["message"] for line in said.logs)
    assert messages["query invalid"] >= 6
    assert messages["query failed"] >= len(ERRORS)
    assert {code for line in said.logs if (code := line.get("error_code"))} >= {
        ErrorCode.PATH_NOT_UTF8,
        ErrorCode.FIELD_LENGTH,
        ErrorCode.FIELD_BLANK,
        ErrorCode.FIELD_UNPRINTABLE,
        "ThrottlingException",
        "RuntimeError",
    }
    assert {tuple(failed) for failed in said.failed} == {("GetItem", kind) for kind in ERRORS}
    statuses = Counter(body["status"] for body in said.bodies)
    assert statuses[200] >= 4
    assert statuses[400] >= 6
    assert statuses[500] >= len(ERRORS) - 1
    # What is looked for does come in: the records of a 200 are full of it.
    assert any(MARK in body["body"] for body in said.bodies if body["status"] == 200)
    assert any("cause" in segment for segment in said.segments)


# Several in one process, if each is alone in giving away what it is to be caught by.
CAUGHT = [
    (
        "event-handler",
        {
            "logs the text of an exception": "logs",
            "annotates the user": "traces",
            "measures by user": "metrics",
            "raises the original text": "raised",
        },
    ),
    (
        "event-handler",
        {"traces what the SDK records": "traces", "quotes the body in the detail": "dead-letter reasons"},
    ),
    ("event-handler", {"logs at the level of the runtime": "logs"}),
    ("event-handler", {"warms up before it is quiet": "logs"}),
    (
        "query",
        {
            "logs the text of an exception": "logs",
            "annotates the user": "traces",
            "serves the raw error": "error bodies",
        },
    ),
    ("query", {"traces what the SDK records": "traces", "warms up before it is quiet": "logs"}),
    ("query", {"logs at the level of the runtime": "logs"}),
]


@pytest.mark.parametrize(("function", "controls"), CAUGHT)
def test_control_a_function_that_gives_marks_away_is_caught(run, function, controls):
    assert set(controls.values()) <= gone_out(run(function, *controls))


def test_every_control_is_run():
    assert {control for _, controls in CAUGHT for control in controls} | set(SIDETRACKED) == set(CONTROLS)
