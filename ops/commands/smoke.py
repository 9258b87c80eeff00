"""`python -m ops smoke`."""

from typing import Annotated

import typer

from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.output import print_line, print_note
from ops.errors import OperatorError
from ops.health.commands import Commands
from ops.smoke import smoke as run_smoke_test
from ops.stack import load_outputs


@handle_errors
def smoke(
    client: Annotated[str | None, typer.Option(help="The API client to use; required when there are several.")] = None,
    timeout: Annotated[float, typer.Option(help="How many seconds each wait may take.")] = 60,
    dead_letter: Annotated[
        bool, typer.Option("--dead-letter", help="Also send an event that must become a dead letter, and delete it.")
    ] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Test a deployed stack from end to end: token, queue, table, API, alarms. Exit code 0: every step passed.

    Sends five logins of a test user (`smoke-test-` and a random ID), waits until the API returns them, and deletes the
    user's record, for which your credentials need dynamodb:DeleteItem on the table. Then checks for three seconds that
    no late event brings the record back. At the end, `service-health` must not be in alarm.

    When the API does not return the logins, it looks where they are (table, dead letters, log, consumer), says why, and
    names the command to run next. With dead letters in the queue, that receives each of them once.

    --dead-letter also sends one event that violates the contract. It must reach the dead-letter queue with its reason
    and its bytes, and only it is deleted. With `monitoring: full`, the alarm `dlq-not-empty` may send an e-mail when it
    arrives and when it is gone. Finding it receives the other dead letters once.

    Examples:

    python -m ops smoke --stack prod --client web-portal

    python -m ops smoke --stack dev --dead-letter
    """
    if not 0 < timeout < float("inf"):
        raise OperatorError(f"--timeout is {timeout:g}; it must be a number of seconds above 0.")
    deployed = load_outputs(stack, outputs)
    api_client = deployed.api_client(client)
    run_smoke_test(
        deployed,
        api_client,
        timeout,
        report=lambda step: print_line(f"ok  {step}"),
        wait=lambda what: print_line(f"..  Waiting for {what}"),
        warn=print_note,
        dead_letter=dead_letter,
        commands=Commands.of(deployed, stack, outputs),
    )
    print_line("Every step passed.")
