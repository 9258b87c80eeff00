"""The operator's command line: `python -m ops`."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from handlers.messages import InvalidError, decode_login
from ops import dead_letters_command
from ops.api_command import query, token
from ops.errors import OperatorError, ends_in_one_sentence
from ops.events import send_bodies
from ops.logs_command import logs
from ops.options import OutputsOption, StackOption
from ops.preflight_command import preflight
from ops.smoke_command import smoke
from ops.stack import load_outputs
from ops.status_command import status

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Operate a deployed stack, in AWS or in the embedded cloud.\n\n"
    "Every command finds its stack by --stack NAME (asks the Pulumi CLI), by --outputs FILE, or, with neither, by the "
    "embedded cloud running in this folder (`python -m localcloud up`).",
)


@app.command()
@ends_in_one_sentence
def send(
    user_id: Annotated[str | None, typer.Option(help="Who logged in.")] = None,
    service_id: Annotated[str | None, typer.Option(help="The service's id.")] = None,
    service_name: Annotated[str | None, typer.Option(help="The service's name; by default its id.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="RFC 3339 with an offset; by default now.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Many events: a file with one JSON object a line, or - for standard input.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Send without checking first.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Send login events to the stack's queue, as the identity provider does.

    Example: python -m ops send --user-id alice --service-id mail --service-name "Web mail"
    """
    if file is not None:
        bodies = _lines(file)
    elif user_id is not None and service_id is not None:
        bodies = [
            json.dumps(
                {
                    "user_id": user_id,
                    "service_id": service_id,
                    "service_name": service_name if service_name is not None else service_id,
                    "timestamp": timestamp if timestamp is not None else datetime.now(UTC).isoformat(),
                },
                ensure_ascii=False,
            )
        ]
    else:
        raise OperatorError("Nothing to send: give --user-id and --service-id for one event, or --file for many.")
    if not raw:
        _check(bodies)
    sent = send_bodies(load_outputs(stack, outputs), bodies)
    print(f"Sent {len(sent.message_ids)} of {len(bodies)} events.")
    if sent.failures:
        codes = ", ".join(sorted({failure.code for failure in sent.failures}))
        raise OperatorError(f"The queue did not accept {len(sent.failures)} events ({codes}): send those again.")


def _lines(file: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{file} cannot be read: {error}.") from None
    # Split on newlines alone: a JSON string may hold U+2028, which str.splitlines takes for an end of line.
    bodies = [line for line in text.split("\n") if line.strip()]
    if not bodies:
        raise OperatorError(f"{file} holds no event: one JSON object a line is expected.")
    return bodies


def _check(bodies: list[str]) -> None:
    now = datetime.now(UTC)
    problems = []
    for number, body in enumerate(bodies, start=1):
        try:
            decode_login(body, now)
        except InvalidError as error:
            problems.append(f"  event {number}: {error}")
    if problems:
        shown = "\n".join(problems[:10]) + ("\n  ..." if len(problems) > 10 else "")
        raise OperatorError(
            f"{len(problems)} of {len(bodies)} events break the contract, so nothing was sent "
            f"(--raw sends them all the same):\n{shown}"
        )


app.command()(query)
app.command()(token)
app.command()(logs)
app.command()(status)
app.command()(smoke)
app.command()(preflight)
app.add_typer(dead_letters_command.app, name="dead-letters")


if __name__ == "__main__":
    app(prog_name="python -m ops")
