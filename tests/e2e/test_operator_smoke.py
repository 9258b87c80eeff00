"""`python -m ops smoke` against a deployed stack."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import dead_letter_queue, smoke, smoke_dead_letter
from tests.e2e.conftest import Stack, event
from tests.e2e.operator import Operator
from tests.e2e.permissions import edited, without
from tests.fakes.waiting import eventually
from tests.security.iam_statements import EVENT_HANDLER


class Clock:
    """A clock that stands still while the event handler works, so that no wait is too short on a busy machine."""

    def __init__(self, is_done: Callable[[], bool]) -> None:
        self.is_done = is_done
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        eventually(self.is_done)
        self._now += seconds


@pytest.fixture
def clock(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(lambda: stack.in_queue() == 0)
    monkeypatch.setattr(smoke, "time", clock)
    monkeypatch.setattr(smoke_dead_letter, "time", clock)
    return clock


@pytest.fixture
def operator(stack: Stack, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An operator who does not wait while receiving, because the emulator is a single server."""
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    return Operator(stack, tmp_path)


def users(stack: Stack) -> set[str]:
    """Return the test users that have a record."""
    items = stack.client("dynamodb").scan(TableName=stack.outputs["tableName"], ConsistentRead=True)["Items"]
    return {item["user_id"]["S"] for item in items if item["user_id"]["S"].startswith("smoke-test-")}


def test_smoke_test_passes_and_leaves_nothing(stack: Stack, operator: Operator):
    answer = operator.run("smoke")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.endswith("Every step passed.\n")
    assert "the embedded cloud does not evaluate alarms" in answer.stdout
    assert users(stack) == set()


def letters(stack: Stack) -> list[str]:
    """Return the bodies of the visible dead letters."""
    sqs, url = stack.client("sqs"), stack.outputs["deadLetterQueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in answer.get("Messages", [])]


@pytest.fixture
def other_letter(stack: Stack) -> Iterator[str]:
    """The only dead letter in the queue, of another user."""
    sqs, url = stack.client("sqs"), stack.outputs["deadLetterQueueUrl"]
    sqs.purge_queue(QueueUrl=url)
    body = event("another", "mail", "yesterday")
    sqs.send_message(QueueUrl=url, MessageBody=body)
    yield body
    sqs.purge_queue(QueueUrl=url)


def test_only_the_tests_own_dead_letter_is_deleted(stack: Stack, operator: Operator, other_letter: str):
    answer = operator.run("smoke", "--dead-letter")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "became a dead letter with its reason and its bytes, and was deleted" in answer.stdout
    assert (letters(stack), users(stack)) == ([other_letter], set())


def test_stack_that_cannot_quarantine_fails(stack: Stack, operator: Operator, clock: Clock, other_letter: str):
    """The control: the event handler may not send to the dead-letter queue."""
    before = stack.denials("event-handler")
    # The event that it cannot quarantine stays in the queue.
    clock.is_done = lambda: stack.in_queue() == 1 and stack.denials("event-handler") > before
    with edited(stack, EVENT_HANDLER, without("QuarantineEvents")):
        answer = operator.run("smoke", "--dead-letter", "--timeout", "3")
        stack.client("sqs").purge_queue(QueueUrl=stack.outputs["queueUrl"])
    assert answer.exit_code == 1
    assert "After 3 s the invalid event is not among the dead letters" in answer.stderr
    assert (letters(stack), users(stack)) == ([other_letter], set())


def test_api_without_the_expected_logins_fails(stack: Stack, operator: Operator, monkeypatch: pytest.MonkeyPatch):
    """The control: a late login wins, as with a handler that stores the last event received."""
    write = smoke._make_events

    def expecting_the_last(*arguments: Any) -> tuple[list[str], list[tuple[str, str]]]:
        bodies, (newest, _) = write(*arguments)
        return bodies, [newest]

    monkeypatch.setattr(smoke, "_make_events", expecting_the_last)
    answer = operator.run("smoke", "--timeout", "2")
    assert answer.exit_code == 1
    assert "After 2 s the API should return [('mail', " in answer.stderr
    assert "ops logs --errors" in answer.stderr
    assert users(stack) == set()
