"""A redrive that is killed at any moment loses nothing: every message is in one queue or in both."""

from collections.abc import Sequence
from typing import Any

import pytest

from ops.dead_letters import DeadLetter
from ops.redrive import Redrive
from tests.ops.simulated_stack import Stack, answer_with, login

LETTERS = [login(f"user-{number}") for number in range(12)]  # two batches
CALLS = ("receive_message", "send_message_batch", "delete_message_batch", "change_message_visibility_batch")


class KilledError(BaseException):
    """The process has ended: SQS executes no call any more, not even one that cleans up."""


def redrive_until(queues: Stack, operation: str, number: int, *, executed: bool) -> None:
    """Redrive everything, and kill the process at a call, before SQS executes the call or before it responds."""
    calls: list[str] = []

    def call(request: dict[str, Any], real: Any) -> Any:
        calls.append(real.__name__)
        is_alive = calls.count(operation) < number
        is_chosen = (calls[-1], calls.count(operation)) == (operation, number)
        response = real(**request) if is_alive or (is_chosen and executed) else None
        if not is_alive:
            raise KilledError
        return response

    with pytest.MonkeyPatch.context() as patch:
        answer_with(patch, **dict.fromkeys(CALLS, call))
        with pytest.raises(KilledError):
            queues.redrive("--reason", "gave-up", "--yes")


@pytest.fixture
def buried(queues: Stack) -> Stack:
    for body in LETTERS:
        queues.bury(body)
    return queues


def lost(queues: Stack) -> set[str]:
    return set(LETTERS) - set(queues.bodies("events")) - set(queues.bodies("dead-letters"))


@pytest.mark.parametrize(
    ("call", "executed", "sent", "left"),
    [
        (("receive_message", 2), True, 0, 12),
        (("send_message_batch", 1), False, 0, 12),
        (("send_message_batch", 1), True, 10, 12),
        (("delete_message_batch", 1), True, 10, 2),
    ],
)
def test_killed_redrive_loses_nothing(buried: Stack, call: tuple[str, int], executed: bool, sent: int, left: int):
    redrive_until(buried, *call, executed=executed)
    assert lost(buried) == set()
    assert (len(buried.bodies("events")), len(buried.bodies("dead-letters"))) == (sent, left)
    assert buried.visible_letters() == 0, "a killed process releases no message"


def test_second_run_redrives_the_rest(buried: Stack):
    redrive_until(buried, "send_message_batch", 2, executed=True)
    for message in buried.messages("dead-letters"):
        message.change_visibility(0)  # two minutes later
    assert buried.redrive("--reason", "gave-up", "--yes").exit_code == 0
    assert lost(buried) == set()
    assert buried.bodies("dead-letters") == []
    assert len(buried.bodies("events")) == 14, "two messages twice"


def test_control_deleting_first_loses_messages(buried: Stack, monkeypatch: pytest.MonkeyPatch):
    send = Redrive._send

    def delete_and_send(self: Redrive, batch: Sequence[DeadLetter]) -> list[DeadLetter]:
        self._held.delete(batch)
        return send(self, batch)

    monkeypatch.setattr(Redrive, "_send", delete_and_send)
    redrive_until(buried, "delete_message_batch", 1, executed=True)
    assert len(lost(buried)) == 10
