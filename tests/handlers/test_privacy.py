"""Marked values go down every path, and none comes out in a log line, a metric or an error."""

import contextlib
import logging
import sys

import pytest

from handlers.event_handler import BatchFailedError
from tests.handlers.support import LambdaContext, login, sqs_event

MARK = "canary"
MARKED = {"user_id": f"{MARK}-user", "service_id": f"{MARK}-service", "service_name": f"{MARK} name"}


@pytest.fixture
def root_as_lambda_makes_it():
    """Lambda gives the root logger a handler, and the function's log level, which is DEBUG."""
    root = logging.getLogger()
    level = root.level
    handler = logging.StreamHandler(sys.stderr)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def _every_path(handle, query, calls, dead_letters, new_dynamodb):
    """Send marked values down every path there is, and return what Lambda would see of the errors."""
    raised = []

    def send(*bodies, **more):
        try:
            handle(sqs_event(*bodies, **more), LambdaContext())
        except BatchFailedError as error:
            raised.append(repr(error))

    def ask(path):
        query({"pathParameters": {"user_id": path}, "requestContext": {"requestId": "api-1"}}, LambdaContext())

    good = login(**MARKED)
    send(good, MARK, login(**MARKED | {"user_id": MARK * 100}), {**good, "service_id": 7}, f'{{"{MARK}":1,"{MARK}":1}}')
    ask(MARKED["user_id"])
    ask(MARK * 100)
    calls.first("UpdateItem", lambda request: new_dynamodb().update_item(**request) and None)
    send(login(**MARKED, timestamp="2022-08-04T09:00:00Z"))
    for operation, code in [
        ("UpdateItem", "ThrottlingException"),
        ("BatchGetItem", "ThrottlingException"),
        ("UpdateItem", "ValidationException"),
    ]:
        calls.fail(operation, code, times=1, message=f"about {MARK}")
        send(login(**MARKED, timestamp="2022-08-04T10:00:00Z"), receive_count=5)

    def break_down(_):
        raise RuntimeError(f"about {MARK}")

    calls.first("UpdateItem", break_down)
    send(login(**MARKED, timestamp="2022-08-04T11:00:00Z"))
    calls.first("BatchGetItem", break_down)
    send(good)
    calls.first("GetItem", break_down)
    ask(MARKED["user_id"])
    dead_letters.calls.fail("SendMessageBatch", "InvalidMessageContents", times=1, message=f"about {MARK}")
    send(MARK)
    dead_letters.calls.first("SendMessageBatch", break_down)
    send(MARK)
    return raised


def test_no_marked_value_comes_out(
    root_as_lambda_makes_it, handle, query, calls, dead_letters, new_dynamodb, capsys, caplog
):
    raised = _every_path(handle, query, calls, dead_letters, new_dynamodb)
    out, err = capsys.readouterr()
    # Collecting nothing is no proof of anything.
    assert len(raised) >= 5
    for said in ("event invalid", "event exhausted", "event failed", "batch crashed", "query refused", "query failed"):
        assert said in out
    assert "EventReceived" in out
    for text in (out, err, caplog.text, *raised):
        assert MARK not in text


def test_control_a_root_logger_at_debug_gives_them_away(
    root_as_lambda_makes_it, handle, query, calls, dead_letters, new_dynamodb, caplog
):
    logging.getLogger().setLevel(logging.DEBUG)
    with contextlib.suppress(BatchFailedError):
        _every_path(handle, query, calls, dead_letters, new_dynamodb)
    assert MARK in caplog.text


def test_control_a_log_line_gives_it_away(root_as_lambda_makes_it, new_telemetry, capsys):
    new_telemetry("event-handler").logger.info("login", extra={"user": MARKED["user_id"]})
    assert MARK in capsys.readouterr().out
