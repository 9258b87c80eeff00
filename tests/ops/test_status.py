"""The state of a stack is read from its own resources, and from those of no other stack."""

import io
import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import click
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from typer.testing import Result

from handlers.vocabulary import LIVE_ALIAS
from ops.__main__ import app
from ops.commands.status import CLEAR_SCREEN
from ops.commands.status_text import to_lines
from ops.health.activity import Counts
from ops.health.functions import Release
from ops.logs import read_errors
from ops.signals import Stopped
from ops.stack import StackOutputs
from ops.status import Part, Status, read_status
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


@pytest.mark.parametrize("is_probed", [True, False])
def test_invocations_say_that_the_probe_causes_some(stack: Stack, is_probed: bool):
    outputs = stack.outputs if is_probed else replace(stack.outputs, probe_function=None)
    found = read(outputs)
    assert ("probe" in {function.role for function in found.functions}) is is_probed
    assert ("Each run of the probe causes" in "\n".join(to_lines(found, (), "1h"))) is is_probed


def test_alarms_of_a_stack_with_a_longer_name_are_excluded(stack: Stack):
    stack.alarm("ingest-down", "p1", "ALARM", prefix=f"{PREFIX}-2")
    stack.alarm("ingest-down", "p1", "ALARM", prefix=f"{PREFIX}-2", consumer="audit")
    assert read(stack.outputs).alarms == ()


def test_alarm_of_another_consumer_fires_too(stack: Stack):
    stack.alarm("ingest-unhealthy", "p1", "ALARM", consumer="audit")
    stack.alarm("ingest-unhealthy", "p1", "OK")
    found = read(stack.outputs)
    assert [alarm.id for alarm in found.firing] == ["audit-ingest-unhealthy"]
    assert found.firing[0].meaning == "Consumer audit: It means this."
    assert found.firing[0].runbook.endswith("#ingest-unhealthy")
    assert len(found.alarms) == 2


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
    assert [function.version for function in read(stack.outputs).functions] == ["1a2b3c4d5e6f"] * 3
    assert read(stack.outputs).release == Release(sentence="Release 0f1e2d3c4b5a is live.", is_sound=True)
    functions.publish_version(FunctionName=name)
    functions.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion="2")
    found = read(stack.outputs)
    assert [(function.role, function.version) for function in found.functions] == [
        ("event-handler", "1a2b3c4d5e6f"),
        ("query", "unknown"),
        ("probe", "1a2b3c4d5e6f"),
    ]
    assert found.release
    assert "The alias of query names version 2, which is part of no release" in found.release.sentence
    assert not found.release.is_sound


def test_stack_without_aliases_has_a_state_too(stack: Stack):
    for name in stack.outputs.functions.values():
        stack.client("lambda").delete_alias(FunctionName=name, Name=LIVE_ALIAS)
    found = read(stack.outputs)
    assert {function.version for function in found.functions} == {"unknown"}
    assert found.release
    assert "has no alias live" in found.release.sentence


def test_status_omits_addresses_and_pager_url(stack: Stack):
    stack.subscribe("p2", "email", "oncall@example.com")
    for arguments in ((), ("--json",)):
        shown = stack.run("status", *arguments).stdout
        assert "email" in shown  # the control
        assert "oncall@" not in shown
        assert "KEY" not in shown
    assert "P3            nobody; set alarmEmail\n" in stack.run("status").stdout


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


def test_missing_function_hides_nothing_else(stack: Stack):
    stack.client("lambda").delete_function(FunctionName=f"{PREFIX}-query")
    stack.client("lambda").update_event_source_mapping(UUID=stack.mapping_id, Enabled=False)
    result = stack.run("status")
    assert (result.exit_code, result.stderr) == (3, "")
    assert "The consumer is disabled" in result.stdout
    assert "Not readable: functions, logs." in result.stdout
    assert "GetFunctionConfiguration found no such resource" in result.stdout


def deny(monkeypatch: pytest.MonkeyPatch, *operations: str, code: str = "AccessDenied") -> None:
    """Let AWS reject these operations, or all of them."""
    real = BaseClient._make_api_call  # pyrefly: ignore[missing-attribute]

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation in operations or not operations:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
        return real(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


# One call of each part.
CALLS = {
    Part.ALARMS: "DescribeAlarms",
    Part.CONSUMER: "ListEventSourceMappings",
    Part.QUEUES: "GetQueueAttributes",
    Part.FUNCTIONS: "GetFunctionConcurrency",
    Part.COUNTS: "GetMetricData",
    Part.LOGS: "FilterLogEvents",
    Part.TOPICS: "ListSubscriptionsByTopic",
}


def test_part_without_permission_is_named_and_the_others_are_shown(stack: Stack):
    # The queue's ARN leads to the consumer, and the age of its oldest message is a metric.
    shared = {Part.QUEUES: {Part.QUEUES, Part.CONSUMER}, Part.COUNTS: {Part.QUEUES, Part.COUNTS}}
    for part in Part:
        with pytest.MonkeyPatch.context() as rejection:
            deny(rejection, CALLS[part])
            found = read(stack.outputs).unreadable
            result = stack.run("status") if part is Part.ALARMS else None
        assert set(found) == shared.get(part, {part})
        assert set(found.values()) == {
            f"These credentials may not call {CALLS[part]} on the stack. Use a role that may."
        }
        if result:
            assert (result.exit_code, result.stderr) == (1, "")
            assert "UNREADABLE  Not readable: alarms." in result.stdout


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken"])
def test_nothing_readable_is_one_sentence(stack: Stack, code: str, monkeypatch: pytest.MonkeyPatch):
    deny(monkeypatch, code=code)
    result = stack.run("status")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)


def test_sound_stack_has_no_finding(stack: Stack):
    result = stack.run("status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Nothing is broken.\n")
    assert json.loads(stack.run("status", "--json").stdout)["findings"] == []


def test_findings_come_first_with_commands_that_name_the_stack(stack: Stack):
    stack.client("lambda").update_event_source_mapping(UUID=stack.mapping_id, Enabled=False)
    stack.bury("not even JSON")
    result = stack.run("status")
    assert result.exit_code == 3
    first, second, meaning, command, third, *_ = result.stdout.splitlines()
    assert (first, second) == ("Findings", "  BROKEN      The consumer is disabled (User initiated).")
    assert meaning.startswith("    Events wait in the queue")
    assert command.endswith(f"--uuid {stack.mapping_id} --enabled --region eu-west-1")
    assert third == "  WARNING     1 event in the dead-letter queue."
    assert f"    python -m ops dead-letters list --outputs {stack.file}\n" in result.stdout
    document = json.loads(stack.run("status", "--json").stdout)
    assert [finding["about"] for finding in document["findings"]] == ["consumer", "dead letters"]
    assert document["exit_code"] == 3


def test_recent_failures_are_found_whatever_since_shows(stack: Stack):
    now = int(time.time() * 1000)
    failed = {"level": "WARNING", "message": "event failed", "outcome": "failed", "error_code": "AccessDeniedException"}
    stack.log("event-handler", now - 60_000, failed)
    result = stack.run("status", "--since", "5s")
    assert result.exit_code == 4
    assert "event-handler: 1 failure in the last 5 minutes (1 AccessDeniedException), the last at " in result.stdout
    assert "Last errors, since 5s\n  none" in result.stdout
    stack.alarm("api-4xx", "p3", "ALARM")
    document = json.loads(stack.run("status", "--json").stdout)
    for moment in (document["failures"][0]["newest"], document["alarms"][0]["since"]):
        assert datetime.fromisoformat(moment) > datetime.now(UTC) - timedelta(minutes=2)


def test_older_errors_are_read_only_where_recent_ones_are_too_few(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    now = int(time.time() * 1000)
    stack.log("query", now - 1_800_000, {"level": "ERROR", "message": "old"})

    readings: list[Any] = []
    monkeypatch.setattr("ops.status.read_errors", lambda *given: readings.append(given) or read_errors(*given))

    def messages() -> list[str]:
        readings.clear()
        return [line.fields["message"] for line in read(stack.outputs).last_errors]

    stack.log("query", now - 1, {"level": "ERROR", "message": "first"})
    assert (messages(), len(readings)) == (["old", "first"], 2)
    stack.log("query", now, {"level": "ERROR", "message": "second"})
    assert (messages(), len(readings)) == (["first", "second"], 1)


def test_counts_are_those_of_the_last_minutes(stack: Stack):
    now, cloudwatch = datetime.now(UTC), stack.client("cloudwatch")

    def put(namespace: str, metric: str, minutes_ago: int, **dimensions: str) -> None:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        datum = {"MetricName": metric, "Dimensions": named, "Timestamp": now - timedelta(minutes=minutes_ago)}
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum | {"Value": 1}])

    put("AWS/Lambda", "Invocations", 4, FunctionName=f"{PREFIX}-query")
    for minutes_ago in (1, 2, 9):
        put("AWS/Lambda", "Invocations", minutes_ago, FunctionName=f"{PREFIX}-query")
        put("AWS/Lambda", "Errors", minutes_ago, FunctionName=f"{PREFIX}-query")
        put("EventProcessing", "RecordMalformed", minutes_ago, service="query", stack="dev")
        put("EventProcessing", "RecordMalformed", minutes_ago, service="query", stack="dev-2")
    assert read(stack.outputs).counts == (
        Counts(role="event-handler"),
        Counts(role="query", invocations=3, errors=2, newest_invocations=2, newest_errors=2, malformed=2),
        Counts(role="probe"),
    )


class Readings:
    """Lets --watch read again at once, after an action for each reading; Ctrl-C after the last."""

    def __init__(self, *actions: Callable[[], object]) -> None:
        self.actions = list(actions)

    def sleep(self, _: float) -> None:
        if not self.actions:
            raise Stopped(signal.SIGINT)
        self.actions.pop(0)()


def watch(stack: Stack, monkeypatch: pytest.MonkeyPatch, *actions: Callable[[], object]) -> Result:
    monkeypatch.setattr("ops.commands.status.time", Readings(*actions))
    return stack.run("status", "--watch", "--json")


def test_watch_prints_again_when_the_findings_change_and_ends_with_the_last(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    enable = partial(stack.client("lambda").update_event_source_mapping, UUID=stack.mapping_id)
    result = watch(
        stack, monkeypatch, lambda: None, lambda: enable(Enabled=False), lambda: None, lambda: enable(Enabled=True),
        lambda: stack.bury("body"), lambda: stack.bury("body"),
    )  # fmt: skip
    shown = [json.loads(line) for line in result.stdout.splitlines()]
    assert [[finding["about"] for finding in document["findings"]] for document in shown] == [
        [], ["consumer"], [], ["dead letters"],
    ]  # fmt: skip
    assert (result.exit_code, result.stderr) == (4, "")


def test_watch_goes_on_after_a_reading_that_fails(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    rejection = pytest.MonkeyPatch()
    result = watch(
        stack, monkeypatch, lambda: deny(rejection, code="ExpiredToken"), rejection.undo, lambda: stack.bury("body")
    )
    assert result.stderr == "The AWS credentials have expired. Log in again.\n"
    assert (len(result.stdout.splitlines()), result.exit_code) == (2, 4)


def test_watch_redraws_on_a_terminal_only(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    assert CLEAR_SCREEN not in watch(stack, monkeypatch).stdout
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("ops.commands.status.time", Readings(lambda: None))
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "12")
    with pytest.raises(SystemExit) as ended:
        app(["status", "--watch", "--outputs", str(stack.file)])
    _, first, second = terminal.getvalue().split(CLEAR_SCREEN)
    assert "Nothing is broken." in first
    rows = sum(-(-max(1, len(row)) // 60) for row in click.unstyle(second).splitlines())
    assert rows == 12 - 1, "the cursor is in the last row"
    assert ended.value.code == 0


def test_colors_are_on_a_terminal_only(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in stack.run("status").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert stack.run("status").stdout.startswith("\x1b[32mNothing is broken.")
