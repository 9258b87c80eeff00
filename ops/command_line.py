"""The operator's command line: `python -m ops`."""

import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from ops.commands import dead_letters as dead_letters_command
from ops.commands.api import query, token
from ops.commands.application import Application
from ops.commands.erase import erase
from ops.commands.logs import logs
from ops.commands.preflight import preflight
from ops.commands.release import release
from ops.commands.restore import restore
from ops.commands.rollback import rollback
from ops.commands.rotate import rotate
from ops.commands.send import send
from ops.commands.smoke import smoke
from ops.commands.status import status
from ops.commands.versions import versions
from ops.stack import PROJECT

SCRIPT = "ops"  # .venv/bin/ops
PROGRAM = SCRIPT if Path(sys.argv[0]).name == SCRIPT else "python -m ops"
app = Application(
    # A shell completes the words after a command, and `python -m ops` is not one.
    add_completion=PROGRAM == SCRIPT,
    help="Operate a deployed stack, in AWS or in the embedded cloud.\n\n"
    "Name the stack with --stack NAME, which is read through the Pulumi CLI, or with --outputs FILE. Without either, "
    "the command uses the embedded cloud (`python -m localcloud up`) running in this folder, or else in the folder of "
    "this program.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        typer.echo(f"ops {project['version']}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Have no effect on the commands."""


app.command()(send)
app.command()(query)
app.command()(token)
app.command()(logs)
app.command()(status)
app.command()(smoke)
app.command()(preflight)
app.command()(versions)
app.command()(release)
app.command()(rollback)
app.command()(erase)
app.command()(restore)
app.command()(rotate)
app.add_typer(dead_letters_command.app, name="dead-letters")
