"""`python -m ops smoke` against a deployed stack."""

from collections.abc import Iterator

import pytest

from ops import dead_letter_queue, smoke, smoke_dead_letter
from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


class Clock:
    """A clock that stands still while the event handler works, so that no wait is too short on a busy machine."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        eventually(lambda: self._stack.in_queue() == 0)
        self._now += seconds


@pytest.fixture
def operator(operator: Operator, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Operator:
    for module in (smoke, smoke_dead_letter):
        monkeypatch.setattr(module, "time", Clock(stack))
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)  # the emulator is a single server
    return operator


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
