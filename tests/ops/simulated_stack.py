"""A simulated stack in AWS, on moto, and the operator's commands that run against it."""

import functools
import io
import json
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.awslambda.models import LambdaFunction
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends
from typer.testing import CliRunner, Result

from handlers.vocabulary import LIVE_ALIAS
from ops.__main__ import app
from ops.stack import StackOutputs, parse_outputs
from tests.fakes import events
from tests.fakes.events import TRACE
from tests.fakes.outputs import OUTPUTS, PREFIX, TOPICS, outputs_file

FOLDER = "/event-processing/dev"
CONFIGURATION = LambdaFunction.get_configuration
ORIGIN = {"DataType": "String", "StringValue": "producer-1"}
SIGNATURE = {"DataType": "Binary", "BinaryValue": b"\x00\xff\x10"}


def login(user: str, timestamp: str = "2024-03-01T00:00:00Z") -> str:
    return json.dumps(events.login(user, timestamp=timestamp))


def stamps(code: str, source_message_id: str) -> dict[str, Any]:
    values = {
        "error_code": code,
        "error_detail": f"The rule of {code}.",
        "source_message_id": source_message_id,
        "quarantined_at": "2024-03-01T00:00:01Z",
    }
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


class Stack:
    """The resources that OUTPUTS describe: the queues from the start, the others after `deploy`.

    Messages are read inside moto, which counts as no receive.
    """

    def __init__(self, folder: Path) -> None:
        self.outputs = parse_outputs(json.dumps(OUTPUTS), "the simulated stack")
        self.file = outputs_file(folder)
        self.client = functools.cache(boto3.client)
        self.sqs = self.client("sqs")
        self.sqs.create_queue(QueueName=f"{PREFIX}-dead-letters")
        arn = f"arn:aws:sqs:eu-west-1:{DEFAULT_ACCOUNT_ID}:{PREFIX}-dead-letters"
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        self.sqs.create_queue(QueueName=f"{PREFIX}-events", Attributes={"RedrivePolicy": policy})

    def deploy(self) -> "Stack":
        """Create topics with a pager, log groups, functions and the consumer: everything that a sound stack has."""
        for arn in self.outputs.alarm_topics.values():
            self.client("sns").create_topic(Name=arn.removeprefix(f"{TOPICS}:"))
        role = self.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument='{"Statement": []}')["Role"]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handlers.py", "")
        for name in (*self.outputs.all_functions, "api-access"):
            self.client("logs").create_log_group(logGroupName=f"{FOLDER}/{name}")
            self.client("logs").create_log_stream(logGroupName=f"{FOLDER}/{name}", logStreamName="stream")
        for name in self.outputs.all_functions.values():
            self.client("lambda").create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role=role["Arn"],
                Handler="handlers.handler",
                Code={"ZipFile": archive.getvalue()},
                Environment={"Variables": {"VERSION": "1a2b3c4d5e6f", "RELEASE": "0f1e2d3c4b5a"}},
                Publish=True,
            )
            self.client("lambda").create_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion="1")
        self.subscribe("p1", "https", "https://pager.example.com/KEY")
        self.consume()
        return self

    def subscribe(self, severity: str, protocol: str, endpoint: str) -> None:
        topic = self.outputs.alarm_topics[severity]
        self.client("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)

    def consume(self) -> None:
        """Create the event source mapping. moto would run a container for every message, so the queue forgets it."""
        queue = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].queues[f"{PREFIX}-events"]
        function = f"{self.outputs.functions['event-handler']}:{LIVE_ALIAS}"
        mapping = self.client("lambda").create_event_source_mapping(
            EventSourceArn=queue.queue_arn, FunctionName=function, ScalingConfig={"MaximumConcurrency": 2}
        )
        queue.lambda_event_source_mappings.clear()
        self.mapping_id = mapping["UUID"]

    def run(self, *arguments: str, answers: str = "") -> Result:
        """Run a command against this stack."""
        return CliRunner().invoke(app, [*arguments, "--outputs", str(self.file)], input=answers)

    def redrive(self, *arguments: str, answers: str = "") -> Result:
        return self.run("dead-letters", "redrive", *arguments, answers=answers)

    def bury(self, body: str, **attributes: Any) -> str:
        """Send a message to the dead-letter queue and return its ID."""
        return self.sqs.send_message(
            QueueUrl=self.outputs.dead_letter_queue_url,
            MessageBody=body,
            MessageAttributes=attributes,
            MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
        )["MessageId"]

    def messages(self, queue: str) -> list[Any]:
        """Return all messages of `events` or `dead-letters`, hidden ones included."""
        return sqs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].queues[f"{PREFIX}-{queue}"]._messages

    def bodies(self, queue: str) -> list[str]:
        return [message.body for message in self.messages(queue)]

    def visible_letters(self) -> int:
        return sum(message.visible for message in self.messages("dead-letters"))

    def log(self, group: str, milliseconds: int, line: dict[str, Any] | str) -> None:
        self.client("logs").put_log_events(
            logGroupName=f"{FOLDER}/{group}",
            logStreamName="stream",
            logEvents=[{"timestamp": milliseconds, "message": line if isinstance(line, str) else json.dumps(line)}],
        )

    def alarm(
        self, alarm_id: str, severity: str | None, state: str, *, prefix: str = PREFIX, consumer: str = ""
    ) -> None:
        """Create an alarm as the program does, in a state; with `consumer`, that of another consumer."""
        cloudwatch = self.client("cloudwatch")
        name = f"{prefix}-{consumer}-{alarm_id}" if consumer else f"{prefix}-{alarm_id}"
        about = f"Consumer {consumer}: " if consumer else ""
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=f"{about}It means this. | First: look | Runbook: https://example.com/runbook.md#{alarm_id}"
            "\n\nThen: look there.\nBoard: https://board",
            AlarmActions=[self.outputs.alarm_topics[severity]] if severity else [],
            MetricName="Metric",
            Namespace="Namespace",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="Because the test says so.")


def with_log_group(self: LambdaFunction, *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """Return the configuration with the log group, which moto does not keep."""
    role = self.function_name.removeprefix(f"{PREFIX}-")
    return CONFIGURATION(self, *arguments, **keywords) | {"LoggingConfig": {"LogGroup": f"{FOLDER}/{role}"}}


def assert_fails(result: Result, sentence: str) -> None:
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def answer_with(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> list[tuple[str, dict[str, Any]]]:
    """Replace operations of clients by functions of the request and the real operation; return the recorded calls."""
    calls: list[tuple[str, dict[str, Any]]] = []
    make = StackOutputs.client

    class Answering:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            real = getattr(self._client, name)
            if name not in answers:
                return real

            def call(**request: Any) -> Any:
                calls.append((name, request))
                return answers[name](request, real)

            return call

    monkeypatch.setattr(StackOutputs, "client", lambda outputs, service: Answering(make(outputs, service)))
    return calls


def accept_none(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, send_message_batch=lambda request, real: {"Failed": []})


def lines(path: str | Path) -> list[str]:
    return Path(path).read_text().splitlines()


@contextmanager
def small_files() -> Iterator[None]:
    """Limit files to 1000 bytes, as on a disk that is full; pytest's own output too, so only while a command runs."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
