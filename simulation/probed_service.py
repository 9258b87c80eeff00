"""The service as the probe reaches it: a queue, a token endpoint, the API and a secret, on a simulated clock."""

import json
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from handlers.api_client import ApiClient
from handlers.probe import SERVICE_ID, Probe
from handlers.settings import ProbeSettings
from handlers.telemetry import Telemetry
from simulation.simulated_table import Clock

SETTINGS = ProbeSettings(
    queue_url="https://sqs.example.com/events",
    api_url="https://api.example.com/live",
    api_scope="scope",
    token_url="https://login.example.com/oauth2/token",  # noqa: S106 - an address
    client_id="client",
    client_secret_parameter="/event-processing/dev/probe-client-secret",  # noqa: S106 - a name
    stack="dev",
    version="simulated",
)
SECRET = "the-secret-of-the-probe"  # noqa: S105 - of a simulated client
TOKEN_SECONDS = 3600
REQUEST_SECONDS = 0.03


@dataclass(kw_only=True)
class ProbedService:
    """How the service behaves, and the requests that it got."""

    clock: Clock
    began: datetime
    """The time when the clock showed 0."""
    shown_after: float | None = 0.2
    """Seconds until a login shows in the API; None: never."""
    api_status: int = 200
    token_status: int | None = 200
    """None: the endpoint does not answer. A request that names no client is rejected if it is 200."""
    requests: list[str] = field(default_factory=list[str])
    logins: list[tuple[float, dict[str, str]]] = field(default_factory=list[tuple[float, dict[str, str]]])

    def probe(self, telemetry: Telemetry) -> Probe:
        """Return a probe of this service."""
        api = ApiClient(SETTINGS, self, send=self._send, clock=lambda: self.clock.now)
        return Probe(
            self,
            SETTINGS.queue_url,
            api,
            telemetry,
            now=lambda: self.began + timedelta(seconds=self.clock.now),
            clock=lambda: self.clock.now,
            sleep=self.clock.advance,
        )

    def get_parameter(self, **request: Any) -> dict[str, Any]:
        """Return the secret of the client."""
        assert request == {"Name": SETTINGS.client_secret_parameter, "WithDecryption": True}
        self.requests.append("secret")
        return {"Parameter": {"Value": SECRET}}

    def send_message(self, **request: Any) -> dict[str, Any]:
        """Take a login."""
        assert request["QueueUrl"] == SETTINGS.queue_url
        self.requests.append("send")
        self.logins.append((self.clock.now, json.loads(request["MessageBody"])))
        return {}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        """Fail: the probe sends one message."""
        raise NotImplementedError(request)

    def _send(self, request: urllib.request.Request) -> tuple[int, bytes]:
        self.clock.advance(REQUEST_SECONDS)
        if request.full_url == SETTINGS.token_url:
            return self._token(request.data)
        self.requests.append("look")
        shown = [
            {"service_id": SERVICE_ID, "service_name": "Probe", "last_accessed": login["timestamp"]}
            for at, login in self.logins
            if self.shown_after is not None and at + self.shown_after <= self.clock.now
        ]
        return self.api_status, json.dumps({"user_id": "probe", "services": shown[-1:]}).encode()

    def _token(self, form: Any) -> tuple[int, bytes]:
        self.requests.append("token" if form else "knock")
        if self.token_status is None:
            raise ConnectionRefusedError("the token endpoint does not answer")
        status = self.token_status if form or self.token_status != 200 else 400
        return status, json.dumps({"access_token": "a-token", "expires_in": TOKEN_SECONDS}).encode()
