"""A dead letter is edited without loss: the corrected message is sent only when it is valid, and deleted after that."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.commands import dead_letter_dialogue
from ops.redrive import Redrive
from tests.fakes.aws import messages_in
from tests.ops.simulated_stack import ORIGIN, SIGNATURE, Stack, accept_none, answer_with, assert_fails, login, stamps
from tests.ops.test_redrive_killed import CALLS, KilledError

WRONG, RIGHT = login("linus", "yesterday"), login("linus")
KEPT = Path(".localcloud", "kept")


@pytest.fixture
def wrong(queues: Stack) -> Stack:
    """Queues with a letter of which only the timestamp is wrong, a neighbour, and a file with the right body."""
    attributes = stamps("timestamp_malformed", "source-1")
    queues.bury(WRONG, origin=ORIGIN, signature=SIGNATURE, **attributes)
    queues.bury(login("grace"))
    Path("right.json").write_text(RIGHT + "\n")
    return queues


def edit(queues: Stack, *options: str, answers: str = "") -> Any:
    return queues.run("dead-letters", "edit", "--message-id", "source-1", *options, answers=answers)


def left(queues: Stack) -> tuple[list[str], list[str]]:
    return queues.bodies("events"), queues.bodies("dead-letters")


def test_corrected_body_is_sent_with_the_attributes_of_its_producer(wrong: Stack):
    result = edit(wrong, "--body", "right.json", "--yes", "--copy", "old.jsonl")
    assert result.exit_code == 0, result.stderr
    assert "A copy, which contains personal data, is in old.jsonl." in result.stdout
    assert json.loads(Path("old.jsonl").read_text())["body"] == WRONG
    (message,) = messages_in(wrong.sqs, wrong.outputs.queue_url)
    assert (message["Body"], message["MessageAttributes"]) == (RIGHT, {"origin": ORIGIN, "signature": SIGNATURE})
    assert (wrong.bodies("dead-letters"), wrong.visible_letters()) == ([login("grace")], 1)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (WRONG.replace("yesterday", "tomorrow"), "The new body violates the contract, so nothing was sent: timestamp"),
        ("", "The new body violates the contract"),
        (RIGHT[:-1] + f', "more": "{"x" * 1_100_000}"}}', "bytes; the queue accepts 1048576. Nothing was sent."),
        (b"\xff", "right.json is not UTF-8"),
        (None, "right.json cannot be read: No such file or directory."),
    ],
    ids=["invalid", "empty", "too large", "not UTF-8", "no file"],
)
def test_what_the_stack_cannot_store_is_not_sent(wrong: Stack, body: str | bytes | None, sentence: str):
    Path("right.json").unlink()
    if body is not None:
        Path("right.json").write_bytes(body if isinstance(body, bytes) else body.encode())
    assert_fails(edit(wrong, "--body", "right.json", "--yes"), sentence)
    assert (left(wrong), wrong.visible_letters()) == (([], [WRONG, login("grace")]), 2)
    assert not KEPT.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--dry-run", "--yes"], "Nothing was changed (--dry-run)."),
        ([], "Dry run: nothing was changed. Use --yes to apply."),
    ],
)
def test_without_confirmation_nothing_is_sent(wrong: Stack, options: list[str], sentence: str):
    result = edit(wrong, "--body", "-", *options, answers=RIGHT)
    assert (result.exit_code, sentence in result.stdout) == (0, True)
    assert f"(timestamp_malformed) would be sent with {len(RIGHT)} characters instead of {len(WRONG)}" in result.stdout
    assert (left(wrong), wrong.visible_letters()) == (([], [WRONG, login("grace")]), 2)


def test_same_body_changes_nothing(wrong: Stack):
    assert (
        edit(wrong, "--body", "-", "--yes", answers=WRONG).stdout == "The body is the same, so nothing was changed.\n"
    )
    assert left(wrong) == ([], [WRONG, login("grace")])


def test_rejected_and_undeleted_messages_are_reported(wrong: Stack, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        accept_none(patch)
        assert_fails(edit(wrong, "--body", "right.json", "--yes"), "did not accept the message (no response), so its")
    assert left(wrong) == ([], [WRONG, login("grace")])
    answer_with(monkeypatch, delete_message_batch=lambda request, real: {"Failed": []})
    assert_fails(edit(wrong, "--body", "right.json", "--yes"), "could not be deleted. Discard it: python -m ops")
    assert left(wrong) == ([RIGHT], [WRONG, login("grace")])


def test_message_taken_by_another_process_is_not_sent(wrong: Stack, monkeypatch: pytest.MonkeyPatch):
    def lapsed(request: dict[str, Any], real: Any) -> Any:
        return {"Failed": []} if request["Entries"][0]["VisibilityTimeout"] else real(**request)

    answer_with(monkeypatch, change_message_visibility_batch=lapsed)
    assert_fails(edit(wrong, "--body", "right.json", "--yes"), "Another process took the message meanwhile")
    assert wrong.bodies("events") == []


def edit_until(queues: Stack, operation: str, *, executed: bool) -> None:
    """Edit, and kill the process at a call, before SQS executes the call or before it responds."""
    dead = False

    def call(request: dict[str, Any], real: Any) -> Any:
        nonlocal dead
        response = None if dead or (real.__name__ == operation and not executed) else real(**request)
        if dead or real.__name__ == operation:
            dead = True
            raise KilledError
        return response

    with pytest.MonkeyPatch.context() as patch:
        answer_with(patch, **dict.fromkeys(CALLS, call))
        with pytest.raises(KilledError):
            edit(queues, "--body", "right.json", "--yes")


def is_lost(queues: Stack) -> bool:
    return not {WRONG, RIGHT} & {*queues.bodies("events"), *queues.bodies("dead-letters")}


@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("operation", CALLS)
def test_killed_edit_loses_nothing(wrong: Stack, operation: str, executed: bool):
    edit_until(wrong, operation, executed=executed)
    assert not is_lost(wrong)


def test_control_deleting_first_loses_the_message(wrong: Stack, monkeypatch: pytest.MonkeyPatch):
    send = Redrive._send
    monkeypatch.setattr(Redrive, "_send", lambda self, batch: (self._held.delete(batch), send(self, batch))[1])
    edit_until(wrong, "delete_message_batch", executed=True)
    assert is_lost(wrong)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_dialogue, "is_terminal", lambda: True)
    monkeypatch.delenv("VISUAL", raising=False)


@pytest.mark.usefixtures("terminal")
def test_editor_gets_the_body_and_a_person_confirms(wrong: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDITOR", "sed -i.bak s/yesterday/2024-03-01T00:00:00Z/")
    result = edit(wrong, answers="y\n")
    assert result.exit_code == 0, result.stderr
    assert "Send the corrected message?" in result.stdout
    assert left(wrong) == ([RIGHT], [login("grace")])
    (copy,) = KEPT.iterdir()
    assert (json.loads(copy.read_text())["body"], copy.stat().st_mode & 0o777) == (WRONG, 0o600)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("editor", "answers", "kept", "sentence"),
    [
        ("sed -i s/yesterday/tomorrow/", "", "tomorrow", "violates the contract"),
        ("sed -i s/yesterday/2024-03-01T00:00:00Z/", "n\n", "2024", ""),
        ("true", "", None, ""),
        ("false", "", None, "The editor false ended with 1, so nothing was changed."),
        ("no-such-editor", "", None, "The editor no-such-editor cannot be run: No such file or directory. Set EDITOR."),
    ],
    ids=["invalid", "declined", "unchanged", "failed", "no editor"],
)
def test_edited_text_that_is_not_sent_is_kept(
    wrong: Stack, monkeypatch: pytest.MonkeyPatch, editor: str, answers: str, kept: str | None, sentence: str
):
    monkeypatch.setenv("EDITOR", editor)
    result = edit(wrong, answers=answers)
    assert (result.exit_code, sentence in result.stderr) == (1 if sentence else 0, True)
    assert (left(wrong), wrong.visible_letters()) == (([], [WRONG, login("grace")]), 2)
    if kept is None:
        assert not KEPT.exists()
        return
    (file,) = KEPT.iterdir()
    assert f"To use it: --body {file}\n" in result.stderr
    assert (kept in file.read_text(), file.stat().st_mode & 0o777) == (True, 0o600)


def test_editor_needs_a_terminal(wrong: Stack):
    assert_fails(edit(wrong, "--yes"), "An editor needs a terminal. Name a file with the new body: --body FILE.")
