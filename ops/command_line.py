"""The operator's command line: `python -m ops`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.commands.application import Application
from ops.stack import PROJECT

SCRIPT = "ops"  # .venv/bin/ops
PROGRAM = SCRIPT if Path(sys.argv[0]).name == SCRIPT else "python -m ops"
COMMANDS = {
    "send": "ops.commands.send:send",
    "query": "ops.commands.api:query",
    "token": "ops.commands.api:token",
    "logs": "ops.commands.logs:logs",
    "status": "ops.commands.status:status",
    "smoke": "ops.commands.smoke:smoke",
    "preflight": "ops.commands.preflight:preflight",
    "versions": "ops.commands.versions:versions",
    "release": "ops.commands.release:release",
    "rollback": "ops.commands.rollback:rollback",
    "erase": "ops.commands.erase:erase",
    "restore": "ops.commands.restore:restore",
    "rotate": "ops.commands.rotate:rotate",
    "dead-letters": "ops.commands.dead_letters:app",
}
app = Application(
    places=COMMANDS,
    # A shell completes the words after a command, and `python -m ops` is not one.
    add_completion=PROGRAM == SCRIPT,
    help="Operate a deployed stack, in AWS or in the embedded cloud.\n\n"
    "Name the stack with --stack NAME, which is read through the Pulumi CLI, or with --outputs FILE. Without either, "
    "the command uses the embedded cloud (`python -m localcloud up`) running in this folder, or else in the folder of "
    "this program.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        import tomllib  # here, because only this needs it

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
