"""A simulated stack in AWS for the operator's commands: functions, log groups, queues, topics and alarms."""

import io
import json
import zipfile
from typing import Any

import boto3
from moto.awslambda.models import LambdaFunction

from ops.stack import StackOutputs, parse_outputs
from tests.fakes.outputs import OUTPUTS

REGION = "eu-west-1"
PREFIX = "event-processing-dev"
FOLDER = "/event-processing/dev"
ROLES = ("event-handler", "query")
CONFIGURATION = LambdaFunction.get_configuration


class SimulatedStack:
    """The resources that `outputs` describe, with methods to change their state."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self.queues = {
            name: self.client("sqs").create_queue(QueueName=f"{PREFIX}-{name}")["QueueUrl"]
            for name in ("events", "events-dead-letters")
        }
        self.topics = {
            severity: self.client("sns").create_topic(Name=f"{PREFIX}-alerts-{severity}")["TopicArn"]
            for severity in ("p1", "p2", "p3")
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = self.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handlers.py", "")
        for name in (*ROLES, "api-access"):
            self.client("logs").create_log_group(logGroupName=f"{FOLDER}/{name}")
            self.client("logs").create_log_stream(logGroupName=f"{FOLDER}/{name}", logStreamName="stream")
        for name in ROLES:
            self.client("lambda").create_function(
                FunctionName=f"{PREFIX}-{name}",
                Runtime="python3.13",
                Role=role,
                Handler="handlers.handler",
                Code={"ZipFile": archive.getvalue()},
                Environment={"Variables": {"VERSION": "1a2b3c4d5e6f"}},
            )

    @property
    def outputs(self) -> StackOutputs:
        return parse_outputs(json.dumps(self.raw_outputs), "the simulated stack")

    @property
    def raw_outputs(self) -> dict[str, Any]:
        queues = {"queueUrl": self.queues["events"], "deadLetterQueueUrl": self.queues["events-dead-letters"]}
        return OUTPUTS | queues | {"alarmTopics": self.topics}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=REGION)
        return self._clients[service]

    def log(self, group: str, milliseconds: int, line: dict[str, Any] | str) -> None:
        self.client("logs").put_log_events(
            logGroupName=f"{FOLDER}/{group}",
            logStreamName="stream",
            logEvents=[{"timestamp": milliseconds, "message": line if isinstance(line, str) else json.dumps(line)}],
        )

    def alarm(self, alarm_id: str, severity: str | None, state: str, *, prefix: str = PREFIX) -> None:
        """Create an alarm as the program does, in a state."""
        cloudwatch, name = self.client("cloudwatch"), f"{prefix}-{alarm_id}"
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=f"It means this.\n\nFirst: look.\n\nRunbook: https://example.com/runbook.md#{alarm_id}",
            AlarmActions=[self.topics[severity]] if severity else [],
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
