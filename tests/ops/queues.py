"""The two queues of a stack on moto, dead letters of every kind, and the commands that run against them."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends
from typer.testing import CliRunner, Result

from ops.__main__ import app
from ops.stack import StackOutputs
from tests.fakes.events import TRACE
from tests.fakes.outputs import OUTPUTS

REGION = "eu-west-1"
# Shared, because loading its service models takes longer than most tests.
SESSION = boto3.Session()
ORIGIN = {"DataType": "String", "StringValue": "producer-1"}
SIGNATURE = {"DataType": "Binary", "BinaryValue": b"\x00\xff\x10"}


def login(user: str, timestamp: str = "2024-03-01T00:00:00Z") -> str:
    return json.dumps({"user_id": user, "service_id": "mail", "service_name": "Mail", "timestamp": timestamp})


def stamps(code: str, source_message_id: str) -> dict[str, Any]:
    values = {
        "error_code": code,
        "error_detail": f"The rule of {code}.",
        "source_message_id": source_message_id,
        "quarantined_at": "2024-03-01T00:00:01Z",
    }
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


class TwoQueues:
    """The source queue and its dead-letter queue, read inside moto, which counts as no receive."""

    def __init__(self, folder: Path) -> None:
        self.sqs = SESSION.client("sqs", REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
        self.letters_url = self.sqs.create_queue(QueueName="letters")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:letters"
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        self.source_url = self.sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy})["QueueUrl"]
        urls = {"queueUrl": self.source_url, "deadLetterQueueUrl": self.letters_url}
        credentials = {"region": REGION, "accessKeyId": "testing", "secretAccessKey": "testing"}
        self.outputs = folder / "outputs.json"
        self.outputs.write_text(json.dumps(OUTPUTS | urls | credentials))

    def bury(self, body: str, **attributes: Any) -> str:
        """Send a message to the dead-letter queue and return its ID."""
        header = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
        return self.sqs.send_message(
            QueueUrl=self.letters_url,
            MessageBody=body,
            MessageAttributes=attributes,
            MessageSystemAttributes=header,
        )["MessageId"]

    def bodies(self, name: str) -> list[str]:
        """Return the bodies of all messages of a queue, hidden ones included."""
        queue = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues[name]
        return [message.body for message in queue._messages]

    def visible_letters(self) -> int:
        queue = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues["letters"]
        return sum(message.visible for message in queue._messages)

    def run(self, *arguments: str, answers: str = "") -> Result:
        """Run a command of `dead-letters`."""
        command = ["dead-letters", *arguments, "--outputs", str(self.outputs)]
        return CliRunner().invoke(app, command, input=answers)


def assert_fails(result: Result, sentence: str) -> None:
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def answer_with(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> list[tuple[str, dict[str, Any]]]:
    """Replace operations of SQS by functions of the request and the real operation; return the recorded calls."""
    calls: list[tuple[str, dict[str, Any]]] = []
    make = StackOutputs.client

    def client(self: Any, service: str) -> Any:
        sqs = make(self, service)
        for name, answer in answers.items():
            real = getattr(sqs, name)

            def call(name: str = name, answer: Any = answer, real: Any = real, **request: Any) -> Any:
                calls.append((name, request))
                return answer(request, real)

            setattr(sqs, name, call)
        return sqs

    monkeypatch.setattr(StackOutputs, "client", client)
    return calls
