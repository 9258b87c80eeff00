"""The operator's command line: `python -m ops`."""

import typer

from ops.commands import dead_letters as dead_letters_command
from ops.commands.api import query, token
from ops.commands.logs import logs
from ops.commands.preflight import preflight
from ops.commands.send import send
from ops.commands.smoke import smoke
from ops.commands.status import status

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Operate a deployed stack, in AWS or in the embedded cloud.\n\n"
    "Name the stack with --stack NAME, which is read through the Pulumi CLI, or with --outputs FILE. Without either, "
    "the command uses the embedded cloud running in this folder (`python -m localcloud up`).",
)

app.command()(send)
app.command()(query)
app.command()(token)
app.command()(logs)
app.command()(status)
app.command()(smoke)
app.command()(preflight)
app.add_typer(dead_letters_command.app, name="dead-letters")
