"""`python -m ops smoke`."""

from typing import Annotated

import typer

from ops import smoke as story
from ops.errors import OperatorError, ends_in_one_sentence
from ops.options import OutputsOption, StackOption
from ops.stack import load_outputs


@ends_in_one_sentence
def smoke(
    client: Annotated[str | None, typer.Option(help="Which API client to be; needed when there are several.")] = None,
    timeout: Annotated[float, typer.Option(help="How many seconds the events may take until the API tells.")] = 60,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Try the whole path of a deployed stack once: token, queue, table, API, alarms. Exit code 0: all as expected.

    Sends five logins of a user of its own (`smoke-test-` and a random id), waits until the API answers with them, and
    deletes the user's record, for which your credentials need dynamodb:DeleteItem on the table. Sends nothing invalid:
    a dead letter would call somebody. At the end, `service-health` must not be in alarm.

    Example: python -m ops smoke --stack prod --client web-portal
    """
    if timeout <= 0:
        raise OperatorError(f"--timeout {timeout:g} leaves no time: give a number of seconds above 0.")
    deployed = load_outputs(stack, outputs)
    story.smoke(deployed, deployed.api_client(client), timeout, lambda line: print(f"ok  {line}", flush=True))
    print("All as expected.")
