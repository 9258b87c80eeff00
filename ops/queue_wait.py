"""Waiting until the source queue holds no event that was sent before a moment, without receiving any.

A receive counts towards `maxReceiveCount`, so a look by ReceiveMessage would move events to the dead-letter queue.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ops.dead_letter_queue import Queues
from ops.errors import OperatorError, pluralize
from ops.health.consumer import ENABLED, read_consumers
from ops.stack import StackOutputs

COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
LOOK_SECONDS = 5
# Three looks, because a count is approximate; after a minute, because it can leave out messages of the last minute.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
EMPTY_LOOKS = 3
SETTLE_SECONDS = 60
LONGEST_DELAY = timedelta(minutes=15)  # of a message that its producer delays
LONGEST_WAIT = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
_STOPPED = {"Disabled", "Disabling"}

OnLook = Callable[[int], None]


def wait_until_handled(outputs: StackOutputs, sent_before: datetime, on_look: OnLook) -> None:
    """Return when no event that was sent before then is in the source queue; raises OperatorError if that is not sure.

    `on_look` gets the number of events in the queue at each look.
    """
    wait = _Wait(outputs, sent_before)
    started = time.monotonic()
    while True:
        elapsed = timedelta(seconds=time.monotonic() - started)
        count = wait.count()
        on_look(count)
        if count:
            wait.check_consumer(count)
        if elapsed >= timedelta(seconds=SETTLE_SECONDS) and (wait.is_empty() or wait.is_younger(sent_before + elapsed)):
            return
        if elapsed > LONGEST_WAIT:
            raise OperatorError(
                f"After {elapsed // MINUTE} minutes, events sent before {sent_before:%H:%M:%SZ} can still be in the "
                "queue. See why: python -m ops status"
            )
        time.sleep(LOOK_SECONDS)


def time_of(response: Mapping[str, Any]) -> datetime:
    """Return when AWS sent this response: the clock of this machine can differ from that of the queue."""
    date = response["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)


class _Wait:
    """What the looks have shown so far."""

    def __init__(self, outputs: StackOutputs, sent_before: datetime) -> None:
        self._outputs, self._sent_before = outputs, sent_before
        self._queues = Queues.of(outputs)
        self._empty_looks = 0
        self._younger_since: datetime | None = None
        self._retry_time = self._read_retry_time()

    def count(self) -> int:
        """Look once and return how many events the queue holds, hidden and delayed ones included."""
        attributes = self._attributes(*COUNTS)
        count = sum(int(attributes[name]) for name in COUNTS)
        self._empty_looks = 0 if count else self._empty_looks + 1
        return count

    def is_empty(self) -> bool:
        """Whether the last looks found no event."""
        return self._empty_looks >= EMPTY_LOOKS

    def is_younger(self, now: datetime) -> bool:
        """Whether every event in a busy queue was sent later, by the age that CloudWatch has of the oldest.

        The age leaves out messages that were received three times. After the time of all receives, these are stored or
        dead letters too.
        """
        if self._retry_time is None:
            return False
        if self._younger_since is None:
            self._younger_since = self._find_younger_minute(now)
        return self._younger_since is not None and now >= self._younger_since + MINUTE + self._retry_time

    def check_consumer(self, count: int) -> None:
        """Raise OperatorError when events wait for a consumer that is stopped."""
        states = [consumer.state for consumer in read_consumers(self._outputs)]
        if not states or (_STOPPED.issuperset(states) and ENABLED not in states):
            raise OperatorError(
                f"The consumer is stopped, and {pluralize(count, 'event')} in the queue would bring a record back when "
                "it starts. Start it, then run the command again: python -m ops status prints how."
            )

    def _find_younger_minute(self, now: datetime) -> datetime | None:
        metric = {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": self._outputs.queue_url.rpartition("/")[2]}],
        }
        begin = self._sent_before + LONGEST_DELAY
        if now < begin + MINUTE:
            return None
        response = self._outputs.client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "age", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
            StartTime=begin,
            EndTime=now,
            ScanBy="TimestampAscending",
        )
        result = response["MetricDataResults"][0]
        for minute, age in zip(result["Timestamps"], result["Values"], strict=True):
            if minute >= begin and minute - timedelta(seconds=age) >= self._sent_before:
                return minute
        return None

    def _read_retry_time(self) -> timedelta | None:
        """Return how long an event that always fails stays in the queue; None if it stays until it expires."""
        receives = self._queues.max_receive_count()
        seconds = int(self._attributes("VisibilityTimeout")["VisibilityTimeout"])
        return timedelta(seconds=receives * seconds) if receives else None

    def _attributes(self, *names: str) -> dict[str, str]:
        url = self._queues.source_url
        return self._queues.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
