"""Requests and messages of the whole program become joined traces, which boto3 reads."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from localcloud.cloud import LocalCloud
from localcloud.emulator.process import Emulator
from localcloud.observatory.traces.headers import TraceHeader, new_span_id, new_trace_id
from tests.fakes import metering
from tests.fakes.events import login
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.localcloud.provided import TRUST

pytestmark = pytest.mark.e2e
STAGE, LAMBDA, FUNCTION = "AWS::ApiGateway::Stage", "AWS::Lambda", "AWS::Lambda::Function"
TABLE, QUEUE = "AWS::DynamoDB::Table", "AWS::SQS::Queue"
PREFIX = "event-processing-dev-"
USER = "quetzal7f3a-user"
CODE = """
import os
def handler(event, context):
    if event.get("fail"):
        raise KeyError("a secret value")
    return os.environ.get("_X_AMZN_TRACE_ID")
"""


def header(*, sampled: bool = True) -> TraceHeader:
    """Of a client that begins a trace."""
    now = datetime.now(UTC).timestamp()
    return TraceHeader(root=new_trace_id(now), parent=new_span_id(), sampled=sampled)


def span(cloud: LocalCloud | Emulator) -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(hours=3), "EndTime": now + timedelta(hours=3)}


def documents(cloud: LocalCloud | Emulator, trace_id: str) -> dict[str, dict[str, Any]]:
    """The segments of a trace by their type."""
    found = cloud.client("xray").batch_get_traces(TraceIds=[trace_id])["Traces"]
    segments = [json.loads(segment["Document"]) for trace in found for segment in trace["Segments"]]
    return {segment["origin"]: segment for segment in segments}


def complete(cloud: LocalCloud | Emulator, trace_id: str, *origins: str) -> dict[str, dict[str, Any]]:
    """The segments, once each has arrived: a function's own come over UDP."""
    return eventually(lambda: documents(cloud, trace_id), lambda found: set(origins) <= set(found))


def ask(cloud: LocalCloud, sent: TraceHeader | None, *, authorized: bool = True) -> int:
    """Ask the API for a user; return the status."""
    headers = {"X-Amzn-Trace-Id": str(sent)} if sent else {}
    if authorized:
        credentials = min(cloud.outputs["apiClients"].items())[1]
        token = requests.post(
            cloud.outputs["tokenUrl"],
            auth=(credentials["clientId"], credentials["clientSecret"]),
            data={"grant_type": "client_credentials", "scope": cloud.outputs["apiScope"]},
            timeout=HANG_SECONDS,
        ).json()["access_token"]
        headers["Authorization"] = f"Bearer {token}"
    address = f"{cloud.outputs['apiUrl']}/users/{USER}/services"
    return requests.get(address, headers=headers, timeout=HANG_SECONDS).status_code


def send(cloud: LocalCloud, body: str, sent: TraceHeader) -> str:
    attribute = {"AWSTraceHeader": {"DataType": "String", "StringValue": str(sent)}}
    queue = cloud.outputs["queueUrl"]
    return cloud.client("sqs").send_message(QueueUrl=queue, MessageBody=body, MessageSystemAttributes=attribute)[
        "MessageId"
    ]


def handled(cloud: LocalCloud, sent: TraceHeader, last: str) -> dict[str, dict[str, Any]]:
    """The segments of the trace whose batch had the message with this header."""

    def linked() -> list[str]:
        expression = f'service("{PREFIX}event-handler")'
        found = cloud.client("xray").get_trace_summaries(**span(cloud), FilterExpression=expression)["TraceSummaries"]
        traces = {summary["Id"]: documents(cloud, summary["Id"]) for summary in found}
        return [
            trace_id
            for trace_id, segments in traces.items()
            if any(link["trace_id"] == sent.root for link in segments[LAMBDA].get("links", ()))
        ]

    [trace_id] = eventually(linked)
    return complete(cloud, trace_id, LAMBDA, FUNCTION, last)


def nested(segment: dict[str, Any]) -> list[str]:
    """The names of everything in a segment, from the outside in."""
    return [name for part in segment.get("subsegments", ()) for name in (part["name"], *nested(part))]


def lines(cloud: LocalCloud, text: str) -> list[str]:
    """The log lines that contain a text."""
    logs = cloud.client("logs")
    return [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        if text in event["message"]
    ]


# The whole program


def test_request_is_one_trace_from_the_api_to_the_table(blind_cloud: LocalCloud):
    sent = header()
    assert ask(blind_cloud, sent) == 200
    found = complete(blind_cloud, sent.root, STAGE, LAMBDA, FUNCTION, TABLE)
    assert found[STAGE]["parent_id"] == sent.parent
    [call] = found[STAGE]["subsegments"]
    assert found[LAMBDA]["parent_id"] == call["id"]
    assert found[FUNCTION]["parent_id"] == found[LAMBDA]["id"]
    assert nested(found[FUNCTION])[-3:] == ["Invocation", "## query", "dynamodb"]
    assert found[TABLE]["aws"]["operation"] == "GetItem"
    assert found[STAGE]["start_time"] <= found[LAMBDA]["start_time"] <= found[TABLE]["start_time"]
    assert found[TABLE]["end_time"] <= found[FUNCTION]["end_time"] <= found[STAGE]["end_time"] + 0.01
    # The stage's access log leads to it; a query that succeeds logs nothing else.
    eventually(lambda: lines(blind_cloud, sent.root))
    # API Gateway's segment on AWS is the one place that has the user ID; here, none has.
    assert USER not in json.dumps(found)


def test_request_that_its_client_does_not_sample_is_not_traced(blind_cloud: LocalCloud):
    sent, sampled = header(sampled=False), header()
    assert [ask(blind_cloud, sent), ask(blind_cloud, sampled)] == [200, 200]
    complete(blind_cloud, sampled.root, STAGE, FUNCTION, TABLE)
    assert documents(blind_cloud, sent.root) == {}
    assert eventually(lambda: lines(blind_cloud, sent.root))


def test_rejected_request_is_found_by_the_filter_of_the_group(blind_cloud: LocalCloud):
    rejected, served = header(), header()
    assert ask(blind_cloud, rejected, authorized=False) == 401
    assert ask(blind_cloud, served) == 200
    xray = blind_cloud.client("xray")
    [group] = xray.get_groups()["Groups"]
    assert [r["SamplingRule"]["RuleName"] for r in xray.get_sampling_rules()["SamplingRuleRecords"]] == [
        group["GroupName"],
        "Default",
    ]
    pages = xray.get_paginator("get_trace_summaries").paginate(
        **span(blind_cloud), FilterExpression=group["FilterExpression"]
    )
    summaries = {summary["Id"]: summary for page in pages for summary in page["TraceSummaries"]}
    assert summaries[rejected.root]["HasError"]
    assert summaries.get(served.root, {"ResponseTime": 9})["ResponseTime"] > 1
    graph = xray.get_service_graph(**span(blind_cloud), GroupName=group["GroupName"])
    assert (f"{PREFIX}api/v1", STAGE) in {(service["Name"], service["Type"]) for service in graph["Services"]}
    with pytest.raises(ClientError, match="InvalidRequestException"):
        xray.get_trace_summaries(**span(blind_cloud), FilterExpression="rootcause.fault")


def test_batch_is_a_trace_of_its_own_that_is_linked_to_its_messages(blind_cloud: LocalCloud):
    sent = header()
    send(blind_cloud, json.dumps(login(USER, "mail", "Mail", "2026-01-01T00:00:00Z")), sent)
    found = handled(blind_cloud, sent, TABLE)
    assert found[LAMBDA]["trace_id"] != sent.root
    [link] = [link for link in found[LAMBDA]["links"] if link["trace_id"] == sent.root]
    assert link["id"] == sent.parent
    names = nested(found[FUNCTION])
    assert {"Invocation", "## event-handler", "decode", "read", "write", "dynamodb"} <= set(names)
    eventually(lambda: lines(blind_cloud, found[LAMBDA]["trace_id"]))
    assert USER not in json.dumps(found)


def test_quarantined_message_takes_its_trace_to_the_dead_letters(blind_cloud: LocalCloud):
    sent, sqs = header(), blind_cloud.client("sqs")
    send(blind_cloud, json.dumps({"user_id": USER}), sent)
    found = handled(blind_cloud, sent, QUEUE)
    assert found[QUEUE]["aws"]["operation"] == "SendMessageBatch"
    received = sqs.receive_message(
        QueueUrl=blind_cloud.outputs["deadLetterQueueUrl"],
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageSystemAttributeNames=["AWSTraceHeader"],
    )["Messages"]
    assert str(sent) in {message["Attributes"].get("AWSTraceHeader") for message in received}
    assert USER not in json.dumps(found)


def traces_with(cloud: LocalCloud, text: str) -> list[str]:
    """The IDs of the kept traces that have a text anywhere."""
    pages = cloud.client("xray").get_paginator("get_trace_summaries").paginate(**span(cloud))
    ids = [summary["Id"] for page in pages for summary in page["TraceSummaries"]]
    return [trace_id for trace_id in ids if text in json.dumps(documents(cloud, trace_id))]


def test_no_trace_has_a_user_id(blind_cloud: LocalCloud):
    """The requests and events of this file, and whatever else ran here. On AWS, the stage's segment has it."""
    sent = header()
    assert ask(blind_cloud, sent) == 200
    complete(blind_cloud, sent.root, STAGE, FUNCTION, TABLE)
    assert traces_with(blind_cloud, USER) == []
    # The control: what a trace has is found.
    assert sent.root in traces_with(blind_cloud, "/users/{user_id}/services")


# Lambda and SQS alone


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator.start() as emulator:
        yield emulator


def make_function(emulator: Emulator, name: str, mode: str = "Active") -> Any:
    """A function that returns its trace header, or fails; return what invokes it with a header."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as code:
        code.writestr("code.py", CODE)
    with suppress(ClientError):
        emulator.client("iam").create_role(RoleName="own", AssumeRolePolicyDocument=TRUST)
    client = metering.without_retries(emulator, "lambda")  # a throttled invocation would take seconds
    client.create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::{emulator.account_id}:role/own",
        Runtime="python3.13",
        Handler="code.handler",
        Code={"ZipFile": content.getvalue()},
        TracingConfig={"Mode": mode},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})

    def invoke(sent: TraceHeader | None, payload: str = "{}") -> Any:
        with sending(client, "lambda.Invoke", sent):
            return json.loads(client.invoke(FunctionName=name, Payload=payload)["Payload"].read())

    return invoke


@contextmanager
def sending(client: Any, operation: str, sent: TraceHeader | None) -> Iterator[None]:
    """Send a trace header with each request, as an SDK does that traces."""

    def add(params: dict[str, Any], **_: Any) -> None:
        if sent:
            params["headers"]["X-Amzn-Trace-Id"] = str(sent)

    client.meta.events.register(f"before-call.{operation}", add)
    try:
        yield
    finally:
        client.meta.events.unregister(f"before-call.{operation}", add)


def test_first_invocation_shows_the_start_and_the_second_none(emulator: Emulator):
    invoke, first, second = make_function(emulator, "starter"), header(), header()
    given = [TraceHeader.parse(invoke(sent)) for sent in (first, second)]
    for sent, seen, names in zip(
        (first, second), given, (["Initialization", "Invocation"], ["Invocation"]), strict=True
    ):
        found = complete(emulator, sent.root, LAMBDA, FUNCTION)
        assert nested(found[FUNCTION]) == names
        assert found[LAMBDA]["parent_id"] == sent.parent
        assert seen
        assert (seen.root, seen.sampled) == (sent.root, True)
        assert seen.parent == found[FUNCTION]["subsegments"][-1]["id"]
    start, invocation = complete(emulator, first.root, FUNCTION)[FUNCTION]["subsegments"]
    assert start["start_time"] < start["end_time"] <= invocation["start_time"] + 0.001


def test_failure_is_a_fault_with_its_class_and_without_its_text(emulator: Emulator):
    invoke, sent = make_function(emulator, "failing"), header()
    assert "a secret value" in invoke(sent, '{"fail": true}')["errorMessage"]
    found = complete(emulator, sent.root, LAMBDA, FUNCTION)
    assert found[LAMBDA]["fault"]
    assert found[FUNCTION]["fault"]
    assert found[FUNCTION]["cause"]["exceptions"][0]["type"]
    assert "secret" not in json.dumps(found)


def test_throttled_invocation_is_an_error_of_lambda_alone(emulator: Emulator):
    invoke, sent, client = make_function(emulator, "throttled"), header(), emulator.client("lambda")
    client.put_function_concurrency(FunctionName="throttled", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        invoke(sent)
    found = complete(emulator, sent.root, LAMBDA)
    assert (found[LAMBDA]["throttle"], found[LAMBDA]["error"], FUNCTION in found) == (True, True, False)


def test_function_without_active_tracing_passes_the_header_on(emulator: Emulator):
    invoke, sent = make_function(emulator, "passing", "PassThrough"), header()
    assert invoke(sent) == str(sent)
    assert invoke(None) is None
    assert documents(emulator, sent.root) == {}


def carried(emulator: Emulator, sent: TraceHeader, **message: Any) -> str | None:
    """The trace header of a message that was sent with a request with that header."""
    sqs = emulator.client("sqs")
    queue = sqs.create_queue(QueueName=f"queue-{new_span_id()}")["QueueUrl"]
    with sending(sqs, "sqs.SendMessageBatch", sent):
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "body", **message}])
    [received] = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=["AWSTraceHeader"])["Messages"]
    return received.get("Attributes", {}).get("AWSTraceHeader")


def test_message_carries_the_header_of_its_request_unless_it_has_its_own(emulator: Emulator):
    sent, own = header(), header(sampled=False)
    assert carried(emulator, sent) == str(sent)
    attribute = {"AWSTraceHeader": {"DataType": "String", "StringValue": str(own)}}
    assert carried(emulator, sent, MessageSystemAttributes=attribute) == str(own)


def test_unplugged_seams_are_noticed():
    """The control."""
    with Emulator.start(options=["--unplugged=trace_messages"]) as emulator:
        assert carried(emulator, header()) is None
    with Emulator.start(options=["--unplugged=trace_invocations"]) as emulator:
        sent = header()
        assert TraceHeader.parse(make_function(emulator, "own")(sent)) != sent
        assert documents(emulator, sent.root) == {}


@pytest.mark.soak
def test_unplugged_stage_is_noticed(checkout: Path):
    """The control."""
    with metering.start(checkout, "--unplugged=trace_requests") as cloud:
        sent = header()
        assert ask(cloud, sent) == 200
        assert documents(cloud, sent.root) == {}
