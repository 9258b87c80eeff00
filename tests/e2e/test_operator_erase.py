"""`python -m ops erase` against a deployed stack: no event that was sent before brings the user back."""

import time
from types import SimpleNamespace

import pytest

from ops import dead_letter_queue, queue_wait
from ops.queue_wait import COUNTS
from tests.e2e.conftest import Operator, Stack, event
from tests.e2e.faults import consumer_disabled
from tests.fakes.waiting import eventually

LATE = "2024-03-01T00:00:00Z"


class Scene:
    """A user with a record of several events, dead letters, and an event that a slow handler holds."""

    def __init__(self, stack: Stack, user: str) -> None:
        self._stack, self._user = stack, user
        self._sqs, self._url, letters_url = (
            stack.client("sqs"),
            stack.outputs["queueUrl"],
            stack.outputs["deadLetterQueueUrl"],
        )
        self.other = f"{user}-2"
        for url in (self._url, letters_url):
            self._sqs.purge_queue(QueueUrl=url)
        stack.send(*(event(user, service, LATE) for service in ("mail", "wiki", "mail")))
        stack.send(event(self.other, "mail", LATE), event(user, "mail", "yesterday"))
        for buried in (user, self.other):
            self._sqs.send_message(QueueUrl=letters_url, MessageBody=event(buried, "blog", LATE))
        eventually(lambda: (len(stack.record(user)), len(stack.record(self.other))), lambda counts: counts == (2, 1))
        eventually(lambda: letters(stack), lambda count: count >= 3)
        eventually(lambda: events(stack), lambda count: count == 0)
        with consumer_disabled(stack):
            self._held: str | None = eventually(self._hold)

    def _hold(self) -> str:
        """Send an event and receive it; empty if the consumer, which was just stopped, was faster."""
        self._stack.send(event(self._user, "late", LATE))
        received = self._sqs.receive_message(QueueUrl=self._url, VisibilityTimeout=900).get("Messages", [])
        return received[0]["ReceiptHandle"] if received else ""

    def handle(self, _seconds: float = 0) -> None:
        """Let the consumer have the event, once."""
        if self._held:
            self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=self._held, VisibilityTimeout=0)
            self._held = None


@pytest.fixture
def scene(stack: Stack, user: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The event in flight is handled while the command waits. Counts of the embedded cloud are exact at once."""
    scene = Scene(stack, user)

    def pause(seconds: float) -> None:
        scene.handle()
        time.sleep(seconds / 100)

    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    monkeypatch.setattr(queue_wait, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(queue_wait, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pause))
    return scene


def letters(stack: Stack) -> int:
    name, url = "ApproximateNumberOfMessages", stack.outputs["deadLetterQueueUrl"]
    return int(stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def events(stack: Stack) -> int:
    """Return how many events the source queue has, delayed ones included."""
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["queueUrl"], AttributeNames=list(COUNTS)
    )["Attributes"]
    return sum(int(attributes[name]) for name in COUNTS)


def test_erased_user_stays_erased(stack: Stack, operator: Operator, user: str, scene: Scene):
    planned = operator.run("erase", user)
    assert "The dead-letter queue has 2 events of this user.\n" in planned.stdout
    assert "Dry run: nothing was changed." in planned.stdout
    assert stack.record(user)
    assert letters(stack) >= 3

    erased = operator.run("erase", user, "--yes")
    assert erased.exit_code == 0, erased.stderr
    assert ", 2 times because events brought it back, and 2 dead letters.\n" in erased.stdout
    assert "point-in-time recovery of event-processing-dev-user-services" in erased.stdout
    assert user not in planned.output + erased.output
    # What a later redrive sends is of the other user alone.
    assert events(stack) == 0
    assert operator.run("dead-letters", "redrive", "--all", "--yes").exit_code == 0
    eventually(lambda: len(stack.record(scene.other)), lambda count: count == 2)
    assert stack.record(user) == []

    # A login after the erasure is a new record.
    stack.send(event(user, "mail", "2024-04-01T00:00:00Z"))
    (service,) = eventually(lambda: stack.record(user))
    assert service["last_accessed"] == "2024-04-01T00:00:00Z"


def test_control_deleting_the_record_alone_is_not_enough(
    stack: Stack, operator: Operator, user: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ops.erasure.wait_until_handled", lambda *_: None)
    assert operator.run("erase", user, "--yes").exit_code == 0
    scene.handle()
    assert [service["service_id"] for service in eventually(lambda: stack.record(user))] == ["late"]
