"""A command writes only files that it created: whatever is there already is neither overwritten nor removed."""

import os
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops import files
from tests.fakes.command_lines import walk
from tests.ops.simulated_stack import Stack, answer_with, assert_fails

KINDS = ("file", "link", "dangling link", "folder", "fifo", "device", "no folder", "read-only")

# Options that name a file to write, with a command that takes them; the other paths are read.
WRITTEN = {
    "--failed": ["send", "--file", "EVENTS"],
    "--copy": ["dead-letters", "discard", "--all", "--yes"],
    "--damaged": ["restore", "--from", "restored", "--yes"],
}
READ = {"--outputs", "--file", "--body", "--except-file"}
# Read if it exists, created if not: tests/e2e/test_operator_rotate.py.
CONTINUED = {"--secret-file"}


def test_every_option_that_names_a_file_is_known():
    parameters = [parameter for line in walk("ops") for parameter in line.command.params]
    named = {parameter.opts[0] for parameter in parameters if parameter.type_descriptor.annotation is Path}
    assert named == WRITTEN.keys() | READ | CONTINUED


@pytest.mark.parametrize("option", WRITTEN)
@pytest.mark.parametrize("kind", KINDS)
def test_unusable_file_is_rejected_before_the_first_request(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, kind: str, option: str
):
    path = make_unusable(kind)
    before = sorted(path_.name for path_ in Path().iterdir())
    calls = answer_with(monkeypatch, **dict.fromkeys(OPERATIONS, lambda request, real: real(**request)))
    result = queues.run(*(str(events) if word == "EVENTS" else word for word in WRITTEN[option]), option, str(path))
    wanted = "cannot be written" if kind in ("no folder", "read-only") else "already exists and will not be overwritten"
    assert_fails(result, f"{path} {wanted}")
    assert len(result.stderr.splitlines()) == 1
    assert calls == []
    assert sorted(path_.name for path_ in Path().iterdir()) == before
    assert kind != "file" or path.read_text() == "evidence"


OPERATIONS = ("get_queue_attributes", "send_message_batch", "receive_message", "delete_message_batch")


def make_unusable(kind: str) -> Path:
    path = Path("unusable")
    if kind == "file":
        path.write_text("evidence")
    elif kind == "link":
        Path("target").write_text("evidence")
        path.symlink_to("target")
    elif kind == "dangling link":
        path.symlink_to("nothing")
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        return Path(os.devnull)
    elif kind == "no folder":
        return path / "file"
    else:  # also for root, whom no mode stops
        return Path("/proc/unusable")
    return path


def test_unusable_folder_of_kept_files_is_rejected_before_the_first_request(queues: Stack, events: Path):
    Path(".localcloud").write_text("evidence")
    result = queues.run("send", "--file", str(events))
    assert_fails(result, "cannot be written: Not a directory. Choose another file with --failed.")
    assert queues.bodies("events") == []
    assert Path(".localcloud").read_text() == "evidence"


def test_two_runs_in_one_second_never_use_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "datetime", SimpleNamespace(now=lambda zone: datetime(2026, 1, 1, tzinfo=zone)))
    with ExitStack() as stack:
        kept = [stack.enter_context(files.create_file(None, "kind", "--copy")) for _ in range(3)]
        assert [file.path.name for file in kept] == [f"kind-20260101T000000{n}.jsonl" for n in ("", "-2", "-3")]
        kept[1].is_needed = True
    assert list(Path(".localcloud", "kept").iterdir()) == [kept[1].path]


def test_file_that_replaced_ours_is_not_removed(tmp_path: Path):
    with files.NewFile(tmp_path / "a") as ours:
        ours.path.unlink()
        ours.path.write_text("evidence")
    assert ours.path.read_text() == "evidence"
