"""The query API as a client uses it: a token for the client's credentials, then one GET.

Tokens are cached between commands in files that only their owner can read, until shortly before they expire.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ops.connections import request
from ops.errors import OperatorError
from ops.stack import ApiClient, StackOutputs

if TYPE_CHECKING:
    import requests

SERVICE_FIELDS = ("service_name", "service_id", "last_accessed")
LEEWAY_SECONDS = 60  # a token must not expire between the cache and the API


@dataclass(frozen=True)
class ApiResponse:
    """What the API returned: the HTTP status, and the JSON body or None."""

    status: int
    body: Any

    @property
    def is_partial(self) -> bool:
        """Whether logins can be missing, because a part of the user's record cannot be read."""
        return isinstance(self.body, dict) and self.body.get("partial") is True

    @property
    def services(self) -> list[dict[str, str]]:
        """The services in a response of status 200; raises OperatorError when it is not one that the API sends."""
        try:
            return [{field: service[field] for field in SERVICE_FIELDS} for service in self.body["services"]]
        except (KeyError, TypeError):
            raise OperatorError(
                "The address of the API returned 200 without the services of a user, so it is not the API of this "
                "program. Read the outputs again."
            ) from None


@dataclass(frozen=True)
class Token:
    """An access token, which its repr omits, and its lifetime in seconds."""

    text: str = field(repr=False)
    expires_in: float


class RejectedClientError(OperatorError):
    """The user pool does not accept the client's ID, secret or scope."""


def is_token(text: Any) -> bool:
    """Whether the text can be sent in a header, which a line break cannot."""
    return isinstance(text, str) and text.isascii() and text.isprintable() and text != ""


def request_token(outputs: StackOutputs, client: ApiClient) -> Token:
    """Return a new access token for `client`; raises OperatorError when the token endpoint does not grant one."""
    from requests.auth import HTTPBasicAuth  # here, because it is slow to import

    response = request(
        "POST",
        outputs.token_url,
        "token endpoint",
        authorize=HTTPBasicAuth(client.client_id, client.client_secret),
        data={"grant_type": "client_credentials", "scope": outputs.api_scope},
    )
    body = _json(response)
    if response.status_code == HTTPStatus.OK:
        try:
            text, expires_in = body["access_token"], float(body.get("expires_in", 0))
        except (KeyError, ValueError, TypeError, AttributeError):
            text, expires_in = "", 0
        if is_token(text):
            return Token(text, expires_in)
        raise OperatorError(f"{outputs.token_url} returned something other than a token. Read the outputs again.")
    # RFC 6749, 5.2: the user pool's own error code, which names neither ID nor secret.
    code = body.get("error") if isinstance(body, dict) else None
    if code in ("invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope"):
        raise RejectedClientError(
            f"The token endpoint returned {response.status_code} ({code}): the user pool does not accept the client "
            "ID, secret or scope in these outputs. Read the outputs again after a deployment or a rotation."
        )
    said = f"The token endpoint returned {response.status_code}, which says nothing about the client."
    if response.status_code < 500 and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        raise OperatorError(f"{said} Its address may be outdated: read the outputs again.")
    raise OperatorError(
        f"{said} Run the command again in a minute; if it still fails, look for an outage of Cognito in this region."
    )


def query_services(outputs: StackOutputs, user_id: str, token: str | None) -> ApiResponse:
    """Request the services of a user; without a token, to see the request rejected."""

    def authorize(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if token:
            prepared.headers["Authorization"] = token
        return prepared

    # Every special character of the ID is encoded, `/` included.
    url = f"{outputs.api_url}/users/{quote(user_id, safe='')}/services"
    response = request("GET", url, "API", authorize=authorize)
    return ApiResponse(response.status_code, _json(response))


def _json(response: requests.Response) -> Any:
    """Return the body as JSON; None when it is not JSON."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


class TokenCache:
    """Cached tokens by key. Where the folder cannot be written nothing is cached, which is not an error."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> TokenCache:
        """Return the cache in the user's XDG cache directory."""
        try:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        except RuntimeError:  # a user without a home
            base = Path(os.devnull)  # no folder can be made there
        return cls((base if base.is_absolute() else Path(os.devnull)) / "event-processing")

    def get(self, key: str) -> str | None:
        """Return the token if it stays valid for a while and no other user can have read or written its file."""
        token, expires_at = _read_token(self._path(key))
        return token if expires_at - LEEWAY_SECONDS > time.time() else None

    def put(self, key: str, token: Token) -> None:
        """Cache the token and delete expired tokens."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune()
            # Created with mode 600 and then renamed: at no moment can another user read it.
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, prefix=".token-")
            with os.fdopen(descriptor, "w") as file:
                json.dump({"access_token": token.text, "expires_at": time.time() + token.expires_in}, file)
            Path(temporary).replace(self._path(key))

    def drop(self, key: str) -> None:
        """Delete the token."""
        with suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: str) -> Path:
        # A digest, so that the file name does not reveal the client.
        return self._folder / f"token-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _prune(self) -> None:
        for path in self._folder.glob("token-*.json"):
            if _read_token(path)[1] <= time.time():
                path.unlink(missing_ok=True)


def _read_token(path: Path) -> tuple[str | None, float]:
    """Return a cached token and when it expires; without a file that only this user can use, None and 0."""
    try:
        # Not to wait for the writer of a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077 or not stat.S_ISREG(status.st_mode):
                return None, 0
            cached = json.load(file)
        return (cached["access_token"], float(cached["expires_at"])) if is_token(cached["access_token"]) else (None, 0)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None, 0


def token_for(outputs: StackOutputs, client: ApiClient, cache: TokenCache, *, fresh: bool = False) -> str:
    """Return the cached token of `client`, or a new one, which is cached; `fresh` ignores the cached one."""
    # A token belongs to an endpoint and a client, and permits a scope.
    key = "\n".join((outputs.token_url, client.client_id, outputs.api_scope))
    if fresh:
        cache.drop(key)
    if (cached := cache.get(key)) is not None:
        return cached
    token = request_token(outputs, client)
    cache.put(key, token)
    return token.text


def query_with_cached_token(outputs: StackOutputs, client: ApiClient, cache: TokenCache, user_id: str) -> ApiResponse:
    """Request the services of a user; when the API rejects the cached token, try once more with a new one."""
    response = query_services(outputs, user_id, token_for(outputs, client, cache))
    if response.status != 401:
        return response
    # The token may have been revoked, or date from before the last deployment.
    return query_services(outputs, user_id, token_for(outputs, client, cache, fresh=True))
