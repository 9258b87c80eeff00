"""Run one function as Lambda runs it, through every path with marked values, in its own process.

    python -m tests.privacy.paths event-handler|query RESULT.json [CONTROL]...

The environment is like Lambda's. Logs and metrics go to the standard streams, traces to the daemon's port, and what
clients, on-call engineers and Lambda itself see goes to RESULT.json. A CONTROL breaks the function first.
"""

import base64
import importlib
import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from moto import mock_aws

from handlers.store import UserRecordStore
from handlers.vocabulary import PROBE_USER
from simulation.lambda_events import INVOCATION_SECONDS, LambdaContext, sqs_record
from tests.fakes.aws import entry, messages_in
from tests.fakes.events import TRACE, login
from tests.privacy.served_table import ServedTable
from tests.privacy.wire import ERRORS, MARK, QUOTING, Wire

BINARY = base64.b64encode(f"{MARK} bytes".encode()).decode()
USER = f"{MARK}-user"
# A broken function puts a mark out in one path or another: it need not fail in every way, as the whole function does.
FEW = ("invalid", "defect")
NO_TRACE = "Root=1-00000000-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


class BrokenContext(LambdaContext):
    """A context that makes the whole batch crash, whatever exceptions the handler catches around its calls."""

    def get_remaining_time_in_millis(self) -> int:
        raise RuntimeError(QUOTING)


def _marked_record(body: Any, index: int, receive_count: int) -> dict[str, Any]:
    record = sqs_record(body, f"m-{index}", receive_count=receive_count)
    record["attributes"] |= {"SenderId": f"{MARK}-sender", "AWSTraceHeader": TRACE}
    record["messageAttributes"] = {
        "token": {"stringValue": f"{MARK}-token", "dataType": "String"},
        "bytes": {"binaryValue": BINARY, "dataType": "Binary.custom"},
        **{f"a{i}": {"stringValue": f"{MARK}{i}", "dataType": "String"} for i in range(8)},
    }
    return record


def run_event_handler(handler: Callable[..., Any], wire: Wire, seen: SimpleNamespace) -> None:
    """Deliver a batch for every path through the event handler."""
    minute = iter(range(10_000))

    def good(**more: Any) -> dict[str, Any]:
        passed = next(minute)
        timestamp = f"2022-08-{1 + passed // 1440:02}T{passed // 60 % 24:02}:{passed % 60:02}:00Z"
        return login(USER, f"{MARK}-service", f"{MARK} name", timestamp) | more

    def send(*bodies: Any, receive_count: int = 1, context: LambdaContext | None = None) -> None:
        records = [_marked_record(body, index, receive_count) for index, body in enumerate(bodies)]
        _call(handler, {"Records": records}, seen, context)

    send(good(), good(user_id=f"{MARK}-other"), good(extra=MARK))
    send(*INVALID, good())
    send(good(user_id=PROBE_USER))
    send(good(), context=LambdaContext(remaining_seconds=lambda: 0.4))
    send(good(), context=BrokenContext())
    _call(handler, {MARK: MARK}, seen)
    _call(handler, {"Records": [{"messageId": "m", MARK: MARK}, {"messageId": "n", "body": {MARK: MARK}}]}, seen)
    _call(handler, {"Records": [{MARK: MARK}]}, seen)
    for operation in ("BatchGetItem", "UpdateItem"):
        for kind in wire.kinds:
            with wire.failing(operation, kind):
                send(good(), MARK, receive_count=5)
        with wire.losing_replies(operation):
            send(good())
    with wire.racing("UpdateItem"):
        send(good(), good(user_id=f"{MARK}-other"))
    unprocessed = {"t": {"Keys": [{"user_id": {"S": USER}}]}}
    with wire.answering("BatchGetItem", {"Responses": {}, "UnprocessedKeys": unprocessed}):
        send(good())
    for kind in wire.kinds:
        with wire.failing("SendMessageBatch", kind):
            send(MARK, good())
    refusal = {"Id": "0", "Code": "InvalidMessageContents", "Message": QUOTING, "SenderFault": True}
    with wire.answering("SendMessageBatch", {"Successful": [], "Failed": [refusal]}):
        send(MARK, good())
    undecodable = _marked_record(MARK, 1, 1)
    undecodable["messageAttributes"]["bytes"]["binaryValue"] = f"{MARK}!"
    _call(handler, {"Records": [undecodable]}, seen)
    # Last, because the write that is given up ends during a later invocation.
    with wire.hanging("UpdateItem") as began:
        send(good(user_id=f"{MARK}-late"), context=LambdaContext(remaining_seconds=lambda: _time_until(began)))
        os.environ["_X_AMZN_TRACE_ID"] = NO_TRACE


def _time_until(began: threading.Event) -> float:
    """Time enough for a writer; for the handler, none once a write has begun."""
    if threading.current_thread() is threading.main_thread():
        began.wait()
        return 0.0
    return INVOCATION_SECONDS


INVALID = [
    MARK,
    f'["{MARK}"]',
    f'{{"{MARK}": 1, "{MARK}": 2}}',
    {MARK: MARK},
    f'{{"{MARK}": {"[" * 600}',
    login(".", f"{MARK}-service"),
    login(USER, {MARK: MARK}),
    login(MARK * 100),
    login(USER, service_name=""),
    login(USER, " "),
    login(f"{MARK}\n"),
    login(USER, timestamp=MARK),
    login(USER, timestamp="2999-01-01T00:00:00Z"),
]


def _dead_letter_reasons() -> list[str]:
    letters = messages_in(boto3.client("sqs"), os.environ["DEAD_LETTER_QUEUE_URL"])
    reasons = [letter["MessageAttributes"] for letter in letters]
    return [f"{found['error_code']['StringValue']}: {found['error_detail']['StringValue']}" for found in reasons]


def run_query(handler: Callable[..., Any], wire: Wire, seen: SimpleNamespace) -> None:
    """Send a request for every path through the query function."""
    token = f"Bearer {MARK}-token"

    def ask(user_id: Any) -> None:
        request = {
            "resource": "/users/{user_id}/services",
            "path": f"/users/{user_id}/services",
            "httpMethod": "GET",
            "headers": {"Authorization": token, "X-Forwarded-For": f"{MARK}-address"},
            "multiValueHeaders": {"Authorization": [token]},
            "queryStringParameters": {"token": f"{MARK}-token"},
            "pathParameters": {"user_id": user_id},
            "requestContext": {
                "requestId": "api-1",
                "authorizer": {"claims": {"sub": f"{MARK}-subject", "client_id": f"{MARK}-client"}},
                "identity": {"sourceIp": f"{MARK}-address"},
            },
            "body": f"{MARK}-body",
        }
        _call(handler, request, seen)

    for user_id in (
        USER,
        f"{MARK}-nobody",
        MARK * 100,
        f"{MARK}%ff",
        f"{MARK}%0A",
        "%20",
        "",
        ".",
        None,
        7,
        {MARK: MARK},
    ):
        ask(user_id)
    _call(handler, {"pathParameters": None, MARK: MARK}, seen)
    readable = entry(f"{MARK}-service", f"{MARK} name")
    for services in ({"L": [{"S": f"{MARK} hand edit"}, readable]}, {"S": MARK}):
        with wire.answering("GetItem", {"Item": {"user_id": {"S": USER}, "services": services}}):
            ask(USER)
    for kind in wire.kinds:
        with wire.failing("GetItem", kind):
            ask(USER)
    with wire.losing_replies("GetItem"):
        ask(USER)


def _call(handler: Callable[..., Any], event: Any, seen: SimpleNamespace, context: LambdaContext | None = None) -> None:
    seen.calls += 1
    try:
        response = handler(event, context or LambdaContext())
    except Exception as error:  # noqa: BLE001 - Lambda catches as much
        # What Lambda logs: the text of the exception, and of every cause that is not suppressed.
        seen.raised.append("".join(traceback.format_exception(error)))
        return
    if "statusCode" in response:
        seen.bodies.append({"status": response["statusCode"], "body": response["body"]})


def main(function: str, result: str, *controls: str) -> None:
    # What people and programs outside the function see.
    wire, seen = Wire(FEW if controls else ERRORS), SimpleNamespace(raised=[], bodies=[], calls=0)
    # No backoff takes time, neither the clients' nor ours.
    time.sleep = lambda _: None
    (UserRecordStore.__init__.__kwdefaults__ or {})["sleep"] = time.sleep
    with mock_aws(), ServedTable("t", wire) as table:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = table.url
        os.environ["DEAD_LETTER_QUEUE_URL"] = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        # The runtime gives the root logger a handler, and the function's log level.
        logging.getLogger().addHandler(logging.StreamHandler(sys.stderr))
        logging.getLogger().setLevel(os.environ["AWS_LAMBDA_LOG_LEVEL"])
        if controls:
            from tests.privacy.controls import CONTROLS

            for control in controls:
                CONTROLS[control]()
        handler = importlib.import_module(f"handlers.{function.replace('-', '_')}").handler
        # Lambda wires the function while it starts, before there is a trace.
        handler.__globals__["_wired"]()
        os.environ["_X_AMZN_TRACE_ID"] = TRACE
        run = run_event_handler if function == "event-handler" else run_query
        run(handler, wire, seen)
        os.environ["_X_AMZN_TRACE_ID"] = NO_TRACE
        seen.details = _dead_letter_reasons()
    Path(result).write_text(
        json.dumps({**vars(seen), "failed": sorted(wire.failed), "direct": dict(table.requests - wire.sent)})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
