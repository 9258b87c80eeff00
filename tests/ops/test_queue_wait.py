"""The wait ends when no older event can be in the source queue, and not before."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops import queue_wait
from ops.errors import OperatorError
from ops.queue_wait import COUNTS, time_of, wait_until_handled
from ops.stack import StackOutputs

BEGAN = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
VISIBILITY_SECONDS, RECEIVES = 60, 5


class Aws:
    """A queue, its consumer and its metrics; time passes only while the command sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        self.counts: Callable[[float], Sequence[int]] = lambda seconds: (0, 0, 0)
        self.ages: Callable[[int], float] = lambda minute: 60 * minute
        self.states = ["Enabled"]
        self.redrive_policy: dict[str, str] = {"RedrivePolicy": f'{{"maxReceiveCount": {RECEIVES}}}'}
        monkeypatch.setattr(queue_wait, "time", SimpleNamespace(monotonic=lambda: self.seconds, sleep=self.sleep))

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def wait(self) -> float:
        """Return after how many seconds the wait ended."""
        outputs = SimpleNamespace(
            client=lambda service: self,
            queue_url="https://sqs/events",
            dead_letter_queue_url="https://sqs/letters",
            functions={"event-handler": "handler"},
        )
        wait_until_handled(cast(StackOutputs, outputs), BEGAN, lambda count: None)
        return self.seconds

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        counts = dict(zip(COUNTS, map(str, self.counts(self.seconds)), strict=True))
        return {"Attributes": counts | self.redrive_policy | {"VisibilityTimeout": "60", "QueueArn": "arn"}}

    def get_paginator(self, _: str) -> Any:
        mappings = [{"UUID": "id", "State": state, "FunctionArn": "arn:handler"} for state in self.states]
        return SimpleNamespace(paginate=lambda **_: [{"EventSourceMappings": mappings}])

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        first, last = (int((request[name] - BEGAN) / timedelta(minutes=1)) for name in ("StartTime", "EndTime"))
        minutes = range(first, last)
        times = [BEGAN + timedelta(minutes=minute) for minute in minutes]
        return {"MetricDataResults": [{"Timestamps": times, "Values": [self.ages(minute) for minute in minutes]}]}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    return Aws(monkeypatch)


def test_empty_queue_is_believed_after_a_minute(aws: Aws):
    assert aws.wait() == 60


@pytest.mark.parametrize("place", range(3), ids=COUNTS)
def test_event_in_any_count_is_waited_for(aws: Aws, place: int):
    aws.counts = lambda seconds: [int(at == place and seconds < 300) for at in range(3)]
    assert aws.wait() == 310  # the third empty look


def test_single_empty_look_is_not_believed(aws: Aws):
    aws.counts = lambda seconds: (int(seconds % 15 != 0), 0, 0) if seconds < 600 else (0, 0, 0)
    assert aws.wait() >= 600


def test_busy_queue_is_left_when_older_events_had_time_for_all_receives(aws: Aws):
    aws.counts = lambda seconds: (5, 1, 0)
    # From minute 20 on, the oldest event is ten seconds old.
    aws.ages = lambda minute: 10 if minute >= 20 else 60 * minute + 1
    assert aws.wait() == (20 + 1) * 60 + RECEIVES * VISIBILITY_SECONDS


def test_busy_queue_with_an_older_event_is_never_left(aws: Aws):
    aws.counts = lambda seconds: (5, 1, 0)
    aws.ages = lambda minute: 60 * minute + 1
    with pytest.raises(OperatorError, match="can still be in the queue"):
        aws.wait()


def test_delayed_event_has_no_age_yet(aws: Aws):
    aws.counts = lambda seconds: (5, 1, 1)
    aws.ages = lambda minute: 0
    assert aws.wait() >= timedelta(minutes=15).total_seconds()


def test_age_says_nothing_without_an_end_of_receives(aws: Aws):
    aws.counts = lambda seconds: (5, 1, 0)
    aws.ages = lambda minute: 0
    aws.redrive_policy = {}
    with pytest.raises(OperatorError, match="can still be in the queue"):
        aws.wait()


@pytest.mark.parametrize("states", [["Disabled"], []], ids=["disabled", "missing"])
def test_stopped_consumer_with_events_is_reported_at_once(aws: Aws, states: list[str]):
    aws.counts, aws.states = lambda seconds: (1, 0, 0), states
    with pytest.raises(OperatorError, match="1 event in the queue would bring a record back"):
        aws.wait()
    assert aws.seconds == 0


def test_stopped_consumer_without_events_does_not_matter(aws: Aws):
    aws.states = ["Disabled"]
    assert aws.wait() == 60


def test_time_is_that_of_the_response():
    headers = {"date": "Fri, 01 Mar 2024 12:00:00 GMT"}
    assert time_of({"ResponseMetadata": {"HTTPHeaders": headers}}) == BEGAN
