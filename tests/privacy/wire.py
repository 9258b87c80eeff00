"""A wire between a function's clients and the emulated services that fails calls, quoting marked data."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn

import botocore.handlers
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

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


# Given how the request is carried out: status and body of the response, or None for that of the service.
Step = Callable[[Callable[[], object]], tuple[int, dict[str, Any]] | None]


class Wire:
    """Responds in place of the emulated services, or loses their responses.

    botocore's requests pass it as events, and those of the functions' own client on their way through a ServedTable.
    """

    def __init__(self, kinds: Collection[str]) -> None:
        self.kinds = kinds
        """The errors with which calls fail."""
        self._steps: dict[str, Step] = {}
        self.failed: set[tuple[str, str]] = set()
        # The requests that botocore sent.
        self.sent: Counter[str] = Counter()
        # Before the handlers of the emulation.
        botocore.handlers.BUILTIN_HANDLERS.insert(0, ("before-send.*.*", self._send))

    def _send(self, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
        operation = event_name.rsplit(".", 1)[1]
        answer = self.respond(operation, lambda: None)
        if answer is None:
            self.sent[operation] += 1
            return None
        headers = {"x-amzn-RequestId": "0123456789", "Content-Type": "application/x-amz-json-1.0"}
        status, body = answer
        # pyrefly: ignore[bad-argument-type] - a dict of headers is enough
        return AWSResponse(request.url, status, headers, _Raw(json.dumps(body).encode()))

    def respond(self, operation: str, carry_out: Callable[[], object]) -> tuple[int, dict[str, Any]] | None:
        """Status and body that the current step of an operation makes of a request; None if that of the service."""
        step = self._steps.get(operation)
        return step(carry_out) if step else None

    def failing(self, operation: str, kind: str) -> AbstractContextManager[None]:
        """Make every call of `operation` fail."""
        error = ERRORS[kind]

        def fail(_: Callable[[], object]) -> tuple[int, dict[str, Any]]:
            self.failed.add((operation, kind))
            if isinstance(error, Exception):
                raise error
            status, code = error
            return status, {"__type": f"com.amazonaws#{code}", "message": QUOTING} if code else {"message": QUOTING}

        return self._step(operation, fail)

    def racing(self, operation: str) -> AbstractContextManager[None]:
        """Let another writer win every race; the returned item is marked."""
        item = {"user_id": {"S": f"{MARK}-user"}, "services": {"L": [{"S": MARK}]}}
        lost = {"__type": "x#ConditionalCheckFailedException", "message": QUOTING, "Item": item}
        return self._step(operation, lambda _: (400, lost))

    def answering(self, operation: str, answer: dict[str, Any]) -> AbstractContextManager[None]:
        """Respond with `answer` to every call of `operation`."""
        return self._step(operation, lambda _: (200, answer))

    @contextmanager
    def hanging(self, operation: str) -> Iterator[threading.Event]:
        """Carry out every call of `operation` at the end of the block only; the event is set when a call began."""
        began, end = threading.Event(), threading.Event()

        def hang(_: Callable[[], object]) -> None:
            began.set()
            end.wait()

        try:
            with self._step(operation, hang):
                yield began
        finally:
            end.set()

    def losing_replies(self, operation: str) -> AbstractContextManager[None]:
        """Carry out every call of `operation`, and lose the response."""

        def lose(carry_out: Callable[[], object]) -> NoReturn:
            carry_out()
            raise ReadTimeoutError(endpoint_url=f"https://{MARK}")

        return self._step(operation, lose)

    @contextmanager
    def _step(self, operation: str, step: Step) -> Iterator[None]:
        self._steps[operation] = step
        try:
            yield
        finally:
            del self._steps[operation]
