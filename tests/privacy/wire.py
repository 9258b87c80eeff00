"""A wire between a function's clients and the emulated services that fails calls, quoting marked data."""

import json
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import botocore.handlers
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

MARK = "quetzal7f3a"
QUOTING = f"One or more parameter values were invalid: user_id {MARK}-user, token {MARK}-token"

# How a call fails: with a status and an error code of AWS, or with an exception in the client.
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
    """Responds in place of the emulated services, or loses their responses."""

    def __init__(self, kinds: Collection[str]) -> None:
        self.kinds = kinds
        """The errors with which calls fail."""
        self._steps: dict[str, Callable[[str, Any], Any]] = {}
        self.failed: set[tuple[str, str]] = set()
        # Before the handlers of the emulation.
        botocore.handlers.BUILTIN_HANDLERS.insert(0, ("before-send.*.*", self._send))

    def _send(self, event_name: str, request: Any, **_: Any) -> Any:
        step = self._steps.get(event_name.rsplit(".", 1)[1])
        return step(event_name, request) if step else None

    def failing(self, operation: str, kind: str) -> AbstractContextManager[None]:
        """Make every call of `operation` fail."""
        error = ERRORS[kind]

        def fail(_: str, request: Any) -> Any:
            self.failed.add((operation, kind))
            if isinstance(error, Exception):
                raise error
            status, code = error
            answer = {"__type": f"com.amazonaws#{code}", "message": QUOTING} if code else {"message": QUOTING}
            return _answer(request, status, answer)

        return self._step(operation, fail)

    def racing(self, operation: str) -> AbstractContextManager[None]:
        """Let another writer win every race; the returned item is marked."""
        item = {"user_id": {"S": f"{MARK}-user"}, "services": {"L": [{"S": MARK}]}}
        lost = {"__type": "x#ConditionalCheckFailedException", "message": QUOTING, "Item": item}
        return self._step(operation, lambda _, request: _answer(request, 400, lost))

    def answering(self, operation: str, answer: dict[str, Any]) -> AbstractContextManager[None]:
        """Respond with `answer` to every call of `operation`."""
        return self._step(operation, lambda _, request: _answer(request, 200, answer))

    @contextmanager
    def hanging(self, operation: str) -> Iterator[threading.Event]:
        """Carry out every call of `operation` at the end of the block only; the event is set when a call began."""
        began, end = threading.Event(), threading.Event()

        def hang(_: str, __: Any) -> None:
            began.set()
            end.wait()

        try:
            with self._step(operation, hang):
                yield began
        finally:
            end.set()

    def losing_replies(self, operation: str) -> AbstractContextManager[None]:
        """Carry out every call of `operation`, and lose the response."""

        def lose(event_name: str, request: Any) -> Any:
            botocore_stubber(event_name, request)
            raise ReadTimeoutError(endpoint_url=f"https://{MARK}")

        return self._step(operation, lose)

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
