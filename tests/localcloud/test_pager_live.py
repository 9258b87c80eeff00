"""The pager in place of subscribers, and the operations of alarms, in a running emulator."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from localcloud.emulator.process import Emulator
from tests.fakes.waiting import HANG_SECONDS, eventually

pytestmark = pytest.mark.e2e


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
    topic = subscribe(running, "https://events.example.com/key")
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
