"""`python -m ops smoke --page` proves that alarms reach their subscribers, and fails for each cause that they do not.

Each test has a topic of its own with the policy and the key of the deployed ones, because SNS counts by the minute.
"""

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from localcloud.observatory.faults import Faults
from ops import smoke
from ops.__main__ import app
from ops.commands import smoke as command
from ops.pager_alarms import PURPOSE, PagerAlarms
from ops.signals import Stopped
from ops.stack import StackOutputs, parse_outputs
from tests.e2e.conftest import ROOT, Operator, Stack
from tests.e2e.test_erase_rights import DENIALS
from tests.fakes.waiting import HANG_SECONDS, eventually

ENDPOINT = "https://pager.example.com/key"
KEY = "CloudWatch Alarms does not have authorization to access the SNS topic encryption key"


class Pager:
    """A topic for P1, subscribers, and the command."""

    def __init__(self, stack: Stack, folder: Path, topic: str) -> None:
        self.stack, self.file = stack, folder / "outputs.json"
        self.sns, self.kms, self.cloudwatch = (stack.client(name) for name in ("sns", "kms", "cloudwatch"))
        deployed = stack.outputs["alarmTopics"]["p1"]
        held = self.sns.get_topic_attributes(TopicArn=deployed)["Attributes"]
        self.key = held["KmsMasterKeyId"]
        self.topic = self.sns.create_topic(Name=topic, Attributes={"KmsMasterKeyId": self.key})["TopicArn"]
        self.put_policy(held["Policy"].replace(deployed, self.topic))
        self.outputs = json.dumps(stack.outputs | {"alarmTopics": {"p1": self.topic}})
        self.file.write_text(self.outputs)

    @property
    def parsed(self) -> StackOutputs:
        return parse_outputs(self.outputs, "the test")

    def put_policy(self, policy: str) -> None:
        self.sns.set_topic_attributes(TopicArn=self.topic, AttributeName="Policy", AttributeValue=policy)

    def policy(self) -> str:
        return self.sns.get_topic_attributes(TopicArn=self.topic)["Attributes"]["Policy"]

    def subscribe(self, protocol: str, endpoint: str) -> None:
        self.sns.subscribe(TopicArn=self.topic, Protocol=protocol, Endpoint=endpoint)

    def subscriptions(self) -> list[str]:
        listed = self.sns.list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]
        return [subscription["SubscriptionArn"] for subscription in listed]

    def confirmed(self) -> None:
        """Wait until the pager has confirmed what subscribes it."""
        eventually(lambda: all(arn.startswith("arn:") for arn in self.subscriptions()))

    def run(self, *options: str) -> Result:
        return CliRunner().invoke(app, ["smoke", "--page", *options, "--outputs", str(self.file)])

    def fails(self) -> str:
        result = self.run("--timeout", str(HANG_SECONDS))
        assert result.exit_code == 1, result.output
        assert self.alarms() == []
        return result.stderr

    def alarms(self) -> list[str]:
        described = self.cloudwatch.describe_alarms(AlarmNamePrefix=f"{self.parsed.physical_prefix}-pager-test")
        return [alarm["AlarmName"] for alarm in described["MetricAlarms"]]

    @property
    def alarm(self) -> str:
        return f"{self.parsed.physical_prefix}-pager-test-p1"

    def pages(self) -> list[dict[str, Any]]:
        """Return the notifications of this topic, oldest first."""
        shown = requests.get(f"{self.stack.outputs['endpoint']}/_pager.json", timeout=HANG_SECONDS).json()
        name = self.topic.rpartition(":")[2]
        return [page | json.loads(page["message"]) for page in reversed(shown) if page["topic"] == name]

    def states(self) -> list[str]:
        return [page["NewStateValue"] for page in self.pages()]


@pytest.fixture
def pager(stack: Stack, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Pager:
    """A pager with one subscriber by mail. The logins of `smoke` are the subject of other tests."""
    monkeypatch.setattr(command, "run_smoke_test", lambda *_, **__: None)
    pager = Pager(stack, tmp_path, re.sub(r"\W", "-", request.node.name)[:80])
    pager.subscribe("email", "oncall@example.com")
    return pager


def test_deployed_topics_of_each_severity_page(
    neighbour: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole command with the topics as the program makes them."""
    monkeypatch.setattr(smoke, "SETTLE_SECONDS", 0)
    operator = Operator(neighbour, tmp_path)
    result = operator.run("smoke", "--client", "reporting", "--page", "--timeout", str(HANG_SECONDS))
    assert result.exit_code == 0, result.output
    for severity in ("P1", "P2", "P3"):
        assert f"ok  SNS delivered to every subscriber of {severity}: email\n" in result.stdout
    assert result.stdout.endswith("Every step passed.\n")


def test_page_says_that_it_is_a_test_and_is_over(pager: Pager) -> None:
    result = pager.run()
    assert (result.exit_code, result.stderr, pager.alarms()) == (0, "", [])
    assert pager.states() == ["ALARM", "OK"]
    assert {page["AlarmDescription"] for page in pager.pages()} == {PURPOSE}
    assert "`" not in PURPOSE


@contextmanager
def topic_denies(pager: Pager) -> Iterator[None]:
    """The topic lets the alarms of another stack publish."""
    pager.put_policy(pager.policy().replace(":alarm:event-processing-dev-*", ":alarm:event-processing-other-*"))
    yield


@contextmanager
def key_denies(pager: Pager) -> Iterator[None]:
    policy = pager.kms.get_key_policy(KeyId=pager.key, PolicyName="default")["Policy"]
    document = json.loads(policy)
    kept = [statement for statement in document["Statement"] if statement["Sid"] != "AlarmsEncrypt"]
    assert len(kept) == len(document["Statement"]) - 1
    pager.kms.put_key_policy(KeyId=pager.key, PolicyName="default", Policy=json.dumps(document | {"Statement": kept}))
    try:
        yield
    finally:
        pager.kms.put_key_policy(KeyId=pager.key, PolicyName="default", Policy=policy)


@contextmanager
def key_disabled(pager: Pager) -> Iterator[None]:
    pager.kms.disable_key(KeyId=pager.key)
    try:
        yield
    finally:
        pager.kms.enable_key(KeyId=pager.key)


def unsubscribe(pager: Pager) -> None:
    for arn in pager.subscriptions():
        pager.sns.unsubscribe(SubscriptionArn=arn)


@contextmanager
def nobody(pager: Pager) -> Iterator[None]:
    unsubscribe(pager)
    yield


@contextmanager
def unconfirmed(pager: Pager) -> Iterator[None]:
    """The only subscriber accepts nothing, so not the request to confirm either."""
    unsubscribe(pager)
    pager.stack.cloud.inject(Faults(unreachable=(ENDPOINT,)))
    try:
        pager.subscribe("https", ENDPOINT)
        yield
    finally:
        pager.stack.cloud.inject(Faults())


@contextmanager
def refuses(pager: Pager) -> Iterator[None]:
    """One of two subscribers returns an error, as HTTP status 500 is."""
    pager.subscribe("https", ENDPOINT)
    pager.confirmed()
    pager.stack.cloud.inject(Faults(unreachable=(ENDPOINT,)))
    try:
        yield
    finally:
        pager.stack.cloud.inject(Faults())


FAULTS: dict[str, tuple[Callable[[Pager], AbstractContextManager[None]], str, int]] = {
    "topic denies": (topic_denies, "CloudWatch could not notify the topic: CloudWatch Alarms is not authorized", 0),
    "key denies": (key_denies, f"CloudWatch could not notify the topic: {KEY}", 0),
    "key disabled": (key_disabled, "is Disabled. No such alarm notifies anybody", 0),
    "nobody": (nobody, "Nobody is subscribed. Set pageEndpoint or alarmEmail, then deploy.", 0),
    "unconfirmed": (unconfirmed, "No subscription is confirmed (https), so nobody is notified.", 0),
    "refuses": (refuses, "2 delivered to email, https, ", 4),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(pager: Pager, name: str) -> None:
    make, why, pages = FAULTS[name]
    with make(pager):
        error = pager.fails()
    assert error.startswith("P1: ")
    assert why in error
    eventually(lambda: len(pager.pages()) == pages)  # a delivery by https is shown a moment later


def test_publishing_directly_would_prove_nothing(pager: Pager) -> None:
    """The control: with the key's policy broken, a message of the operator arrives."""
    with key_denies(pager):
        pager.sns.publish(TopicArn=pager.topic, Message="{}")
        assert KEY in pager.fails()
    assert [page["message"] for page in pager.pages()] == ["{}"]


def stop(*_: object) -> None:
    """Raise what every signal that stops a command raises; tests/ops/test_signals.py sends real ones."""
    raise Stopped(signal.SIGTERM)


def test_interrupted_test_leaves_no_alarm(pager: Pager, monkeypatch: pytest.MonkeyPatch) -> None:
    """The incident is closed too, as far as CloudWatch still sends that it is over."""
    monkeypatch.setattr(command, "_wait", stop)
    result = pager.run()
    assert (result.exit_code, result.stdout, result.stderr) == (143, "", "Interrupted (SIGTERM).\n")
    assert pager.alarms() == []
    assert pager.states() == ["ALARM", "OK"]


def test_alarm_is_deleted_though_its_deletion_is_interrupted(pager: Pager, monkeypatch: pytest.MonkeyPatch) -> None:
    delete, interrupted = PagerAlarms.delete, []

    def interrupt(self: PagerAlarms, names: Any) -> None:
        if not interrupted:
            interrupted.append(pager.alarms())
            stop()
        delete(self, names)

    monkeypatch.setattr(PagerAlarms, "delete", interrupt)
    assert pager.run().exit_code == 143
    assert (interrupted, pager.alarms()) == ([[pager.alarm]], [])


def test_alarm_that_a_killed_test_left_fires_again(pager: Pager) -> None:
    killed = PagerAlarms(pager.parsed, ["p1"])
    killed.make()
    killed.fire()
    result = pager.run()
    assert result.exit_code == 0, result.output
    assert result.stderr == f"An earlier test of the pager left {pager.alarm}: deleted now.\n"
    assert (pager.states(), pager.alarms()) == (["ALARM", "ALARM", "OK"], [])


def test_status_does_not_show_the_alarm(pager: Pager, operator: Operator) -> None:
    test = PagerAlarms(pager.parsed, ["p1"])
    test.make()
    test.fire()
    try:
        assert "pager-test" in json.dumps(pager.alarms())
        assert "pager-test" not in operator.run("status", "--json").stdout
    finally:
        test.delete([pager.alarm])


def rights() -> dict[str, list[str]]:
    """Return the actions by resource, as the page lists them."""
    table = (ROOT / "docs" / "pager.md").read_text().partition("**Rights.**")[2]
    rows = re.findall(r"^\| (.+?) \| (`\w+:.+`) \|$", table, re.M)
    return {resource: re.findall(r"`(\w+:\w+)`", actions) for resource, actions in rows}


RIGHTS = [(resource, action) for resource, actions in rights().items() for action in actions]


@pytest.fixture
def person(pager: Pager) -> Iterator[Callable[[list[tuple[str, str]]], Result]]:
    """The command of somebody with these rights alone."""
    iam, name = pager.stack.client("iam"), "pager-tester"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    prefix, place = pager.parsed.physical_prefix, ":".join(pager.topic.split(":")[3:5])
    arns = {
        "the alarms `PREFIX-pager-test-*`": f"arn:aws:cloudwatch:{place}:alarm:{prefix}-pager-test-*",
        "the topics `PREFIX-alerts-*`": pager.topic,
        "`*`": "*",
    }

    def run(rights: list[tuple[str, str]]) -> Result:
        statements = [{"Effect": "Allow", "Action": action, "Resource": arns[resource]} for resource, action in rights]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=document)
        return pager.run()

    keys = {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}
    pager.file.write_text(json.dumps(json.loads(pager.outputs) | keys))
    yield run
    iam.delete_user_policy(UserName=name, PolicyName="rights")
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_documented_rights_suffice_and_each_is_needed(
    pager: Pager, person: Callable[[list[tuple[str, str]]], Result]
) -> None:
    result = person(RIGHTS)
    assert (result.exit_code, result.stderr) == (0, "")
    for right in RIGHTS:
        denied = person([kept for kept in RIGHTS if kept != right])
        assert denied.exit_code == 1, right
        assert any(denial in denied.stderr for denial in DENIALS), (right, denied.stderr)
        # Without the right to delete, the alarm is left, and the command says so.
        left = [pager.alarm] if right[1] == "cloudwatch:DeleteAlarms" else []
        assert (pager.alarms(), pager.alarm in denied.stderr) == (left, bool(left)), right
        if left:
            PagerAlarms(pager.parsed, ["p1"]).delete(left)
