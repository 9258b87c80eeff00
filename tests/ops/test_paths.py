"""A path that is not UTF-8, has a colon or is very long works in every option that takes one, or is one sentence."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from tests.fakes.command_lines import CommandLine, walk
from tests.fakes.strangers import outputs_at, recording
from tests.ops.simulated_stack import Stack, assert_fails, login

# As Python decodes the bytes of an argument: what is not UTF-8 becomes a lone surrogate.
USABLE = {"not UTF-8": os.fsdecode(b"Andr\xe9"), "colon": "a:b", "long": "/".join(["x" * 200] * 10)}
TOO_LONG = {"name": "x" * 300, "path": "/".join(["x" * 200] * 30)}
PATH_OPTIONS = {
    (*line.names, parameter.opts[0])
    for line in walk("ops")
    for parameter in line.command.params
    if parameter.type_descriptor.annotation is Path
}


def test_every_option_that_takes_a_path_is_tested_here():
    here = {"--outputs", "--file", "--failed", "--copy", "--body"}
    # The others: tests/e2e/test_operator_rotate.py and tests/ops/test_restore.py.
    assert {names[-1] for names in PATH_OPTIONS} == here | {"--secret-file", "--except-file", "--damaged"}


@pytest.mark.parametrize("names", sorted(PATH_OPTIONS), ids=" ".join)
def test_empty_path_is_not_the_current_folder(names: tuple[str, ...]):
    for words in ((*names, ""), (*names[:-1], f"{names[-1]}=")):
        result = CliRunner().invoke(app, words)
        assert_fails(result, f"{names[-1]} is empty. Name a file, or leave the option out.\n")
        assert len(result.stderr.splitlines()) == 1


@pytest.fixture
def usable(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A relative path in a folder of that name, which is also the current folder."""
    folder = tmp_path / USABLE[request.param]
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder


@pytest.mark.parametrize("usable", USABLE, indirect=True)
@pytest.mark.parametrize("line", [line for line in walk("ops") if "--outputs" in line.options], ids=str)
def test_outputs_are_read_at_any_path(line: CommandLine, usable: Path):
    with recording() as cloud:
        (usable / "outputs.json").write_text(json.dumps(outputs_at(cloud.url)))
        result = CliRunner().invoke(app, line.words("--outputs", str(usable / "outputs.json"))[1:])
    assert cloud.received, result.stderr


@pytest.mark.parametrize("path", TOO_LONG.values(), ids=TOO_LONG)
@pytest.mark.parametrize("line", [line for line in walk("ops") if "--outputs" in line.options], ids=str)
def test_outputs_at_a_path_that_is_too_long_are_one_sentence(line: CommandLine, path: str):
    result = CliRunner().invoke(app, line.words("--outputs", path)[1:])
    assert_fails(result, "cannot be read: File name too long.")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", USABLE)
def test_events_are_read_and_copies_kept_at_any_path(name: str, filled: Stack):
    folder = Path("folder", USABLE[name])
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text(login("ada"))
    sent = filled.run("send", "--file", str(folder / "events.jsonl"), "--failed", str(folder / "failed.jsonl"))
    assert (sent.exit_code, sent.stdout) == (0, "Sent 1 event.\n"), sent.stderr
    discarded = filled.run("dead-letters", "discard", "--all", "--yes", "--copy", str(folder / "copy.jsonl"))
    assert (discarded.exit_code, len((folder / "copy.jsonl").read_text().splitlines())) == (0, 5), discarded.stderr


@pytest.mark.parametrize("path", TOO_LONG.values(), ids=TOO_LONG)
def test_file_at_a_path_that_is_too_long_is_one_sentence(path: str, filled: Stack):
    for words in (["send", "--file", path], ["dead-letters", "discard", "--all", "--yes", "--copy", path]):
        result = filled.run(*words)
        assert_fails(result, "File name too long")
        assert len(result.stderr.splitlines()) == 1
    assert len(filled.messages("dead-letters")) == 5
