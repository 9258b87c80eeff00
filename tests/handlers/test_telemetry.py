"""Lines and metrics look as CloudWatch needs them, and traces hang together: nobody writes outside `write`."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.settings import EventHandlerSettings, QuerySettings, SettingsError
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE
from tests.handlers.support import LambdaContext, login, sqs_event

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "TABLE_NAME": "t",
    "DEAD_LETTER_QUEUE_URL": "https://queue",
    "MAX_RECEIVE_COUNT": "5",
    "STACK": "dev",
    "VERSION": "1",
}


def test_every_metric_has_exactly_the_two_dimensions(handle, query, emitted):
    handle(sqs_event(login(), "not json"), LambdaContext())
    query({"pathParameters": {"user_id": "u"}}, LambdaContext())
    objects = emitted().objects
    assert {found["service"] for found in objects} == {EVENT_HANDLER_SERVICE, QUERY_SERVICE}
    for found in objects:
        assert found["stack"] == "dev"
        [directive] = found["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "EventProcessing"
        assert [sorted(names) for names in directive["Dimensions"]] == [["service", "stack"]]


def test_a_log_line_has_the_fields_people_search_by(handle, emitted):
    handle(sqs_event("not json"), LambdaContext())
    line = emitted().logs[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["timestamp"])
    expected = {
        "level": "WARNING",
        "service": "event-handler",
        "stack": "dev",
        "version": "1.2.3",
        "message_id": "m-1",
        "receive_count": 1,
        "event_age_ms": 1500,
        "outcome": "invalid",
        "error_code": "body_not_json",
        "function_request_id": "request-1",
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
    }
    assert {name: line.get(name) for name in expected} == expected


def test_debug_lines_wait_for_an_error(new_telemetry, emitted):
    telemetry = new_telemetry("event-handler")

    @telemetry.entry_point
    def invocation(event, context):
        telemetry.logger.debug("detail")
        if event:
            telemetry.logger.error("trouble")

    invocation({}, LambdaContext())
    assert emitted().logs == []
    invocation({"trouble": True}, LambdaContext())
    assert [line["message"] for line in emitted().logs] == ["detail", "trouble"]


def test_one_invocation_s_keys_do_not_leak_into_the_next(new_telemetry, emitted):
    telemetry = new_telemetry("query")

    @telemetry.entry_point
    def invocation(event, context):
        if event:
            telemetry.logger.set_correlation_id("api-1")
        telemetry.logger.info("line")

    invocation({"correlated": True}, LambdaContext())
    invocation({}, LambdaContext())
    first, second = emitted().logs
    assert first["correlation_id"] == "api-1"
    assert "correlation_id" not in second
    assert second["stack"] == "dev"


def test_settings_name_everything_that_is_missing():
    with pytest.raises(SettingsError, match=r"missing or empty: TABLE_NAME, STACK\."):
        EventHandlerSettings.of(ENVIRONMENT | {"TABLE_NAME": "", "STACK": ""})
    with pytest.raises(SettingsError, match="VERSION"):
        QuerySettings.of({"TABLE_NAME": "t", "STACK": "dev"})


@pytest.mark.parametrize("count", ["0", "-1", "five", "1.5", "\u0665"])
def test_a_receive_count_is_a_whole_number(count):
    with pytest.raises(SettingsError, match="MAX_RECEIVE_COUNT"):
        EventHandlerSettings.of(ENVIRONMENT | {"MAX_RECEIVE_COUNT": count})


def test_the_entry_points_import_without_an_environment():
    code = "import handlers.event_handler, handlers.query, sys; assert 'moto' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PATH": os.environ["PATH"]}, check=True)


TRACED = """
import json, os, sys
import boto3
from moto import mock_aws
from tests.handlers.support import LambdaContext, login, sqs_event
with mock_aws():
    boto3.client("dynamodb").create_table(
        TableName="t", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
    )
    os.environ["DEAD_LETTER_QUEUE_URL"] = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "event-handler"
    from handlers import event_handler
    os.environ["_X_AMZN_TRACE_ID"] = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    event_handler.handler(sqs_event(login("canary"), login("canary2"), "canary"), LambdaContext())
"""


def test_writes_are_traced_under_write_and_nothing_is_named(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        environment = ENVIRONMENT | {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "LAMBDA_TASK_ROOT": str(tmp_path),
        }
        command = [sys.executable, "-W", "error", "-c", TRACED]
        finished = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        segments = []
        while not segments or segments[-1]["name"] != "## event-handler":
            segments.append(json.loads(daemon.recv(65536).split(b"\n", 1)[1]))
    by_id = {segment["id"]: segment for segment in segments}
    paths = sorted(
        (
            by_id.get(segment["parent_id"], {"name": "-"})["name"],
            segment.get("aws", {}).get("operation") or segment["name"],
        )
        for segment in segments
    )
    assert paths == [
        ("## event-handler", "decode"),
        ("## event-handler", "quarantine"),
        ("## event-handler", "read"),
        ("## event-handler", "write"),
        ("-", "## event-handler"),
        ("quarantine", "SendMessageBatch"),
        ("read", "BatchGetItem"),
        ("write", "UpdateItem"),
        ("write", "UpdateItem"),
    ]
    assert segments[-1]["annotations"] == {"stack": "dev", "batch_size": 3, "outcome": "success"}
    assert "canary" not in json.dumps(segments) + finished.stdout + finished.stderr
