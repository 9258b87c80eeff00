"""`python -m ops dead-letters` against a deployed stack: redriven messages are stored.

test_first_half_hour.py lists, shows, forces and discards a quarantined message.
"""

import json
from pathlib import Path

import pytest

from ops import dead_letter_queue
from simulation.lambda_events import sqs_record
from tests.e2e.conftest import Operator, Stack, event
from tests.e2e.permissions import edited, without
from tests.fakes.waiting import eventually
from tests.security.iam_statements import EVENT_HANDLER


@pytest.fixture(autouse=True)
def single_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)


def empty_queues(stack: Stack) -> None:
    for queue in ("queueUrl", "deadLetterQueueUrl"):
        stack.client("sqs").purge_queue(QueueUrl=stack.outputs[queue])


def reasons(operator: Operator) -> dict[str, int]:
    listed = operator.run("dead-letters", "list", "--json")
    assert listed.exit_code == 0, listed.stderr
    return {group["reason"]: group["count"] for group in json.loads(listed.stdout)["reasons"]}


def test_given_up_messages_are_redriven_and_stored(stack: Stack, operator: Operator, user: str):
    letters = stack.outputs["deadLetterQueueUrl"]
    empty_queues(stack)
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


def test_last_failure_of_a_given_up_message_is_shown(stack: Stack, operator: Operator, user: str):
    empty_queues(stack)
    body = event(user, "mail", "2024-03-01T00:00:00Z")
    sent = stack.client("sqs").send_message(QueueUrl=stack.outputs["deadLetterQueueUrl"], MessageBody=body)
    record = sqs_record(body, sent["MessageId"])
    record["attributes"]["ApproximateReceiveCount"] = "5"  # the last receive
    assert "last failures" not in operator.run("dead-letters", "list").stdout
    with edited(stack, EVENT_HANDLER, without("FoldRecords")):
        assert not stack.deliver(record)
    meaning = "gave up after 5 receives; last failures: 1 AccessDeniedException"
    eventually(lambda: operator.run("dead-letters", "list").stdout, lambda shown: meaning in shown)
    shown = operator.run("dead-letters", "show", "--all").stdout
    assert "last_failure       AccessDeniedException\n" in shown
    assert user not in shown


def test_exported_and_edited_messages_are_stored(
    stack: Stack, operator: Operator, user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    empty_queues(stack)
    (message_id,) = stack.send(event(user, "mail", "yesterday"))
    eventually(lambda: reasons(operator), lambda found: found == {"timestamp_malformed": 1})

    exported = operator.run("dead-letters", "export", "--all", "--copy", "events.jsonl")
    assert exported.exit_code == 0, exported.stderr
    corrected = Path("events.jsonl").read_text().replace("yesterday", "2024-03-01T00:00:00Z").replace("mail", "wiki")
    Path("events.jsonl").write_text(corrected)
    assert operator.run("send", "--file", "events.jsonl").stdout == "Sent 1 event.\n"

    body = event(user, "mail", "2024-03-02T00:00:00Z")
    edit = ["dead-letters", "edit", "--message-id", message_id, "--body", "-"]
    assert operator.run(*edit, "--dry-run", stdin=body).exit_code == 0
    assert reasons(operator) == {"timestamp_malformed": 1}
    edited_letter = operator.run(*edit, "--yes", stdin=body)
    assert edited_letter.exit_code == 0, edited_letter.stderr
    assert reasons(operator) == {}
    eventually(lambda: {service["service_id"] for service in stack.record(user)}, lambda ids: ids == {"mail", "wiki"})
