"""FORCE_COLOR allows colors in a pipe, and nothing that moves a cursor."""

import re

import pytest
from rich.progress import track
from typer import rich_utils
from typer.testing import CliRunner

from ops.__main__ import app
from tests.fakes.command_lines import CommandLine, walk
from tests.ops.simulated_stack import Stack, login

CURSOR_CONTROLS = re.compile(r"\x1b(?!\[[0-9;]*m)|\r")
COLORS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("ops.commands.output.MANY", 2)  # events of a task that is long enough for a progress bar
    monkeypatch.setattr(rich_utils, "FORCE_TERMINAL", True)  # read from FORCE_COLOR at import


def test_long_tasks_and_tables_move_no_cursor(queues: Stack):
    file = queues.file.with_name("events.jsonl")
    file.write_text(f"{login('ada')}\n" * 3)
    sent = queues.run("send", "--file", str(file))
    assert sent.stdout == "Sent 3 events.\n"
    for _ in range(3):
        queues.bury(login("ursula"))
    listed = queues.run("dead-letters", "list")
    redriven = queues.redrive("--all", "--yes")
    for ended in (sent, listed, redriven):
        assert ended.exit_code == 0
        assert not CURSOR_CONTROLS.search(ended.output)


@pytest.mark.parametrize("line", walk("ops"), ids=str)
def test_help_and_errors_have_colors_and_move_no_cursor(line: CommandLine):
    for words in (["--help"], ["--no-such-option"]):
        shown = CliRunner().invoke(app, [*line.names, *words], color=True).output
        assert COLORS.search(shown)
        assert not CURSOR_CONTROLS.search(shown)


def test_control_progress_of_rich_moves_the_cursor(capsys: pytest.CaptureFixture[str]):
    assert list(track(range(2))) == [0, 1]
    assert CURSOR_CONTROLS.search(capsys.readouterr().out)
