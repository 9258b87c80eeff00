"""`python -m ops dead-letters` against a deployed stack: redriven messages are handled, discarded ones deleted."""

import json
from pathlib import Path

import pytest

from ops import dead_letter_queue
from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


@pytest.fixture
def operator(operator: Operator, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An operator of empty queues, who does not wait while receiving, because the emulator is a single server."""
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    for queue in ("queueUrl", "deadLetterQueueUrl"):
        stack.client("sqs").purge_queue(QueueUrl=stack.outputs[queue])
    return operator


def reasons(operator: Operator) -> dict[str, int]:
    listed = operator.run("dead-letters", "list", "--json")
    assert listed.exit_code == 0, listed.stderr
    return {group["reason"]: group["count"] for group in json.loads(listed.stdout)["reasons"]}


def test_quarantined_message_is_shown_forced_and_discarded(stack: Stack, operator: Operator, user: str, tmp_path: Path):
    (message_id,) = stack.send(event(user, "mail", "yesterday"))
    eventually(lambda: reasons(operator), lambda found: found == {"timestamp_malformed": 1})
    by_id = ("--message-id", message_id)

    shown = operator.run("dead-letters", "show", *by_id)
    assert "timestamp has 9 characters" in shown.stdout
    assert user not in shown.stdout
    assert user in operator.run("dead-letters", "show", *by_id, "--body").stdout

    refused = operator.run("dead-letters", "redrive", *by_id, "--yes")
    assert refused.exit_code == 1
    assert "No selected message can be redriven" in refused.stderr
    assert operator.run("dead-letters", "redrive", *by_id, "--yes", "--force").exit_code == 0
    # It comes back under its new ID.
    eventually(lambda: reasons(operator), lambda found: found == {"timestamp_malformed": 1})
    assert operator.run("dead-letters", "show", *by_id).exit_code == 1

    copy = tmp_path / "copy.jsonl"
    discard = ("dead-letters", "discard", "--reason", "timestamp_malformed", "--copy", str(copy))
    assert "Dry run" in operator.run(*discard).stdout
    assert operator.run(*discard, "--yes").exit_code == 0
    assert (copy.stat().st_mode & 0o777, reasons(operator)) == (0o600, {})
    assert json.loads(json.loads(copy.read_text())["body"])["user_id"] == user


def test_given_up_messages_are_redriven_and_stored(stack: Stack, operator: Operator, user: str):
    letters = stack.outputs["deadLetterQueueUrl"]
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
