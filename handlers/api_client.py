"""A client of our own API, as clients outside are: a token for its credentials, then requests with it.

The secret is read when a token is fetched, and is in no environment variable and no log line.
"""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from handlers.clients import SsmClient
from handlers.settings import ProbeSettings

HTTP_SECONDS: Final = 5
# A token is given up this long before it expires, so that it is valid during all requests of one run.
EARLY_SECONDS: Final = 60

Send = Callable[[urllib.request.Request], tuple[int, bytes]]


class HttpError(Exception):
    """An answer with another status than expected; its text holds nothing of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.code = f"http_{status}"


def send(request: urllib.request.Request) -> tuple[int, bytes]:
    """Status and body of the answer, whatever the status; OSError if there is none."""
    try:
        with urllib.request.urlopen(request, timeout=HTTP_SECONDS) as response:  # noqa: S310 - a URL of the deployment
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class ApiClient:
    """A client of the API that fetches a token once in its life, and otherwise only knocks at the token endpoint."""

    def __init__(
        self,
        settings: ProbeSettings,
        ssm: SsmClient,
        *,
        send: Send = send,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._ssm = ssm
        self._send = send
        self._clock = clock
        self._token = ""
        self._valid_until = 0.0

    def require_token(self) -> None:
        """Have a valid token, and see that the token endpoint answers; HttpError or OSError if it does not."""
        if self._clock() < self._valid_until:
            self._knock()
        else:
            self._fetch_token()

    def services_of(self, user_id: str) -> list[dict[str, Any]]:
        """The services of a user, as the API returns them; HttpError for another status than 200."""
        url = f"{self._settings.api_url}/users/{quote(user_id, safe='')}/services"
        status, body = self._send(urllib.request.Request(url, headers={"Authorization": f"Bearer {self._token}"}))  # noqa: S310
        if status != 200:
            if status in (401, 403):
                # The next run fetches another token: this one is not accepted, whatever its expiry says.
                self._valid_until = 0.0
            raise HttpError(status)
        return json.loads(body)["services"]

    def _fetch_token(self) -> None:
        parameter = self._ssm.get_parameter(Name=self._settings.client_secret_parameter, WithDecryption=True)
        credentials = f"{self._settings.client_id}:{parameter['Parameter']['Value']}"
        form = {"grant_type": "client_credentials", "scope": self._settings.api_scope}
        authorization = base64.b64encode(credentials.encode()).decode()
        status, body = self._post(form, {"Authorization": f"Basic {authorization}"})
        if status != 200:
            raise HttpError(status)
        answer = json.loads(body)
        self._token = answer["access_token"]
        self._valid_until = self._clock() + answer["expires_in"] - EARLY_SECONDS

    def _knock(self) -> None:
        """Send a request that names no client: Cognito rejects it, which costs nothing and shows that it answers."""
        status, _ = self._post({}, {})
        if status >= 500:
            raise HttpError(status)

    def _post(self, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        data = urlencode(form).encode()
        return self._send(urllib.request.Request(self._settings.token_url, data, headers, method="POST"))  # noqa: S310
