"""Exported and copied dead letters are sent again as their producers sent them; the log says why they were given up."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.commands import output
from ops.dead_letter_copies import copy_line, event_line, parse_copy
from ops.dead_letters import DeadLetter
from tests.fakes.events import TRACE
from tests.ops.simulated_stack import ORIGIN, SIGNATURE, Stack, accept_none, login, stamps

PRETTY = json.dumps(json.loads(login("ada")), indent=2)
# As version 0.1.0 wrote it.
OLD_COPY = {
    "message_id": "m-1",
    "reason": "timestamp_malformed",
    "detail": "A sentence.",
    "breaks_now": "",
    "source_message_id": "s-1",
    "sent_at": "2024-03-01T00:00:00Z",
    "receives": 1,
    "trace": "",
    "attribute_names": ["origin"],
    "body_characters": 2,
    "attributes": stamps("timestamp_malformed", "s-1") | {"origin": ORIGIN},
    "body": login("ada"),
}


def make_letter(body: str, **attributes: Any) -> DeadLetter:
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MessageAttributes": attributes}
    return DeadLetter(message | {"Attributes": {"AWSTraceHeader": TRACE}})


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        (login("ada"), {}),
        (PRETTY, {}),
        ("{\r}", {}),
        (" ", {}),
        ("\ufeff{}", {}),
        ("not even JSON \u2028 \U0001f600", {"origin": ORIGIN}),
        (login("ada"), {"signature": SIGNATURE, "origin": ORIGIN}),
        (login("ada"), stamps("field_blank", "s") | {"signature": SIGNATURE}),
        (copy_line(make_letter(login("ada"))).decode().strip(), {}),
    ],
    ids=["plain", "lines", "CR", "blank", "mark", "text", "attributes", "quarantined", "copy of a copy"],
)
def test_any_letter_is_read_back_as_it_was_sent(body: str, attributes: dict[str, Any]):
    letter = make_letter(body, **attributes)
    read = parse_copy(copy_line(letter).decode().removesuffix("\n"))
    assert read is not None
    assert read.as_sent() == letter.as_sent()
    line = event_line(letter).decode()
    assert line.count("\n") == 1
    read = parse_copy(line.removesuffix("\n"))
    assert (read.as_sent() if read else line) == (letter.as_sent() if read else f"{body}\n")


@pytest.mark.parametrize(
    "line",
    [
        login("ada"),
        '{"message_id": "m"}',
        '{"message_id": "m", "user_id": "ada", "source_message_id": "", "reason": "", "body": "", "attributes": {}}',
        json.dumps(OLD_COPY | {"body": 1}),
        json.dumps(OLD_COPY | {"body": "\ud800"}),
        json.dumps(OLD_COPY | {"attributes": {"a": {"DataType": "Binary", "BinaryValue": "="}}}),
        json.dumps(OLD_COPY | {"attributes": []}),
        '{"message_id": ',
    ],
)
def test_other_lines_are_events(line: str):
    assert parse_copy(line) is None


def test_copies_of_older_versions_and_events_are_sent_from_one_file(queues: Stack):
    Path("mixed.jsonl").write_text(f"{json.dumps(OLD_COPY)}\n{login('grace')}\n")
    sent = queues.run("send", "--file", "mixed.jsonl")
    assert (sent.exit_code, sent.stdout) == (0, "Sent 2 events.\n"), sent.stderr
    copied, plain = queues.messages("events")
    assert (copied.body, set(copied.message_attributes)) == (login("ada"), {"origin"})
    assert (plain.body, plain.message_attributes) == (login("grace"), {})


@pytest.mark.parametrize("command", [["discard", "--yes"], ["export"]], ids=lambda words: words[0])
def test_letters_are_sent_again_from_their_file(filled: Stack, command: list[str]):
    before = filled.bodies("dead-letters")
    result = filled.run("dead-letters", *command, "--all", "--copy", "kept.jsonl")
    assert result.exit_code == 0, result.stderr
    assert Path("kept.jsonl").stat().st_mode & 0o777 == 0o600
    if command == ["export"]:
        assert (filled.bodies("dead-letters"), filled.visible_letters()) == (before, 5)
        assert result.stdout == (
            "Exported 5 events to kept.jsonl, which contains personal data.\n"
            "2 of 5 events violate the contract: correct the file, then send it.\n"
            "To send: python -m ops send --file kept.jsonl\n"
        )
    checked = filled.run("send", "--file", "kept.jsonl")
    assert "2 of 5 events violate the contract" in checked.stderr or "is not a JSON object" in checked.stderr
    sent = filled.run("send", "--raw", "--file", "kept.jsonl")
    assert (sent.exit_code, sent.stdout) == (0, "Sent 5 events.\n"), sent.stderr
    assert sorted(filled.bodies("events")) == sorted(before)
    attributes = {message.body: set(message.message_attributes) for message in filled.messages("events")}
    assert attributes[login("margaret")] == {"origin", "signature"}
    assert attributes[login("ursula")] == {"origin"}


def test_rejected_copies_are_kept_whole(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    Path("copies.jsonl").write_text(json.dumps(OLD_COPY))
    accept_none(monkeypatch)
    queues.run("send", "--file", "copies.jsonl", "--failed", "failed.jsonl")
    assert json.loads(Path("failed.jsonl").read_text()) == OLD_COPY


def test_last_failures_are_shown_and_counted(stack: Stack):
    known, unknown = stack.bury(login("ursula")), stack.bury(login("grace"))
    stack.bury("not even JSON", **stamps("body_not_json", "source-1"))
    sent = min(int(message.sent_timestamp) for message in stack.messages("dead-letters"))
    for milliseconds, outcome, code, message_id in (
        (3, "exhausted", "AccessDeniedException", known),
        (1, "failed", "write_conflicts", known),
        (4, "invalid", "field_blank", known),
        (5, "exhausted", "out_of_time", "another"),
    ):
        line = {"outcome": outcome, "error_code": code, "message_id": message_id, "receive_count": 5}
        stack.log("event-handler", sent + milliseconds, line)
    listed = stack.run("dead-letters", "list")
    meaning = "gave up after 5 receives; last failures: 1 AccessDeniedException, 1 unknown"
    assert meaning in listed.stdout
    note = "The log has no failure of 1 of 2 messages with reason gave-up: "
    assert note in listed.stderr
    shown = stack.run("dead-letters", "show", "--all", "--json")
    failures = {
        letter["message_id"]: letter.get("last_failure") for letter in map(json.loads, shown.stdout.splitlines())
    }
    assert [failures.pop(known), failures.pop(unknown), *failures.values()] == [
        "AccessDeniedException",
        "unknown",
        None,
    ]
    text = stack.run("dead-letters", "show", "--message-id", known).stdout
    assert "last_failure       AccessDeniedException\nfailed_at          2" in text


def test_unreadable_log_is_a_note_and_the_letters_are_shown(queues: Stack):
    queues.bury(login("ursula"))
    shown = queues.run("dead-letters", "show", "--all")
    assert (shown.exit_code, "last_failure       unknown" in shown.stdout) == (0, True)
    assert "The last failures are not shown, because the log cannot be read: GetFunctionConfiguration" in shown.stderr


@pytest.mark.parametrize("rows", [4, 3], ids=["fits", "does not fit"])
def test_pager_shows_what_a_terminal_cannot(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(output, "sys", SimpleNamespace(stdin=terminal, stdout=terminal, stderr=sys.stderr))
    # Not the module itself: pytest asks it too, before this is undone.
    monkeypatch.setattr(output, "shutil", SimpleNamespace(get_terminal_size=lambda: (10, rows)))
    monkeypatch.setenv("PAGER", f"tee {tmp_path / 'paged'}")
    output.print_pages(["short", "a line of two"])
    paged = (tmp_path / "paged").read_text() if (tmp_path / "paged").exists() else ""
    assert paged == ("short\na line of two\n" if rows == 3 else "")
    assert capsys.readouterr().out == ("" if rows == 3 else "short\na line of two\n")
    monkeypatch.setenv("PAGER", "no-such-pager")
    output.print_pages(["short", "a line of two"])
    assert capsys.readouterr().out == "short\na line of two\n"
