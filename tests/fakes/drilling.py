"""Minutes of a drilled stack on a stepped clock."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from localcloud.cloud import LocalCloud
from localcloud.drills.stack import DrilledStack
from tests.fakes.waiting import eventually

RECOVERY_MINUTES = 5
# Fewer than those of a drill in compressed time: each failure costs the start of a process.
EVENTS, QUERIES = 2, 2


def is_enabled(cloud: LocalCloud) -> bool:
    return _mapping(cloud)["State"] == "Enabled"


def _mapping(cloud: LocalCloud) -> dict[str, Any]:
    [mapping] = cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return mapping


def stepped_minute(stack: DrilledStack) -> None:
    """Send the events and requests of a minute, let them be handled, and end the minute."""
    stack.send(EVENTS)
    for _ in range(QUERIES):
        _query(stack)
    _end(stack, 60)


def recover(stack: DrilledStack) -> None:
    """Send one event and request, and let minutes pass."""
    stack.send()
    _query(stack)
    _end(stack, RECOVERY_MINUTES * 60)


def _query(stack: DrilledStack) -> None:
    # One that API Gateway rejects reaches no function: an alarm would wait for the data of an invocation.
    assert stack.query() != HTTPStatus.TOO_MANY_REQUESTS


def stepped_quiet_minute(stack: DrilledStack) -> None:
    """Let half a minute pass, wait for the run of the probe that began in it, and end the minute."""
    before = probe_runs(stack.cloud)
    stack.cloud.advance(30)
    eventually(lambda: probe_runs(stack.cloud) > before)
    stack.cloud.advance(30)


def probe_runs(cloud: LocalCloud) -> float:
    """How many runs of the probe have measured whether their login showed."""
    return total(cloud, "EventProcessing", "ProbeSuccess", "SampleCount", service="probe", stack="dev")


def _end(stack: DrilledStack, seconds: int) -> None:
    """Let time pass once no message is waiting for its batch, or being handled."""
    if is_enabled(stack.cloud):
        wait_until_idle(stack)
    stack.cloud.advance(seconds)


def wait_until_idle(stack: DrilledStack) -> None:
    """Return when every message that is not held back was received, and every batch that was received has ended."""
    cloud, sqs, waiting = stack.cloud, stack.cloud.client("sqs"), "ApproximateNumberOfMessages"
    url, mapping = cloud.outputs["queueUrl"], _mapping(cloud)["UUID"]

    def has_ended() -> bool:
        received, ended = sums(
            cloud,
            ("AWS/SQS", "NumberOfMessagesReceived", {"QueueName": url.rpartition("/")[2]}),
            ("AWS/Lambda", "InvokedEventCount", {"EventSourceMappingUUID": mapping}),
        )
        # Each message is received at least once, so the first look after a send does not pass for the last.
        return received == ended >= stack.sent + stack.sent_malformed

    def is_empty() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[waiting])
        return not int(found["Attributes"][waiting])

    # The first look is one request, because a batch can take seconds. A batch can begin after it, but none once the
    # queue is empty.
    eventually(lambda: has_ended() and is_empty() and has_ended())


def sums(cloud: LocalCloud, *metrics: tuple[str, str, dict[str, str]]) -> list[float]:
    """Return these metrics since the cloud began, all read at once."""
    now = datetime.now(UTC)
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": 86_400,
                "Stat": "Sum",
            },
        }
        for number, (namespace, name, dimensions) in enumerate(metrics)
    ]
    found = cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - timedelta(hours=1), EndTime=now + timedelta(days=2)
    )["MetricDataResults"]
    return [sum(result["Values"]) for result in found]


def total(cloud: LocalCloud, namespace: str, name: str, statistic: str = "Sum", **dimensions: Any) -> float:
    """A metric since the cloud began."""
    now = datetime.now(UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(days=2),
        Period=86_400,
        Statistics=[statistic],
    )
    return sum(point[statistic] for point in found["Datapoints"])
