"""Dead letters are discarded only after a complete copy, which only the owner can read."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from ops.signals import Stopped
from tests.ops.simulated_stack import Stack, answer_with, assert_fails, login, small_files


@pytest.mark.parametrize("options", [["--copy", "kept.jsonl"], []])
def test_discard_copies_messages_to_a_private_file(filled: Stack, options: list[str]):
    result = filled.run("dead-letters", "discard", "--reason", "body_not_json", "--yes", *options)
    assert result.exit_code == 0, result.stderr
    kept = Path("kept.jsonl") if options else next(Path(".localcloud", "kept").iterdir())
    assert f"A copy, which contains personal data, is in {kept}." in result.stdout
    assert kept.stat().st_mode & 0o777 == 0o600
    (letter,) = map(json.loads, kept.read_text().splitlines())
    assert letter["body"] == "not even JSON"
    assert letter["attributes"]["error_code"]["StringValue"] == "body_not_json"
    assert "not even JSON" not in filled.bodies("dead-letters")
    assert filled.visible_letters() == 4


def test_nothing_is_deleted_when_the_copy_fails(filled: Stack):
    Path("kept.jsonl").write_text("evidence")
    for options, sentence in (
        (("kept.jsonl", "--yes"), "already exists and will not be overwritten"),
        (("no/such/folder", "--yes"), "cannot be written"),
        (("x", "--no-copy"), "contradict"),
    ):
        assert_fails(filled.run("dead-letters", "discard", "--all", "--copy", *options), sentence)
    assert Path("kept.jsonl").read_text() == "evidence"
    assert filled.visible_letters() == 5


def test_discard_without_copy_writes_no_file(filled: Stack):
    assert filled.run("dead-letters", "discard", "--all", "--no-copy", "--yes").stdout.endswith("Deleted 5 messages.\n")
    assert filled.bodies("dead-letters") == filled.bodies("events") == []
    assert [path.name for path in Path().iterdir()] == ["outputs.json"]


@pytest.mark.parametrize("operation", ["change_message_visibility_batch", "delete_message_batch"])
def test_interrupted_discard_leaves_a_complete_copy_or_none(
    queues: Stack, monkeypatch: pytest.MonkeyPatch, operation: str
):
    for number in range(12):
        queues.bury(login(f"user-{number}"))

    def second_is_interrupted(request: dict[str, Any], real: Any) -> Any:
        if len(calls) == 2:
            raise Stopped(signal.SIGHUP)
        return real(**request)

    calls = answer_with(monkeypatch, **{operation: second_is_interrupted})
    result = queues.run("dead-letters", "discard", "--all", "--yes", "--copy", "kept.jsonl")
    assert result.exit_code == 128 + signal.SIGHUP
    if operation == "delete_message_batch":
        copy = "A copy, which contains personal data, is in kept.jsonl."
        assert result.stderr == f"Deleted at least 10 of 12 messages before the interruption. {copy}\n{INTERRUPTED}"
        assert len(Path("kept.jsonl").read_text().splitlines()) == 12
    else:
        assert result.stderr == INTERRUPTED
        assert not Path("kept.jsonl").exists()
    assert queues.visible_letters() == (2 if operation == "delete_message_batch" else 12)


INTERRUPTED = "Interrupted (SIGHUP).\n"


def test_nothing_is_deleted_when_the_disk_is_full(filled: Stack):
    filled.bury("x" * 1000)
    with small_files():
        result = filled.run("dead-letters", "discard", "--all", "--yes", "--copy", "kept.jsonl")
    assert_fails(result, "kept.jsonl cannot be written: File too large. Nothing was changed.")
    assert filled.visible_letters() == 6
    assert not Path("kept.jsonl").exists()
