"""`query` and `token`: the API as one of its clients uses it."""

import json
from typing import Annotated

import typer

from ops.api import query_services
from ops.commands.options import OutputsOption, StackOption
from ops.errors import OperatorError, ends_in_one_sentence
from ops.output import print_table
from ops.stack import load_outputs
from ops.tokens import TokenCache, key_of, token_for

ClientOption = Annotated[
    str | None, typer.Option("--client", help="Which API client to be; needed when there are several.")
]


@ends_in_one_sentence
def query(
    user_id: Annotated[str, typer.Argument(help="Whose services to ask for.")],
    client: ClientOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer as it came.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Ask the API which services a user has logged in to, as a real client: with a token.

    The token is kept in your cache directory, readable by you alone, until it expires.

    Example: python -m ops query alice --json
    """
    deployed = load_outputs(stack, outputs)
    api_client, cache = deployed.api_client(client), TokenCache.of_user()
    answer = query_services(deployed, user_id, token_for(deployed, api_client, cache))
    if answer.status == 401:
        # The token may be of before the last deployment, or withdrawn: a fresh one decides, once.
        cache.drop(key_of(deployed, api_client))
        answer = query_services(deployed, user_id, token_for(deployed, api_client, cache))
    if answer.status != 200 or not isinstance(answer.body, dict):
        detail = answer.body if isinstance(answer.body, dict) else {}
        request = f" (request {detail['request_id']})" if "request_id" in detail else ""
        raise OperatorError(f"The API answered {answer.status}: {detail.get('message', 'no message')}{request}")
    if as_json:
        print(json.dumps(answer.body, indent=2, ensure_ascii=False))
        return
    fields = ("service_name", "service_id", "last_accessed")
    rows = [[service[field] for field in fields] for service in answer.body["services"]]
    if rows:
        print_table(["Service", "Id", "Last login (UTC)"], rows)
    else:
        print("No login of this user is recorded.")


@ends_in_one_sentence
def token(
    client: ClientOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="A new one, even if the kept one is good.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Print an access token of the API, for curl. Whoever has it can read what all users did, for an hour.

    Example: curl -H "Authorization: Bearer $(python -m ops token)" $API_URL/users/alice/services
    """
    deployed = load_outputs(stack, outputs)
    api_client, cache = deployed.api_client(client), TokenCache.of_user()
    if fresh:
        cache.drop(key_of(deployed, api_client))
    print(token_for(deployed, api_client, cache))
