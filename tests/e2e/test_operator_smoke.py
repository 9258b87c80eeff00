"""`python -m ops smoke` against a deployed stack."""

from collections.abc import Iterator

import pytest

from ops import dead_letters, smoke, smoke_dead_letter
from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


class Clock:
    """A clock that stands still while the event handler is at work: no wait is too short for a busy machine."""

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
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)  # the emulator has but one server to ask
    return operator


def users(stack: Stack) -> set[str]:
    """Test users with a record."""
    items = stack.client("dynamodb").scan(TableName=stack.outputs["tableName"], ConsistentRead=True)["Items"]
    return {item["user_id"]["S"] for item in items if item["user_id"]["S"].startswith("smoke-test-")}


def test_the_whole_path_is_tried_and_nothing_is_left(stack: Stack, operator: Operator):
    answer = operator.run("smoke")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.endswith("All as expected.\n")
    assert "Alarms are not evaluated in the embedded cloud" in answer.stdout
    assert users(stack) == set()


def letters(stack: Stack) -> list[str]:
    """Bodies of the dead letters that can be seen."""
    sqs, url = stack.client("sqs"), stack.outputs["deadLetterQueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in answer.get("Messages", [])]


@pytest.fixture
def letter_of_another(stack: Stack) -> Iterator[str]:
    """The one dead letter there is."""
    sqs, url = stack.client("sqs"), stack.outputs["deadLetterQueueUrl"]
    sqs.purge_queue(QueueUrl=url)
    body = event("another", "mail", "yesterday")
    sqs.send_message(QueueUrl=url, MessageBody=body)
    yield body
    sqs.purge_queue(QueueUrl=url)


def test_the_invalid_event_becomes_a_dead_letter_and_it_alone_is_taken_out(
    stack: Stack, operator: Operator, letter_of_another: str
):
    answer = operator.run("smoke", "--dead-letter")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "is a dead letter with its reason and its bytes, and is taken out" in answer.stdout
    assert (letters(stack), users(stack)) == ([letter_of_another], set())
