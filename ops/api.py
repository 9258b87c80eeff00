"""The query API as a client uses it: a token for the client's credentials, then one GET."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from ops.errors import OperatorError
from ops.stack import ApiClient, StackOutputs

TIMEOUT_SECONDS = (5, 30)  # connect, read


@dataclass(frozen=True)
class ApiResponse:
    """What the API returned: the HTTP status, and the JSON body or None."""

    status: int
    body: Any


@dataclass(frozen=True)
class Token:
    """An access token, which its repr omits, and its lifetime in seconds."""

    text: str = field(repr=False)
    expires_in: float


def request_token(outputs: StackOutputs, client: ApiClient) -> Token:
    """Return a new access token for `client`; raises OperatorError when the user pool rejects the request."""
    response = requests.post(
        outputs.token_url,
        data={"grant_type": "client_credentials", "scope": outputs.api_scope},
        auth=(client.client_id, client.client_secret),
        timeout=TIMEOUT_SECONDS,
    )
    if response.status_code != requests.codes.ok:
        # The body is the pool's own error code (RFC 6749, 5.2), which names neither ID nor secret.
        raise OperatorError(
            f"The token endpoint returned {response.status_code}: the user pool does not accept the client ID or "
            "secret in these outputs. Read the outputs again after a deployment."
        )
    try:
        granted = response.json()
        return Token(granted["access_token"], float(granted.get("expires_in", 0)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OperatorError(f"{outputs.token_url} returned something other than a token.") from None


def fetch_token(outputs: StackOutputs, client: ApiClient) -> str:
    """Return the text of a new access token for `client`."""
    return request_token(outputs, client).text


def services_url(outputs: StackOutputs, user_id: str) -> str:
    """Return the URL of a user's services; every special character of the ID is percent-encoded, `/` included."""
    return f"{outputs.api_url}/users/{quote(user_id, safe='')}/services"


def query_services(outputs: StackOutputs, user_id: str, token: str | None) -> ApiResponse:
    """Request the services of a user; without a token, to see the request rejected."""
    headers = {"Authorization": token} if token else {}
    response = requests.get(services_url(outputs, user_id), headers=headers, timeout=TIMEOUT_SECONDS)
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        body = None
    return ApiResponse(response.status_code, body)
