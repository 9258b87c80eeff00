"""`python -m ops dead-letters` against a deployed stack: redriven messages are stored.

test_first_half_hour.py lists, shows, forces and discards a quarantined message.
"""

import json

import pytest

from ops import dead_letter_queue
from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


def reasons(operator: Operator) -> dict[str, int]:
    listed = operator.run("dead-letters", "list", "--json")
    assert listed.exit_code == 0, listed.stderr
    return {group["reason"]: group["count"] for group in json.loads(listed.stdout)["reasons"]}


def test_given_up_messages_are_redriven_and_stored(
    stack: Stack, operator: Operator, user: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)  # the emulator is a single server
    letters = stack.outputs["deadLetterQueueUrl"]
    for queue in (stack.outputs["queueUrl"], letters):
        stack.client("sqs").purge_queue(QueueUrl=queue)
    for number in range(12):
        body = event(user, f"service-{number:02}", "2024-03-01T00:00:00Z")
        stack.client("sqs").send_message(QueueUrl=letters, MessageBody=body)
    assert reasons(operator) == {"gave-up": 12}
    assert "gave up after 5 receives" in operator.run("dead-letters", "list").stdout
    assert "Dry run" in operator.run("dead-letters", "redrive", "--all").stdout
    assert stack.record(user) == []

    redriven = operator.run("dead-letters", "redrive", "--all", "--yes")
    assert redriven.exit_code == 0, redriven.stderr
    assert redriven.stdout.splitlines()[-1].startswith("Redrove 12 messages.")
    assert "Receiving, sending and deleting instead" in redriven.stderr
    eventually(lambda: len(stack.record(user)), lambda count: count == 12)
    assert reasons(operator) == {}
