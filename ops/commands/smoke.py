"""`python -m ops smoke`."""

from typing import Annotated

import typer

from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.output import print_line, print_note
from ops.errors import OperatorError
from ops.health.commands import Commands
from ops.smoke import smoke as run_smoke_test
from ops.smoke_page import DELIVERY_SECONDS, prove_pager
from ops.stack import load_outputs

EVENTS_SECONDS = 60


@handle_errors
def smoke(
    client: Annotated[str | None, typer.Option(help="The API client to use; required when there are several.")] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            help=f"How many seconds each wait may take. [default: {EVENTS_SECONDS}; {DELIVERY_SECONDS} for a page]"
        ),
    ] = None,
    dead_letter: Annotated[
        bool, typer.Option("--dead-letter", help="Also send an event that must become a dead letter, and delete it.")
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Also let a harmless alarm of each severity page, and require its delivery.")
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

    --page also makes an alarm of each severity, lets it fire and clear, and deletes it. CloudWatch must notify the
    topic, through the same policies of topic and key as for real alarms, and SNS must deliver to every confirmed
    subscription. The pages say that they are a test. On AWS it takes some minutes, because SNS counts once a minute. It
    cannot prove that a phone rings or that a mail is read: ask the engineer on call. Your credentials need the rights
    that docs/pager.md lists.

    Examples:

    python -m ops smoke --stack prod --client web-portal

    python -m ops smoke --stack dev --dead-letter

    python -m ops smoke --stack prod --client web-portal --page
    """
    if timeout is not None and not 0 < timeout < float("inf"):
        raise OperatorError(f"--timeout is {timeout:g}; it must be a number of seconds above 0.")
    deployed = load_outputs(stack, outputs)
    api_client = deployed.api_client(client)
    commands = Commands.of(deployed, stack, outputs)
    run_smoke_test(
        deployed,
        api_client,
        timeout or EVENTS_SECONDS,
        report=_report,
        wait=_wait,
        warn=print_note,
        dead_letter=dead_letter,
        commands=commands,
    )
    if page:
        prove_pager(
            deployed, timeout or DELIVERY_SECONDS, report=_report, wait=_wait, warn=print_note, commands=commands
        )
    print_line("Every step passed.")


def _report(step: str) -> None:
    print_line(f"ok  {step}")


def _wait(what: str) -> None:
    print_line(f"..  Waiting for {what}")
