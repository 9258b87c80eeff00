"""A look at a queue or table of the emulator is no action on it; and what a look sees is what AWS's own API returns."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from localcloud.emulator.process import Emulator
from tests.fakes.aws import create_table
from tests.fakes.metering import counted
from tests.fakes.waiting import HANG_SECONDS

ACCOUNT = "123456789012"
SOURCE = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}


class Looked:
    """An emulator with two queues and a table, and its console."""

    def __init__(self, emulator: Emulator) -> None:
        self.sqs, self.dynamodb = emulator.client("sqs"), emulator.client("dynamodb")
        self._logs, self._cloudwatch = emulator.client("logs"), emulator.client("cloudwatch")
        self._console = f"{emulator.endpoint}/_console"
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:dead", "maxReceiveCount": 2}
        self.events = self.sqs.create_queue(QueueName="events", Attributes={"RedrivePolicy": json.dumps(policy)})[
            "QueueUrl"
        ]
        create_table(self.dynamodb, "users")
        self._logs.create_log_group(logGroupName="handler")
        self._logs.create_log_stream(logGroupName="handler", logStreamName="s")

    def look(self, path: str, **query: str) -> Any:
        response = requests.get(f"{self._console}/{path}", params=query, timeout=HANG_SECONDS)
        assert response.status_code == 200, response.text
        return response.json()

    def messages(self, queue: str = "events") -> list[dict[str, Any]]:
        return self.look("queue", name=queue)["messages"]

    def log(self, *lines: str) -> None:
        at = int(datetime.now(UTC).timestamp() * 1000)
        events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
        self._logs.put_log_events(logGroupName="handler", logStreamName="s", logEvents=events)

    def received(self) -> float:
        return counted(self._cloudwatch, "AWS/SQS", "NumberOfMessagesReceived", QueueName="events")

    def read(self) -> float:
        return counted(self._cloudwatch, "AWS/DynamoDB", "ConsumedReadCapacityUnits", TableName="users")


@pytest.fixture(scope="module")
def looked() -> Iterator[Looked]:
    with Emulator.start() as emulator:
        yield Looked(emulator)


@pytest.fixture
def sent(looked: Looked) -> Iterator[str]:
    """The ID of a message in the queue."""
    attribute = {"origin": {"DataType": "String", "StringValue": "idp"}}
    yield looked.sqs.send_message(QueueUrl=looked.events, MessageBody="hello", MessageAttributes=attribute)["MessageId"]
    for queue in (looked.events, looked.dead):
        looked.sqs.purge_queue(QueueUrl=queue)


def receive(looked: Looked, seconds: int = 0) -> dict[str, Any]:
    [message] = looked.sqs.receive_message(QueueUrl=looked.events, VisibilityTimeout=seconds, **SOURCE)["Messages"]
    return message


def test_look_is_no_receive(looked: Looked, sent: str):
    before = looked.received()
    looked.look("queues")
    looked.messages()
    assert looked.look("queue-message", name="events", id=sent)["body"] == "hello"
    [seen] = looked.messages()
    assert (seen["id"], seen["place"], seen["receives"]) == (sent, "waiting", 0)
    assert looked.received() == before
    received = receive(looked)
    assert (received["MessageId"], received["Attributes"]["ApproximateReceiveCount"]) == (sent, "1")
    assert seen["system"]["SentTimestamp"] == received["Attributes"]["SentTimestamp"]
    # The control: a receive moves what a look does not.
    assert looked.received() == before + 1
    assert looked.messages()[0]["receives"] == 1


def test_message_is_in_flight_until_it_is_visible_again_and_delayed_before(looked: Looked, sent: str):
    looked.sqs.send_message(QueueUrl=looked.events, MessageBody="later", DelaySeconds=900)
    handle = receive(looked, 600)["ReceiptHandle"]
    assert [message["place"] for message in looked.messages()] == ["in flight", "delayed"]
    [events] = [queue for queue in looked.look("queues")["queues"] if queue["name"] == "events"]
    assert (events["waiting"], events["inFlight"], events["delayed"]) == (0, 1, 1)
    looked.sqs.change_message_visibility(QueueUrl=looked.events, ReceiptHandle=handle, VisibilityTimeout=0)
    assert looked.messages()[0]["place"] == "waiting"
    assert sent == looked.messages()[0]["id"]


def test_message_that_was_given_up_shows_its_last_failure(looked: Looked, sent: str):
    for _ in range(2):
        receive(looked)
    assert not looked.sqs.receive_message(QueueUrl=looked.events).get("Messages")
    failed = {"message_id": sent, "outcome": "failed", "error_code": "write_failed"}
    looked.log(
        json.dumps(failed),
        json.dumps(failed | {"outcome": "exhausted", "error_code": "throttled"}),
        json.dumps(failed | {"outcome": "persisted", "error_code": "none"}),
        json.dumps(failed | {"message_id": "another"}),
        f'{{"message_id": "{sent}"',
        '{"message_id": []}',
    )
    [letter] = looked.messages("dead")
    assert (letter["id"], letter["reason"], letter["detail"]) == (sent, "gave-up", "last failure: throttled")
    assert letter["failedAt"].startswith(datetime.now(UTC).strftime("%Y-"))


def test_look_at_the_table_is_no_request(looked: Looked):
    services = {"L": [{"M": {"service_id": {"S": "mail"}, "count": {"N": "1"}}}, {"SS": ["a"]}, {"BOOL": True}]}
    looked.dynamodb.put_item(TableName="users", Item={"user_id": {"S": "ada"}, "services": services})
    before = looked.read()
    for query in ({}, {"key": "ada"}, {"after": "a"}):
        [seen] = looked.look("items", **query)["items"]
        shown = [{"service_id": "mail", "count": "1"}, ["a"], True]
        assert seen["attributes"] == {"user_id": "ada", "services": shown}
    assert looked.read() == before
    # The control: a request moves what a look does not.
    looked.dynamodb.get_item(TableName="users", Key={"user_id": {"S": "ada"}})
    assert looked.read() > before
    looked.dynamodb.delete_item(TableName="users", Key={"user_id": {"S": "ada"}})
    assert looked.look("items")["items"] == []
