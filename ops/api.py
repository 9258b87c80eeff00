"""The query API as one of its clients sees it: a token for the client's credentials, then one GET."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from ops.errors import OperatorError
from ops.stack import ApiClient, StackOutputs

TIMEOUT_SECONDS = (5, 30)  # connect, read


@dataclass(frozen=True)
class Answer:
    """What the API said: the HTTP status and the JSON body."""

    status: int
    body: Any


@dataclass(frozen=True)
class Token:
    """An access token, left out of its own repr, and for how many seconds it is good."""

    text: str = field(repr=False)
    expires_in: float


def request_token(outputs: StackOutputs, client: ApiClient) -> Token:
    """A fresh access token for `client`; raises OperatorError when the pool refuses it."""
    response = requests.post(
        outputs.token_url,
        data={"grant_type": "client_credentials", "scope": outputs.api_scope},
        auth=(client.client_id, client.client_secret),
        timeout=TIMEOUT_SECONDS,
    )
    if response.status_code != requests.codes.ok:
        # The body is the pool's own error code (RFC 6749, 5.2); it repeats neither id nor secret.
        raise OperatorError(
            f"The token endpoint answered {response.status_code}: the client's id or secret in these outputs is not "
            "(or no longer) the pool's. Read the outputs again after a deployment."
        )
    try:
        granted = response.json()
        return Token(granted["access_token"], float(granted.get("expires_in", 0)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OperatorError(f"{outputs.token_url} answered with something that is no token.") from None


def fetch_token(outputs: StackOutputs, client: ApiClient) -> str:
    """The text of a fresh access token for `client`."""
    return request_token(outputs, client).text


def services_url(outputs: StackOutputs, user_id: str) -> str:
    """The URL of a user's services; the id is percent-encoded whole, `/` included."""
    return f"{outputs.api_url}/users/{quote(user_id, safe='')}/services"


def query_services(outputs: StackOutputs, user_id: str, token: str | None) -> Answer:
    """Ask which services a user has logged in to; without a token, to see it refused."""
    headers = {"Authorization": token} if token else {}
    response = requests.get(services_url(outputs, user_id), headers=headers, timeout=TIMEOUT_SECONDS)
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        body = None
    return Answer(response.status_code, body)
