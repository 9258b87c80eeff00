"""Between a function's clients and the emulated services: fails what is to fail, and quotes marked data in doing so."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import botocore.handlers
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

MARK = "quetzal7f3a"
QUOTING = f"One or more parameter values were invalid: user_id {MARK}-user, token {MARK}-token"

# How a call fails: a status and an error code of AWS, or an exception on the way.
ERRORS: dict[str, Any] = {
    "throttled": (400, "ThrottlingException"),
    "throughput": (400, "ProvisionedThroughputExceededException"),
    "internal": (500, "InternalServerError"),
    "unavailable": (503, "ServiceUnavailable"),
    "denied": (400, "AccessDeniedException"),
    "invalid": (400, "ValidationException"),
    "missing": (400, "ResourceNotFoundException"),
    "collision": (400, "TransactionConflictException"),
    "not an answer": (200, None),
    "unreachable": EndpointConnectionError(endpoint_url=f"https://{MARK}"),
    "slow": ReadTimeoutError(endpoint_url=f"https://{MARK}"),
    "unconnected": ConnectTimeoutError(endpoint_url=f"https://{MARK}"),
    "defect": RuntimeError(QUOTING),
}


class _Raw:
    def __init__(self, content: bytes):
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


class Wire:
    """Between the clients and the emulated services: answers in their place, or loses their answers."""

    def __init__(self) -> None:
        self._steps: dict[str, Callable[[str, Any], Any]] = {}
        self.failed: set[tuple[str, str]] = set()
        # First in the row, before the emulation.
        botocore.handlers.BUILTIN_HANDLERS.insert(0, ("before-send.*.*", self._send))

    def _send(self, event_name: str, request: Any, **_: Any) -> Any:
        step = self._steps.get(event_name.rsplit(".", 1)[1])
        return step(event_name, request) if step else None

    @contextmanager
    def failing(self, operation: str, kind: str) -> Iterator[None]:
        """Every call of `operation` fails."""
        error = ERRORS[kind]

        def fail(_: str, request: Any) -> Any:
            self.failed.add((operation, kind))
            if isinstance(error, Exception):
                raise error
            status, code = error
            answer = {"__type": f"com.amazonaws#{code}", "message": QUOTING} if code else {"message": QUOTING}
            return _answer(request, status, answer)

        with self._step(operation, fail):
            yield

    @contextmanager
    def racing(self, operation: str) -> Iterator[None]:
        """Another writer is always faster, and the item that comes back is marked."""
        item = {"user_id": {"S": f"{MARK}-user"}, "services": {"L": [{"S": MARK}]}}
        lost = {"__type": "x#ConditionalCheckFailedException", "message": QUOTING, "Item": item}
        with self._step(operation, lambda _, request: _answer(request, 400, lost)):
            yield

    @contextmanager
    def answering(self, operation: str, answer: dict[str, Any]) -> Iterator[None]:
        """Every call of `operation` is answered with `answer`."""
        with self._step(operation, lambda _, request: _answer(request, 200, answer)):
            yield

    @contextmanager
    def losing_replies(self, operation: str) -> Iterator[None]:
        """The service does what it is asked, and nobody hears of it."""

        def lose(event_name: str, request: Any) -> Any:
            botocore_stubber(event_name, request)
            raise ReadTimeoutError(endpoint_url=f"https://{MARK}")

        with self._step(operation, lose):
            yield

    @contextmanager
    def _step(self, operation: str, step: Callable[[str, Any], Any]) -> Iterator[None]:
        self._steps[operation] = step
        try:
            yield
        finally:
            del self._steps[operation]


def _answer(request: Any, status: int, answer: dict[str, Any]) -> AWSResponse:
    headers = {"x-amzn-RequestId": "0123456789", "Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, _Raw(json.dumps(answer).encode()))
