"""The behaviour of SQS that quarantine relies on, checked on every stand-in for it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from handlers.clients import make_client
from localcloud.emulator.process import Emulator
from tests.fakes.aws import messages_in, session
from tests.fakes.events import TRACE
from tests.fakes.queue import QueueModel

MEBIBYTE = 1024 * 1024
PREFIX = "AWS.SimpleQueueService."


def real_queue(client: Any) -> SimpleNamespace:
    url = client.create_queue(QueueName="dead-letters", Attributes={"MaximumMessageSize": str(MEBIBYTE)})["QueueUrl"]

    def everything() -> list[tuple[str, dict[str, Any], str | None]]:
        return [
            (message["Body"], message.get("MessageAttributes", {}), message["Attributes"].get("AWSTraceHeader"))
            for message in messages_in(client, url)
        ]

    return SimpleNamespace(
        send=lambda entries: client.send_message_batch(QueueUrl=url, Entries=entries), all=everything
    )


@pytest.fixture
def model_queue() -> SimpleNamespace:
    queue = QueueModel("https://sqs/dead-letters")
    return SimpleNamespace(
        send=lambda entries: queue.send_message_batch(QueueUrl=queue.url, Entries=entries),
        all=lambda: [(sent.body, sent.attributes, sent.trace_header) for sent in queue.messages()],
    )


@pytest.fixture
def moto_queue() -> Iterator[SimpleNamespace]:
    with mock_aws():
        yield real_queue(make_client(cast("Any", session()._session), "sqs", read_timeout_seconds=2))


@pytest.fixture
def cloud_queue(emulator: Emulator) -> Iterator[SimpleNamespace]:
    client = emulator.client("sqs")
    yield real_queue(client)
    client.delete_queue(QueueUrl=client.get_queue_url(QueueName="dead-letters")["QueueUrl"])


@pytest.fixture
def queue(request: pytest.FixtureRequest, stand_in: str) -> SimpleNamespace:
    """An empty queue: a function that sends to it, and a function that returns everything in it."""
    return request.getfixturevalue(f"{stand_in}_queue")


def entry(number: int, body: str = "body", **more: Any) -> dict[str, Any]:
    return {"Id": str(number), "MessageBody": body, **more}


def text(value: str) -> dict[str, Any]:
    return {"DataType": "String", "StringValue": value}


def test_message_arrives_unchanged(queue: SimpleNamespace):
    body = '{ "a" :\t"\\u0000 \u00e9 \U0001f469\u2028"}\r\n '
    attributes = {
        "text": text("t\u00e9xt\n"),
        "number": {"DataType": "Number.price", "StringValue": "1.50"},
        "bytes": {"DataType": "Binary.raw", "BinaryValue": bytes(range(256))},
    }
    response = queue.send([entry(0, body, MessageAttributes=attributes)])
    assert [result["Id"] for result in response["Successful"]] == ["0"]
    assert not response.get("Failed")
    assert queue.all() == [(body, attributes, None)]


@pytest.mark.differs(moto="it forgets it in batches")
def test_trace_arrives_with_its_message(queue: SimpleNamespace):
    queue.send([entry(0, MessageSystemAttributes={"AWSTraceHeader": text(TRACE)})])
    assert queue.all() == [("body", {}, TRACE)]


def test_batch_can_hold_ten_messages(queue: SimpleNamespace):
    response = queue.send([entry(i, f"body {i}") for i in range(10)])
    assert {result["Id"] for result in response["Successful"]} == {str(i) for i in range(10)}
    assert sorted(body for body, _, _ in queue.all()) == [f"body {i}" for i in range(10)]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([entry(i) for i in range(11)], "TooManyEntriesInBatchRequest"),
        ([entry(0), entry(0)], "BatchEntryIdsNotDistinct"),
        ([entry(i, "x" * (MEBIBYTE // 2 + 1)) for i in range(2)], "BatchRequestTooLong"),
    ],
    ids=["empty", "too many", "twice", "too long"],
)
def test_invalid_batch_is_rejected_as_a_whole(queue: SimpleNamespace, entries: list[Any], code: str):
    with pytest.raises(ClientError) as refused:
        queue.send(entries)
    assert refused.value.response.get("Error", {}).get("Code", "").removeprefix(PREFIX) == code
    assert queue.all() == []


def test_batch_of_exactly_one_mebibyte_is_accepted(queue: SimpleNamespace):
    assert len(queue.send([entry(i, "x" * (MEBIBYTE // 2)) for i in range(2)])["Successful"]) == 2


@pytest.mark.differs(moto="it takes any character")
def test_invalid_entry_is_rejected_alone(queue: SimpleNamespace):
    response = queue.send([entry(0), entry(1, "control \u0001 character"), entry(2)])
    assert [result["Id"] for result in response["Failed"]] == ["1"]
    assert {result["Id"] for result in response["Successful"]} == {"0", "2"}
    assert len(queue.all()) == 2
