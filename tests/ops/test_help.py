"""The help of every command teaches by an example of that command."""

import pytest
import typer

from ops.__main__ import app

COMMANDS = typer.main.get_group(app).commands


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not hasattr(command, "commands")])
def test_every_command_shows_an_example_of_itself(name: str):
    assert f"python -m ops {name}" in (COMMANDS[name].help or "")
