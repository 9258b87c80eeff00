"""The program's own alarms over its own traffic, on a stepped clock: who is notified, when, and when it is over."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from localcloud.cloud import LocalCloud
from localcloud.emulator.process import Emulator
from ops.__main__ import app
from tests.fakes import metering
from tests.fakes.events import login
from tests.fakes.waiting import HANG_SECONDS, eventually

pytestmark = pytest.mark.e2e
PREFIX = "event-processing-dev-"
FIRING = {"consumer-stalled", "consumer-down", "ingest-unhealthy", "service-health"}
# What the simulation says about this fault on stack dev, in minutes.
PAGED_AFTER = 5
PAGER = "https://events.example.com/key"


class World:
    """A deployed stack whose topics have a pager, and the actions of the test."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        sns = cloud.client("sns")
        for topic in cloud.outputs["alarmTopics"].values():
            sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=PAGER)
        topics = list(cloud.outputs["alarmTopics"].values())
        confirmed = "PendingConfirmation"
        for topic in topics:
            eventually(lambda topic=topic: self._attributes(topic)[confirmed] == "false")
        cloud.advance(240)
        self.quiet = len(self.pages())

    def _attributes(self, topic: str) -> dict[str, str]:
        sns = self.cloud.client("sns")
        subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        [held] = [found for found in subscriptions if found["Endpoint"] == PAGER]
        return sns.get_subscription_attributes(SubscriptionArn=held["SubscriptionArn"])["Attributes"]

    def pages(self) -> list[dict[str, Any]]:
        """What the pager shows, oldest first."""
        found = requests.get(f"{self.cloud.outputs['endpoint']}/_pager.json", timeout=HANG_SECONDS).json()
        return list(reversed(found))

    def new_pages(self) -> list[tuple[str, str]]:
        """The topics and subjects of pages since the stack was quiet.

        Without alarms that are evaluated for the first time: some are evaluated at full hours only.
        """
        pages = [
            page for page in self.pages()[self.quiet :] if '"OldStateValue": "INSUFFICIENT_DATA"' not in page["message"]
        ]
        return [(page["topic"].removeprefix(PREFIX), page["subject"].replace(PREFIX, "")) for page in pages]

    def states(self) -> dict[str, str]:
        pages = self.cloud.client("cloudwatch").get_paginator("describe_alarms")
        found = {}
        for page in pages.paginate(AlarmNamePrefix=PREFIX, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"]):
                found[alarm["AlarmName"].removeprefix(PREFIX)] = alarm["StateValue"]
        return found

    def operator(self, command: str) -> Result:
        """Run a command of the operator in the test's own process."""
        outputs = self.cloud.directory / "outputs.json"
        self.cloud.write_outputs(outputs)
        return CliRunner().invoke(app, [command, "--outputs", str(outputs)])

    def firing(self) -> set[str]:
        return {alarm for alarm, state in self.states().items() if state == "ALARM"}

    def enable_consumer(self, *, enabled: bool) -> None:
        client = self.cloud.client("lambda")
        [mapping] = client.list_event_source_mappings()["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def send(self) -> None:
        body = json.dumps(login("ada", "mail", "Mail", "2026-01-01T00:00:00Z"))
        self.cloud.client("sqs").send_message(QueueUrl=self.cloud.outputs["queueUrl"], MessageBody=body)

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        held = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.cloud.outputs["queueUrl"], AttributeNames=names
        )
        return sum(int(held["Attributes"][name]) for name in names)


@pytest.fixture(scope="module")
def world(checkout: Path) -> Iterator[World]:
    with metering.start(checkout) as cloud:
        yield World(cloud)


def test_healthy_stack_is_quiet(world: World):
    assert world.firing() == set()
    assert all(page["subject"].startswith("OK") for page in world.pages())
    assert set(world.states().values()) <= {"OK", "INSUFFICIENT_DATA"}


def test_stopped_consumer_pages_and_is_over(world: World):
    """The expected alarms, no other, and the recovery."""
    world.enable_consumer(enabled=False)
    minutes = 0
    while not world.new_pages() and minutes < 15:
        world.send()
        world.cloud.advance(60)
        minutes += 1
    assert (minutes, world.new_pages()) == (PAGED_AFTER, [("alerts-p1", 'ALARM: "ingest-unhealthy" in eu-west-1')])
    assert world.firing() == FIRING
    status = world.operator("status")
    assert (status.exit_code, "ALARM P1 ingest-unhealthy since" in status.stdout) == (3, True), status.output
    world.enable_consumer(enabled=True)
    eventually(lambda: world.waiting() == 0)
    while world.firing() and minutes < 40:
        world.cloud.advance(60)
        minutes += 1
    assert world.new_pages()[1:] == [("alerts-p1", 'OK: "ingest-unhealthy" in eu-west-1')]
    history = world.cloud.client("cloudwatch").describe_alarm_history(
        AlarmName=f"{PREFIX}ingest-unhealthy", HistoryItemType="Action"
    )
    assert all(item["HistorySummary"].startswith("Successfully") for item in history["AlarmHistoryItems"])
    status = world.operator("status")
    assert (status.exit_code, "events        0 waiting, 0 in flight, oldest 0 s" in status.stdout) == (0, True), (
        status.output
    )


def test_pager_page_is_html_without_cors(world: World):
    response = requests.get(f"{world.cloud.outputs['endpoint']}/_pager", timeout=HANG_SECONDS)
    assert "ingest-unhealthy" in response.text
    assert "Access-Control-Allow-Origin" not in response.headers
    rebound = {"Host": "evil.example"}
    refused = requests.get(f"{world.cloud.outputs['endpoint']}/_pager", headers=rebound, timeout=HANG_SECONDS)
    assert refused.status_code == 403


def test_unplugged_evaluator_is_silent(blind_cloud: LocalCloud):
    """The control: without what evaluates, the same fault notifies nobody."""
    world = World(blind_cloud)
    world.enable_consumer(enabled=False)
    for _ in range(2 * PAGED_AFTER):
        world.send()
        world.cloud.advance(60)
    assert (world.firing(), world.new_pages()) == (set(), [])
    world.enable_consumer(enabled=True)


class Endpoint:
    """A real endpoint on this machine, which counts connections."""

    def __enter__(self) -> "Endpoint":
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/page"
        self.connected = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        self.connected.set()
        connection.close()

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def subscribe(emulator: Emulator, endpoint: str) -> str:
    """A topic with this subscriber, who has confirmed."""
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol=endpoint.partition(":")[0], Endpoint=endpoint)
    return topic


def pages(emulator: Emulator) -> list[dict[str, Any]]:
    return requests.get(f"{emulator.endpoint}/_pager.json", timeout=HANG_SECONDS).json()


@pytest.fixture
def emulator() -> Iterator[Callable[..., Emulator]]:
    started: list[Emulator] = []

    def start(*options: str) -> Emulator:
        started.append(Emulator.start(options=["--stepped=1767600000", *options]))
        return started[-1]

    yield start
    for running in started:
        running.stop()


def test_endpoint_is_never_contacted(emulator: Callable[..., Emulator]):
    running = emulator()
    with Endpoint() as endpoint:
        topic = subscribe(running, endpoint.url)
        running.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@example.com")
        publish = running.client("sns").publish

        def published() -> bool:
            publish(TopicArn=topic, Subject="s", Message="m")
            return {page["protocol"] for page in pages(running)} == {"http", "email"}

        eventually(published)  # the pager confirms a moment later
        assert not endpoint.connected.is_set()


def test_endpoint_is_contacted_without_the_pager(emulator: Callable[..., Emulator]):
    """The control of the test above: the emulator itself would contact it."""
    with Endpoint() as endpoint:
        subscribe(emulator("--unplugged=observe_topics"), endpoint.url)
        assert endpoint.connected.wait(HANG_SECONDS)


def test_pager_that_is_down_moves_the_metric_of_failed_notifications(emulator: Callable[..., Emulator]):
    running = emulator()
    topic = subscribe(running, "https://pager.invalid/key")
    eventually(lambda: running.client("sns").publish(TopicArn=topic, Message="m") and pages(running))
    assert not any(page["delivered"] for page in pages(running))
    found = running.client("cloudwatch").list_metrics(MetricName="NumberOfNotificationsFailed")["Metrics"]
    assert [metric["Dimensions"] for metric in found] == [[{"Name": "TopicName", "Value": "alerts"}]]


def test_alarm_operations_are_read_by_boto3(emulator: Callable[..., Emulator]):
    running = emulator()
    cloudwatch = running.client("cloudwatch")
    topic = subscribe(running, PAGER)
    metric = {"Namespace": "N", "MetricName": "m"}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}
    alarm = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    alarm |= {"AlarmActions": [topic], "TreatMissingData": "notBreaching"}
    queries = [query, {"Id": "e", "Expression": "m * 2", "ReturnData": True}]
    cloudwatch.put_metric_alarm(AlarmName="a", Metrics=queries, Tags=[{"Key": "k", "Value": "v"}], **alarm)
    cloudwatch.put_composite_alarm(
        AlarmName="c",
        AlarmRule="ALARM(a)",
        ActionsSuppressor="a",
        ActionsSuppressorWaitPeriod=60,
        ActionsSuppressorExtensionPeriod=60,
    )
    both = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert both["MetricAlarms"][0]["Metrics"] == queries
    assert both["CompositeAlarms"][0]["ActionsSuppressor"] == "a"
    arn = both["MetricAlarms"][0]["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    running.advance(180)
    cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1, "Timestamp": 1767600180}])
    running.advance(120)
    states = {found["AlarmName"]: found["StateValue"] for found in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert states == {"a": "ALARM"}
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="by hand")
    cloudwatch.disable_alarm_actions(AlarmNames=["a"])
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["ActionsEnabled"] is False
    kinds = [item["HistoryItemType"] for item in cloudwatch.describe_alarm_history(AlarmName="a")["AlarmHistoryItems"]]
    assert {"StateUpdate", "ConfigurationUpdate"} <= set(kinds)
    with pytest.raises(ClientError, match="c depends on it"):
        cloudwatch.delete_alarms(AlarmNames=["a"])
    cloudwatch.delete_alarms(AlarmNames=["c"])
    cloudwatch.delete_alarms(AlarmNames=["a"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
