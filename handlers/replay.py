"""Gives botocore an attempt that another client made, as the outcome of botocore's own first attempt.

botocore then treats it as its own: the exception, whether to retry, the backoff with jitter and the retry quota of its
standard mode, and the second attempt, which it sends itself.
"""

import ssl
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from handlers.answers import Answer
from handlers.connections import NotConnectedError

_SUCCESS: Final = SimpleNamespace(status_code=200)


class Replay:
    """Replays attempts through one client of botocore, each in the thread that made it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._local = threading.local()
        client.meta.events.register_first("before-send.dynamodb", self._first_attempt)

    def call(
        self,
        operation: str,
        request: dict[str, Any],
        outcome: Answer | Exception,
        begun: Callable[[], None],
    ) -> dict[str, Any]:
        """What `operation` returns or raises if its first attempt had this outcome; `begun` runs in that attempt."""
        self._local.attempt = outcome, begun
        try:
            return getattr(self.client, operation)(**request)
        finally:
            self._local.attempt = None

    def succeeded(self, operation: str) -> None:
        """Tell botocore of a call that succeeded without it, because each one earns a token of its retry quota."""
        event = f"after-call.dynamodb.{operation}"
        self.client.meta.events.emit(event, http_response=_SUCCESS, parsed={}, model=None, context={})

    def _first_attempt(self, request: Any, **_: Any) -> AWSResponse | None:
        attempt, self._local.attempt = getattr(self._local, "attempt", None), None
        if attempt is None:
            return None
        outcome, begun = attempt
        begun()
        if isinstance(outcome, Answer):
            raw = SimpleNamespace(stream=lambda: [outcome.body])
            # pyrefly: ignore[bad-argument-type] - a dict of headers is enough
            return AWSResponse(request.url, outcome.status, dict(outcome.headers), raw)
        raise _as_botocore_raises(outcome, request.url)


def _as_botocore_raises(error: Exception, url: str) -> BotoCoreError:
    """The exception that botocore's own HTTP session raises for this one, which the log names."""
    cause = error.__cause__ if isinstance(error, NotConnectedError) else None
    if isinstance(cause, TimeoutError):
        return ConnectTimeoutError(endpoint_url=url, error=cause)
    if isinstance(cause, ssl.SSLError):
        return SSLError(endpoint_url=url, error=cause)
    if cause is not None:
        return EndpointConnectionError(endpoint_url=url, error=cause)
    if isinstance(error, TimeoutError):
        return ReadTimeoutError(endpoint_url=url, error=error)
    return ConnectionClosedError(endpoint_url=url, error=error)
