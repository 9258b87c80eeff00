"""`python -m ops smoke`."""

from typing import Annotated

import typer

from ops import smoke as story
from ops.commands.options import OutputsOption, StackOption
from ops.errors import OperatorError, ends_in_one_sentence
from ops.stack import load_outputs


@ends_in_one_sentence
def smoke(
    client: Annotated[str | None, typer.Option(help="Which API client to be; needed when there are several.")] = None,
    timeout: Annotated[float, typer.Option(help="How many seconds each wait for the events may take.")] = 60,
    dead_letter: Annotated[
        bool, typer.Option("--dead-letter", help="Also send an event that must become a dead letter, and take it out.")
    ] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Try the whole path of a deployed stack once: token, queue, table, API, alarms. Exit code 0: all as expected.

    Sends five logins of a user of its own (`smoke-test-` and a random id), waits until the API answers with them, and
    deletes the user's record, for which your credentials need dynamodb:DeleteItem on the table; then watches for three
    seconds that no event still on its way brings it back. At the end, `service-health` must not be in alarm.

    With --dead-letter also one event that breaks the contract: it must be in the dead-letter queue with its reason and
    its bytes, and is taken out, it alone. In a stack with `monitoring: full` the alarm `dlq-not-empty` may mail that it
    came, and that it went. To find it, other dead letters are looked at once, which counts as a receive of each.

    Examples:

    python -m ops smoke --stack prod --client web-portal

    python -m ops smoke --stack dev --dead-letter
    """
    if not 0 < timeout < float("inf"):
        raise OperatorError(f"--timeout {timeout:g} is no time to wait: give a number of seconds above 0.")
    deployed = load_outputs(stack, outputs)
    api_client = deployed.api_client(client)
    story.smoke(deployed, api_client, timeout, lambda line: print(f"ok  {line}", flush=True), dead_letter=dead_letter)
    print("All as expected.")
