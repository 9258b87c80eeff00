"""Events and API requests that a user of the console sends. They are real traffic, unlike the console's own looks."""

import base64
import functools
import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.console.http import HttpError
from localcloud.console.times import write_time
from localcloud.emulator.connection import Account, Connection
from localcloud.observatory.facts import DeployedStack
from localcloud.observatory.observatory import Observatory

BODY_MAX_BYTES = 3_000_000
"""A message of SQS has a megabyte at most, which JSON may write with more characters."""
RESPONSE_MAX_BYTES = 1_000_000
ANSWER_SECONDS = 60
GARBAGE = "no-token-at-all"


class Authorization(StrEnum):
    """What a request to the API has for a token."""

    TOKEN = "token"  # noqa: S105 - the choice's name
    NONE = "none"
    GARBAGE = "garbage"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and the response to it."""

    method: str
    url: str
    sent: Mapping[str, str]
    status: int
    reason: str
    received: list[tuple[str, str]]
    body: str
    milliseconds: float


class Traffic:
    """What is sent to the stack. Its methods may be called from any thread, and wait for the stack."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory = observatory
        self._lock = threading.Lock()
        self._expired: dict[str, str] = {}
        """A token that has expired, by the URL of the API."""

    def clients(self) -> dict[str, Any]:
        """The names of the API's clients, and where the API is; none if the console knows no stack."""
        stack = self._observatory.stack
        return {"clients": sorted(stack.outputs["apiClients"]), "apiUrl": stack.outputs["apiUrl"]} if stack else {}

    def send(self, body: str) -> dict[str, Any]:
        """Send a message to the queue of the stack; HttpError if there is none, or it does not accept the message."""
        stack = self._require_stack()
        try:
            sent = _account(stack).client("sqs").send_message(QueueUrl=stack.outputs["queueUrl"], MessageBody=body)
        except ClientError as error:
            found = error.response.get("Error", {})
            sentence = f"The queue did not accept it ({found.get('Code')}): {found.get('Message')}"
            raise HttpError(HTTPStatus.UNPROCESSABLE_ENTITY, sentence) from None
        except BotoCoreError as error:
            raise HttpError(HTTPStatus.BAD_GATEWAY, f"The event was not sent ({type(error).__name__}).") from None
        at = write_time(self._observatory.clock.now())
        queue = stack.outputs["queueUrl"].rpartition("/")[2]
        return {"messageId": sent["MessageId"], "queue": queue, "at": at}

    def try_api(self, user: str, client: str, authorization: Authorization) -> dict[str, Any]:
        """Request the services of a user as a client does; HttpError if the stack has no such client."""
        stack = self._require_stack()
        if client not in stack.outputs["apiClients"]:
            raise HttpError(HTTPStatus.NOT_FOUND, f"The stack has no API client {client}.")
        steps, token = [], GARBAGE
        try:
            if authorization is Authorization.TOKEN:
                token, exchange = _request_token(stack, stack.outputs["apiClients"][client])
                steps.append(_shown("Token endpoint", exchange, token))
            elif authorization is Authorization.EXPIRED:
                token = self._expired_token(stack, client)
            sent = {"Accept": "application/json"}
            if authorization is not Authorization.NONE:
                sent["Authorization"] = f"Bearer {token}"
            url = f"{stack.outputs['apiUrl']}/users/{quote(user, safe='')}/services"
            steps.append(_shown("API", _exchange("GET", url, sent), token))
        except (OSError, http.client.HTTPException) as error:
            sentence = f"The stack did not answer within {ANSWER_SECONDS} s, or not as HTTP ({type(error).__name__})."
            raise HttpError(HTTPStatus.BAD_GATEWAY, sentence) from None
        return {"at": write_time(self._observatory.clock.now()), "exchanges": steps}

    def _require_stack(self) -> DeployedStack:
        if self._observatory.stack is None:
            sentence = "The console knows no stack here. If the Pulumi CLI deployed one, use: python -m ops --help"
            raise HttpError(HTTPStatus.CONFLICT, sentence)
        return self._observatory.stack

    def _expired_token(self, stack: DeployedStack, client: str) -> str:
        """A genuine token that has expired: of a client whose tokens last for a second, and which is then deleted."""
        with self._lock:
            if (known := self._expired.get(stack.outputs["apiUrl"])) is not None:
                return known
            token, _ = _request_token(stack, stack.outputs["apiClients"][client])
            cognito, pool = _account(stack).client("cognito-idp"), _claims(token)["iss"].rpartition("/")[2]
            made = cognito.create_user_pool_client(
                UserPoolId=pool,
                ClientName="console-expired",
                GenerateSecret=True,
                AllowedOAuthFlows=["client_credentials"],
                AllowedOAuthFlowsUserPoolClient=True,
                AllowedOAuthScopes=[stack.outputs["apiScope"]],
                AccessTokenValidity=1,
                TokenValidityUnits={"AccessToken": "seconds"},
            )["UserPoolClient"]
            try:
                short, _ = _request_token(stack, {"clientId": made["ClientId"], "clientSecret": made["ClientSecret"]})
            finally:
                cognito.delete_user_pool_client(UserPoolId=pool, ClientId=made["ClientId"])
            # Only its time makes it expire: an API that checks signatures would reject a token that was altered.
            time.sleep(max(0.0, _claims(short)["exp"] + 0.1 - time.time()))
            self._expired[stack.outputs["apiUrl"]] = short
            return short


def _account(stack: DeployedStack) -> Account:
    outputs = stack.outputs
    return _account_at(outputs["endpoint"], outputs["region"], outputs["accessKeyId"], outputs["secretAccessKey"])


@functools.lru_cache(maxsize=1)  # making a client takes longer than most calls
def _account_at(endpoint: str, region: str, access_key_id: str, secret_access_key: str) -> Account:
    return Account(
        Connection(
            endpoint=endpoint,
            region=region,
            account_id="",
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
        )
    )


def _request_token(stack: DeployedStack, client: Mapping[str, str]) -> tuple[str, Exchange]:
    """A token from the token endpoint, and how it was requested; HttpError if it grants none."""
    form = urlencode({"grant_type": "client_credentials", "scope": stack.outputs["apiScope"]})
    secret = base64.b64encode(f"{client['clientId']}:{client['clientSecret']}".encode()).decode()
    sent = {"Authorization": f"Basic {secret}", "Content-Type": "application/x-www-form-urlencoded"}
    exchange = _exchange("POST", stack.outputs["tokenUrl"], sent, form.encode())
    try:
        return json.loads(exchange.body)["access_token"], exchange
    except (ValueError, LookupError, TypeError):
        sentence = f"The token endpoint returned {exchange.status} and no token."
        raise HttpError(HTTPStatus.BAD_GATEWAY, sentence) from None


def _exchange(method: str, url: str, sent: Mapping[str, str], body: bytes | None = None) -> Exchange:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    began = time.perf_counter()
    try:
        connection.request(method, parts.path, body, dict(sent))
        response = connection.getresponse()
        content = response.read(RESPONSE_MAX_BYTES)
    finally:
        connection.close()
    return Exchange(
        method=method,
        url=url,
        sent={"Host": parts.netloc, **sent},
        status=response.status,
        reason=response.reason,
        received=response.getheaders(),
        body=content.decode(errors="replace"),
        milliseconds=round((time.perf_counter() - began) * 1000, 1),
    )


def _shown(party: str, exchange: Exchange, token: str) -> dict[str, Any]:
    """An exchange without secrets."""

    def hide(text: str) -> str:
        if text.startswith("Basic "):
            return "Basic [the client's ID and secret]"
        return text.replace(token, shortened(token))

    return {
        "party": party,
        "method": exchange.method,
        "url": exchange.url,
        "sent": [[name, hide(value)] for name, value in exchange.sent.items()],
        "status": exchange.status,
        "reason": exchange.reason,
        "received": [list(header) for header in exchange.received],
        "body": hide(exchange.body),
        "milliseconds": exchange.milliseconds,
    }


def shortened(token: str) -> str:
    """Enough of a token to recognize it, and too little to use it."""
    return token if len(token) <= 40 else f"{token[:10]}…{token[-4:]} ({len(token)} characters)"


def _claims(token: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
