"""How many messages the queues hold, and how old the oldest is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.stack import StackOutputs

EVENTS = "events"
DEAD_LETTERS = "dead letters"
# After an idle period, SQS reports metrics up to 15 minutes late.
AGE_WINDOW = timedelta(minutes=15)
_WAITING, _IN_FLIGHT, _VISIBILITY = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "VisibilityTimeout",
)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many messages a queue holds. The age comes from CloudWatch, and is None where CloudWatch has none."""

    role: str
    waiting: int
    in_flight: int
    oldest_seconds: float | None
    visibility_seconds: int
    """How long a message stays hidden after a failure, until it is received again."""

    @property
    def held(self) -> int:
        """How many messages are in the queue, the hidden ones included."""
        return self.waiting + self.in_flight


def read_queues(outputs: StackOutputs, now: datetime) -> tuple[Queue, ...]:
    """Return the source queue and the dead-letter queue."""
    urls = {EVENTS: outputs.queue_url, DEAD_LETTERS: outputs.dead_letter_queue_url}
    return tuple(_queue(outputs, role, url, now) for role, url in urls.items())


def _queue(outputs: StackOutputs, role: str, url: str, now: datetime) -> Queue:
    names = [_WAITING, _IN_FLIGHT, _VISIBILITY]
    attributes = outputs.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return Queue(
        role=role,
        waiting=int(attributes[_WAITING]),
        in_flight=int(attributes[_IN_FLIGHT]),
        oldest_seconds=_oldest_seconds(outputs, url.rpartition("/")[2], now),
        visibility_seconds=int(attributes[_VISIBILITY]),
    )


def _oldest_seconds(outputs: StackOutputs, queue_name: str, now: datetime) -> float | None:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": queue_name}],
    }
    query = {"Id": "age", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
    response = outputs.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - AGE_WINDOW, EndTime=now, ScanBy="TimestampDescending"
    )
    values: Sequence[float] = response["MetricDataResults"][0]["Values"]
    return values[0] if values else None
