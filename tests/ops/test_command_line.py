"""`python -m ops` ends with a sentence and a meaningful exit code, whatever its input."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ops.__main__ import app
from tests.fakes.checkout import ROOT
from tests.fakes.outputs import outputs_file
from tests.ops.simulated_stack import assert_fails


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["send"], "Nothing to send"),
        (["send", "--user-id", "ada"], "Nothing to send"),
        (["send", "--file", "no-such-file"], "no-such-file cannot be read"),
        (["send", "--file", "-"], "contains no event"),
        (["query", ""], "'' is not a user ID"),
        (["query", "."], "'.' is not a user ID"),
        (["query", ".."], "'..' is not a user ID"),
        (["query", "ada", "--outputs", "no-such-file"], "File no-such-file does not exist"),
        (["query", "ada", "--stack", "dev", "--outputs", "x"], "Use one of them"),
    ],
)
def test_user_errors_print_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert_fails(result, sentence)
    assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)


def test_missing_stack_is_reported_without_traceback(tmp_path: Path):
    gone = "http://127.0.0.1:9"  # nothing listens on the discard port
    urls = dict.fromkeys(("queueUrl", "deadLetterQueueUrl", "tokenUrl", "endpoint"), gone)
    file = str(outputs_file(tmp_path, **urls, accessKeyId="key", secretAccessKey="secret"))
    send = ["send", "--user-id", "ada", "--service-id", "mail"]
    for arguments in (["query", "ada"], send, ["dead-letters", "list"]):
        assert_fails(CliRunner().invoke(app, [*arguments, "--outputs", file]), "s the stack still there")


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield from commands(command, *path, name) if hasattr(command, "commands") else [(*path, name)]


def test_help_of_every_command_has_an_example():
    found = list(commands(typer.main.get_command(app)))
    assert {("send",), ("query",), ("dead-letters", "redrive")} <= set(found)
    for path in found:
        # Words only, because line breaks depend on the terminal.
        shown = " ".join(CliRunner().invoke(app, [*path, "--help"]).stdout.replace("│", " ").split())
        assert re.search(rf"Examples?: .*python -m ops {' '.join(path)}\b", shown), path


def untested(paths: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the commands that no end-to-end test runs; test_first_half_hour.py runs the commands of its page."""
    files = (file for folder in ("e2e", "localcloud") for file in (ROOT / "tests" / folder).glob("test_*.py"))
    tests = "".join(file.read_text() for file in files)
    page = (ROOT / "docs" / "first-half-hour.md").read_text()
    forms = {path: r"[(\[]" + ", ".join(f'"{word}"' for word in path) for path in paths}
    return [path for path in forms if not re.search(forms[path], tests) and f"ops {' '.join(path)}" not in page]


def test_every_command_has_an_end_to_end_test():
    assert untested(commands(typer.main.get_command(app))) == []
    assert untested([("dead-letters", "count")]) == [("dead-letters", "count")]  # the control
