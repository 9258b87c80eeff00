"""`python -m ops query` and `python -m ops token`."""

import json
import sys
from typing import Annotated

import typer

from ops.api import SERVICE_FIELDS, TokenCache, query_with_cached_token, token_for
from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.output import print_note, print_table
from ops.errors import OperatorError
from ops.health.level import Level
from ops.stack import load_outputs

DAMAGED = (
    "a part of this user's record is damaged, so logins can be missing. The runbook says how to repair it, under"
    " record-damaged."
)

ClientOption = Annotated[
    str | None, typer.Option("--client", help="The API client to use; required when there are several.")
]


@handle_errors
def query(
    user_id: Annotated[str, typer.Argument(help="The user whose services to query.")],
    client: ClientOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's response as JSON.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Query the API for the services that a user has logged in to, as an authenticated client.

    The token is cached in your cache directory, readable by you alone, until it expires.

    Exit code 0: the answer is complete. 4: it is partial, because the record is damaged, and logins can be missing.

    Example: python -m ops query alice --json
    """
    if user_id in ("", ".", ".."):  # clients remove these from a path, so the API cannot be asked
        raise OperatorError(f"{user_id!r} is not a user ID: it must not be empty, `.` or `..`. Check the argument.")
    deployed = load_outputs(stack, outputs)
    response = query_with_cached_token(deployed, deployed.api_client(client), TokenCache.of_user(), user_id)
    if response.status != 200:
        detail = response.body if isinstance(response.body, dict) else {}
        request = f" (request {detail['request_id']})" if "request_id" in detail else ""
        raise OperatorError(f"The API returned {response.status}: {detail.get('message', 'no message')}{request}")
    rows = [[service[field] for field in SERVICE_FIELDS] for service in response.services]
    if as_json:
        print(json.dumps(response.body, indent=2, ensure_ascii=False))
    elif rows:
        print_table(["Service", "ID", "Last login (UTC)"], rows)
    elif not response.is_partial:
        print("No login of this user is recorded.")
    if response.is_partial:
        sys.stdout.flush()  # before the exit code, so that a reader that left early still gets 0
        print_note(f"{'The answer is partial' if rows else 'No login can be read'}: {DAMAGED}")
        sys.exit(Level.WARNING.exit_code)


@handle_errors
def token(
    client: ClientOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore the cached token and request a new one.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Print an access token of the API, for curl. For an hour, it opens the services of every user.

    Example: curl -H "Authorization: Bearer $(python -m ops token)" $API_URL/users/alice/services
    """
    deployed = load_outputs(stack, outputs)
    print(token_for(deployed, deployed.api_client(client), TokenCache.of_user(), fresh=fresh))
