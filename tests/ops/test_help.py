"""The help of every command shows what takes a value, and a reader of it may leave."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ops.__main__ import app
from tests.fakes.command_lines import walk

HELP = [[*line.names, "--help"] for line in walk("ops")] + [["--help"], ["dead-letters", "--help"], ["dead-letters"]]
PLAIN = typer.Typer(add_completion=False)


@PLAIN.command()
def plain(raw: bool = typer.Option(False, "--raw"), file: str = typer.Option("", metavar="")) -> None:
    """Have a flag with a type and a value without one."""


def wrong_types(application: typer.Typer, words: list[str]) -> Iterator[str]:
    """Return the options whose row in the help shows a type that a flag has not, or none that a value has."""
    command: Any = typer.main.get_command(application)
    for word in words[:-1]:
        command = command.commands[word]
    shown = CliRunner().invoke(application, words, env={"COLUMNS": "200"}).stdout
    for parameter in command.get_params(typer.Context(command)):
        name = parameter.opts[0]
        row = re.search(rf"^│ [* ]*{re.escape(name)} +(<\w)?", shown, re.MULTILINE)
        assert row, name
        if bool(row[1]) == getattr(parameter, "is_flag", False):
            yield name


@pytest.mark.parametrize("words", [words for words in HELP if "--help" in words], ids=" ".join)
def test_options_with_a_value_show_its_type_and_flags_none(words: list[str]):
    assert list(wrong_types(app, words)) == []


def test_control_types_of_flags_and_values_without_type_are_noticed():
    assert list(wrong_types(PLAIN, ["--help"])) == ["--raw", "--file", "--help"]


def end_with_closed_reader(application: typer.Typer, words: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the exit code of a command whose standard output is a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        with pytest.raises(SystemExit) as ended:
            application(words, prog_name="python -m ops")
    return ended.value.code


@pytest.mark.parametrize("words", [*HELP, ["--version"], []], ids=lambda words: " ".join(words) or "no arguments")
def test_help_into_a_closed_pipe_is_no_error(words: list[str], monkeypatch: pytest.MonkeyPatch):
    assert end_with_closed_reader(app, words, monkeypatch) == 0


def test_control_help_into_a_closed_pipe_is_an_error_of_plain_typer(monkeypatch: pytest.MonkeyPatch):
    assert end_with_closed_reader(PLAIN, ["--help"], monkeypatch) == 1
