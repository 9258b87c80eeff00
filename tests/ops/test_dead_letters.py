"""Dead letters are shown, redriven and discarded as the options say, and only then."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops import dead_letter_queue, redrive
from ops.commands import dead_letter_dialogue
from ops.dead_letters import DeadLetter
from tests.fakes.aws import messages_in
from tests.fakes.events import TRACE
from tests.ops.simulated_stack import ORIGIN, SIGNATURE, Stack, answer_with, assert_fails, login, stamps


def test_list_counts_reasons_and_leaves_messages_visible(filled: Stack):
    listed = filled.run("dead-letters", "list")
    assert listed.exit_code == 0, listed.stderr
    header, *rows = (line.split("\t") for line in listed.stdout.splitlines())
    assert header[:3] == ["reason", "count", "valid now"]
    assert {tuple(row[:3]) for row in rows} == {
        ("gave-up", "2", "2"),
        ("body_not_json", "1", "0"),
        ("timestamp_malformed", "1", "0"),
        ("field_blank", "1", "1"),
    }
    assert rows[0][4:] == ["gave up after 5 receives"]
    assert "counts as a receive" in listed.stderr
    assert filled.visible_letters() == 5
    found = json.loads(filled.run("dead-letters", "list", "--json").stdout)
    assert (found["looked_at"], found["reasons"][0]["count"]) == (5, 2)


def test_control_unreleased_messages_stay_hidden(filled: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dead_letter_queue.HeldLetters, "release", lambda self: None)
    assert filled.run("dead-letters", "list").exit_code == 0
    assert filled.visible_letters() == 0


def test_empty_queue_and_reached_limit_are_reported(queues: Stack):
    assert queues.run("dead-letters", "list").stdout == "There are no dead letters.\n"
    assert_fails(queues.redrive("--all"), "is empty")
    for number in range(3):
        queues.bury(login(str(number)))
    assert "Received 2 of about 3 dead letters: --limit" in queues.run("dead-letters", "list", "--limit", "2").stderr


def test_single_letter_held_by_another_process_is_in_the_singular(queues: Stack):
    queues.bury(login("ada"))
    queues.sqs.receive_message(QueueUrl=queues.outputs.dead_letter_queue_url)
    note = "Received 0 of about 1 dead letter: another process holds it.\n"
    assert note in queues.run("dead-letters", "list").stderr


def test_message_received_twice_ends_receiving(filled: Stack, monkeypatch: pytest.MonkeyPatch):
    """Receiving takes longer than messages stay hidden."""
    monkeypatch.setattr(dead_letter_queue, "HIDDEN_SECONDS", 0)
    assert json.loads(filled.run("dead-letters", "list", "--json").stdout)["looked_at"] == 5


def test_show_prints_personal_data_only_with_body(filled: Stack):
    shown = filled.run("dead-letters", "show", "--all")
    assert shown.exit_code == 0
    assert "timestamp_malformed" in shown.stdout
    assert "source-2" in shown.stdout
    for personal in ("ursula", "linus", "producer-1"):
        assert personal not in shown.stdout
    asked = filled.run("dead-letters", "show", "--reason", "timestamp_malformed", "--body", "--json")
    (letter,) = (json.loads(line) for line in asked.stdout.splitlines())
    assert letter["body"] == login("linus", "yesterday")
    assert filled.visible_letters() == 5


def test_version_that_gave_up_is_shown_and_never_sent_back(queues: Stack):
    by_version = {"quarantined_by": {"DataType": "String", "StringValue": "1a2b3c4d5e6f"}}
    queues.bury(login("margaret"), **stamps("field_blank", "source-3"), **by_version)
    queues.bury(login("ursula"))
    shown = queues.run("dead-letters", "show", "--reason", "field_blank").stdout
    assert "version            1a2b3c4d5e6f" in shown
    assert "quarantined_by" not in shown
    assert "version" not in queues.run("dead-letters", "show", "--reason", "gave-up").stdout
    reasons = json.loads(queues.run("dead-letters", "list", "--json").stdout)["reasons"]
    assert {row["reason"]: row["versions"] for row in reasons} == {"field_blank": "1a2b3c4d5e6f", "gave-up": "unknown"}
    assert queues.redrive("--reason", "field_blank", "--yes").exit_code == 0
    (message,) = queues.messages("events")
    assert message.message_attributes == {}


def test_control_characters_of_a_body_are_escaped(queues: Stack):
    queues.bury("\x1b]0;owned\x07\x9b31m\n", **stamps("body_not_json", "s"))
    shown = queues.run("dead-letters", "show", "--all", "--body").stdout
    assert "\\x1b]0;owned\\x07\\x9b31m\\n" in shown
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Dry run: nothing was changed. Use --yes to apply.\n"),
        (["--dry-run", "--yes"], "Nothing was changed (--dry-run).\n"),
        (["--dry-run", "--yes", "--force"], "Nothing was changed (--dry-run).\n"),
    ],
    ids=["no terminal", "dry run", "dry run of the whole queue"],
)
@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_without_confirmation_nothing_changes(filled: Stack, command: str, options: list[str], sentence: str):
    words = [option for option in options if option != "--force" or command == "redrive"]
    result = filled.run("dead-letters", command, "--all", *words)
    assert result.exit_code == 0
    assert result.stdout.endswith(sentence)
    assert (len(filled.bodies("dead-letters")), filled.bodies("events")) == (5, [])
    assert filled.visible_letters() == 5
    assert [path.name for path in Path().iterdir()] == ["outputs.json"]


@pytest.mark.parametrize(("answer", "sent"), [("y\n", 2), ("n\n", 0)])
def test_terminal_user_is_asked_for_confirmation(
    filled: Stack, monkeypatch: pytest.MonkeyPatch, answer: str, sent: int
):
    monkeypatch.setattr(dead_letter_dialogue, "is_terminal", lambda: True)
    result = filled.redrive("--reason", "gave-up", answers=answer)
    assert "Send 2 messages back?" in result.stdout
    assert len(filled.bodies("events")) == sent


def test_redriven_message_equals_the_sent_message(filled: Stack):
    result = filled.redrive("--message-id", "source-3", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "gets a new ID" in result.stdout
    (message,) = messages_in(filled.sqs, filled.outputs.queue_url)
    assert message["Body"] == login("margaret")
    assert message["MessageAttributes"] == {"origin": ORIGIN, "signature": SIGNATURE}
    assert login("margaret") not in filled.bodies("dead-letters")
    assert filled.visible_letters() == 4


def test_redrive_selects_by_reason_or_either_id(filled: Stack):
    last = filled.bury(login("last"))
    assert filled.redrive("--message-id", last, "--yes").exit_code == 0
    assert filled.bodies("events") == [login("last")]
    assert filled.redrive("--reason", "gave-up", "--yes").exit_code == 0
    assert sorted(filled.bodies("events")) == sorted([login("last"), login("ursula"), login("grace")])
    assert filled.visible_letters() == 3
    assert_fails(filled.redrive("--reason", "gave-up", "--yes"), "No dead letter matches gave-up (received: 3)")


def test_invalid_messages_are_redriven_only_with_force(filled: Stack):
    result = filled.redrive("--all", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "2 messages violate the contract and were left in the queue" in result.stdout
    assert len(filled.bodies("events")) == 3
    assert "not even JSON" in filled.bodies("dead-letters")
    assert_fails(filled.redrive("--all", "--yes"), "No selected message can be redriven. Edit or discard them, or use")
    assert filled.redrive("--all", "--yes", "--force").exit_code == 0
    assert len(filled.bodies("events")) == 5
    assert filled.bodies("dead-letters") == []


@pytest.mark.parametrize("arguments", [[], ["--all", "--reason", "gave-up"], ["--reason", "x", "--message-id", "y"]])
def test_selection_needs_exactly_one_kind_of_option(queues: Stack, arguments: list[str]):
    for command in ("redrive", "discard", "show"):
        assert_fails(queues.run("dead-letters", command, *arguments), "--reason, --message-id or --all")


def test_batch_is_at_most_one_mebibyte(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    for _ in range(3):
        queues.bury("x" * 400_000)
    calls = answer_with(monkeypatch, send_message_batch=lambda request, real: real(**request))
    assert queues.redrive("--all", "--yes", "--force").exit_code == 0
    assert [len(request["Entries"]) for _, request in calls] == [2, 1]


def test_rejected_message_stays_in_the_dead_letter_queue(filled: Stack, monkeypatch: pytest.MonkeyPatch):
    def half(request: dict[str, Any], real: Any) -> Any:
        answer = real(QueueUrl=request["QueueUrl"], Entries=request["Entries"][:1])
        return answer | {"Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}]}

    answer_with(monkeypatch, send_message_batch=half)
    assert_fails(filled.redrive("--reason", "gave-up", "--yes"), "1 message not accepted (InternalError)")
    assert (len(filled.bodies("events")), len(filled.bodies("dead-letters"))) == (1, 4)
    assert filled.visible_letters() == 4


def test_undeleted_messages_are_reported(filled: Stack, monkeypatch: pytest.MonkeyPatch):
    answer_with(monkeypatch, delete_message_batch=lambda request, real: {"Failed": []})
    assert_fails(filled.redrive("--reason", "gave-up", "--yes"), "2 messages sent but not deleted")
    assert (len(filled.bodies("events")), len(filled.bodies("dead-letters"))) == (2, 5)


def test_messages_taken_by_another_process_are_not_redriven(filled: Stack, monkeypatch: pytest.MonkeyPatch):
    def lapsed(request: dict[str, Any], real: Any) -> Any:
        return {"Failed": []} if request["Entries"][0]["VisibilityTimeout"] else real(**request)

    answer_with(monkeypatch, change_message_visibility_batch=lapsed)
    assert_fails(filled.redrive("--reason", "gave-up", "--yes"), "2 messages taken by another process")
    assert filled.bodies("events") == []


def make_letter(**message: Any) -> DeadLetter:
    return DeadLetter({"MessageId": "id", "ReceiptHandle": "handle", "Body": ""} | message)


def test_reason_ignores_a_quarantine_before_an_earlier_redrive():
    attributes = stamps("field_blank", "source")
    moved_by_sqs = {"DeadLetterQueueSourceArn": "arn:aws:sqs:eu-west-1:123456789012:source"}
    letter = make_letter(MessageAttributes=attributes, Attributes=moved_by_sqs)
    assert letter.reason == "gave-up"
    assert make_letter(MessageAttributes=attributes).reason == "field_blank"
    assert letter.as_sent()["MessageAttributes"] == {}


def test_redrive_keeps_trace_header_and_producer_attributes_with_our_names():
    sent = make_letter(Attributes={"AWSTraceHeader": TRACE}, MessageAttributes={"error_code": ORIGIN}).as_sent()
    assert sent["MessageSystemAttributes"] == {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    assert sent["MessageAttributes"] == {"error_code": ORIGIN}


def test_pace_limits_the_rate(monkeypatch: pytest.MonkeyPatch):
    clock = [0.0]
    monkeypatch.setattr(redrive.time, "monotonic", lambda: clock[0])
    pace = redrive.Pace(20, sleep=lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    for _ in range(10):
        pace.wait_for(10)
    assert clock[0] == pytest.approx(4.5)


def test_show_omits_empty_and_repeated_values(filled: Stack):
    result = filled.run("dead-letters", "show", "--reason", "timestamp_malformed", "--body").stdout
    assert "violation_now" in result
    assert "error_code" not in result, "`reason` contains it"
    given_up = filled.run("dead-letters", "show", "--reason", "gave-up", "--body").stdout
    assert "producer-1" in given_up, "producer attributes are shown"
    lines = [line for line in given_up.splitlines() if line]
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)
    assert "violation_now" not in given_up


def test_interrupted_redrive_reports_its_progress(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    for number in range(12):
        queues.bury(login(f"user-{number}"))

    def second_is_interrupted(request: dict[str, Any], real: Any) -> Any:
        if queues.bodies("events"):
            raise KeyboardInterrupt
        return real(**request)

    answer_with(monkeypatch, send_message_batch=second_is_interrupted)
    result = queues.redrive("--reason", "gave-up", "--yes")
    assert result.exit_code == 130
    assert result.stderr == (
        "10 of 12 messages went back before the interruption. The others are still in the dead-letter queue.\n"
        "Interrupted.\n"
    )
    assert (len(queues.bodies("events")), queues.visible_letters()) == (10, 2)
