"""The state of a stack is read from its own resources, and from those of no other stack."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from handlers.vocabulary import LIVE_ALIAS
from ops.stack import StackOutputs
from ops.status import Status, read_status
from tests.fakes.outputs import PREFIX
from tests.ops.simulated_stack import Stack


def read(outputs: StackOutputs) -> Status:
    now = datetime.now(UTC)
    return read_status(outputs, now, now - timedelta(hours=1), most_errors=2)


def test_alarm_has_the_severity_of_its_topic_and_the_most_urgent_comes_first(stack: Stack):
    alarms = {
        "api-4xx": ("p3", "ALARM"),
        "dlq-not-empty": ("p2", "OK"),
        "consumer-errors": ("p2", "ALARM"),
        "ingest-down": ("p1", "ALARM"),
        "queue-age": (None, "ALARM"),
    }
    for alarm_id, (severity, state) in alarms.items():
        stack.alarm(alarm_id, severity, state)
    found = read(stack.outputs)
    assert {alarm.id: (alarm.severity, alarm.state) for alarm in found.alarms} == alarms
    assert [alarm.id for alarm in found.firing] == ["ingest-down", "consumer-errors", "api-4xx"]
    assert found.firing[0].runbook == "https://example.com/runbook.md#ingest-down"


def test_alarms_of_a_stack_with_a_longer_name_are_excluded(stack: Stack):
    stack.alarm("ingest-down", "p1", "ALARM", prefix=f"{PREFIX}-2")
    assert read(stack.outputs).alarms == ()


def test_oldest_age_is_from_cloudwatch_or_unknown(stack: Stack):
    stack.sqs.send_message(QueueUrl=stack.outputs.queue_url, MessageBody="body")
    now = datetime.now(UTC)
    for minutes, age in ((10, 60), (4, 420)):
        datum = {
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": f"{PREFIX}-events"}],
            "Timestamp": now - timedelta(minutes=minutes),
            "Value": age,
        }
        stack.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[datum])
    events, dead_letters = read(stack.outputs).queues
    assert (events.waiting, events.oldest_seconds) == (1, 420)
    assert (dead_letters.waiting, dead_letters.oldest_seconds) == (0, None)


def test_last_errors_are_shown_newest_last(stack: Stack):
    now = int(time.time() * 1000)
    for number in range(4):
        stack.log("query", now + number, {"level": "ERROR", "message": f"error {number}"})
    stack.log("query", now + 9, {"level": "INFO", "message": "fine"})
    assert [line.fields["message"] for line in read(stack.outputs).last_errors] == ["error 2", "error 3"]


def test_functions_show_the_version_of_their_artifact_or_unknown(stack: Stack):
    functions, name = stack.client("lambda"), f"{PREFIX}-query"
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {}})
    assert [function.version for function in read(stack.outputs).functions] == ["1a2b3c4d5e6f"] * 2
    assert read(stack.outputs).release == "Release 0f1e2d3c4b5a is live."
    functions.publish_version(FunctionName=name)
    functions.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion="2")
    found = read(stack.outputs)
    assert [(function.role, function.version) for function in found.functions] == [
        ("event-handler", "1a2b3c4d5e6f"),
        ("query", "unknown"),
    ]
    assert "The alias of query names version 2, which is part of no release" in found.release


def test_stack_without_aliases_has_a_state_too(stack: Stack):
    for name in stack.outputs.functions.values():
        stack.client("lambda").delete_alias(FunctionName=name, Name=LIVE_ALIAS)
    found = read(stack.outputs)
    assert {function.version for function in found.functions} == {"unknown"}
    assert "has no alias live" in found.release


def test_status_omits_addresses_and_pager_url(stack: Stack):
    sns = stack.client("sns")
    sns.subscribe(TopicArn=stack.outputs.alarm_topics["p1"], Protocol="https", Endpoint="https://pager.example.com/KEY")
    sns.subscribe(TopicArn=stack.outputs.alarm_topics["p2"], Protocol="email", Endpoint="oncall@example.com")
    for arguments in ((), ("--json",)):
        shown = stack.run("status", *arguments).stdout
        assert "email" in shown  # the control
        assert "oncall@" not in shown
        assert "KEY" not in shown
    assert "P3            nobody; set alarmEmail or pageEndpoint" in stack.run("status").stdout


def test_unconfirmed_subscription_is_separate(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    pending = {"SubscriptionArn": "PendingConfirmation", "Protocol": "email", "Endpoint": "oncall@example.com"}
    outputs, real = stack.outputs, StackOutputs.client

    class Sns:
        def get_paginator(self, name: str) -> "Sns":
            assert name == "list_subscriptions_by_topic"
            return self

        def paginate(self, **_: str) -> list:
            return [{"Subscriptions": [pending]}]

    monkeypatch.setattr(StackOutputs, "client", lambda self, name: Sns() if name == "sns" else real(self, name))
    assert {(topic.confirmed, topic.unconfirmed) for topic in read(outputs).topics} == {((), ("email",))}


@pytest.mark.parametrize(
    ("severity", "state", "code"),
    [("p3", "ALARM", 3), ("p1", "OK", 0), ("p1", "INSUFFICIENT_DATA", 0), (None, "ALARM", 0)],
)
def test_exit_code_reports_notifying_alarms(stack: Stack, severity: str | None, state: str, code: int):
    stack.alarm("api-4xx", severity, state)
    assert stack.run("status").exit_code == code
    as_json = stack.run("status", "--json")
    assert as_json.exit_code == code
    assert json.loads(as_json.stdout)["firing"] == (["api-4xx"] if code else [])


def test_firing_alarm_is_printed_with_reason_and_runbook(stack: Stack):
    stack.alarm("ingest-down", "p1", "ALARM")
    shown = stack.run("status").stdout
    assert "ALARM P1 ingest-down since 20" in shown
    assert "Because the test says so." in shown
    assert "https://example.com/runbook.md#ingest-down" in shown


def test_missing_function_is_reported(stack: Stack):
    stack.client("lambda").delete_function(FunctionName=f"{PREFIX}-query")
    result = stack.run("status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("GetFunctionConfiguration found no such resource")
