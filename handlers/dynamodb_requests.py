"""A DynamoDB client that makes the first attempt of each call itself, and leaves the rest to botocore.

An attempt that is a success in every respect ends here. Every other one is given to botocore as its own first attempt,
so that errors, backoff, retry quota and the second attempt are botocore's: one policy, and one budget of attempts.
"""

import json
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from handlers.answers import Answer
from handlers.clients import CONNECT_SECONDS, DynamoDbClient, Session, certificates_of, make_client, tls_contexts
from handlers.connections import Connections
from handlers.exchanges import exchange_all
from handlers.known_requests import known
from handlers.prepared_requests import PreparedRequests, learn

if TYPE_CHECKING:
    from handlers.replay import Replay

# The type of an error is at the start of its body: {"__type":"com.amazon.coral.service#InvalidSignatureException", ...
_ERROR_TYPE_BYTES: Final = 128

KeyT = TypeVar("KeyT")


class CallTrace(Protocol):
    """The trace of one call, which has begun."""

    @property
    def header(self) -> str | None:
        """The value of the header by which the service continues the trace."""

    def end(self, response: Mapping[str, Any]) -> None:
        """The call succeeded."""

    def withdraw(self) -> None:
        """Botocore takes the call over, with a trace of its own."""

    def resume(self) -> None:
        """The trace that botocore has made of this call takes the place of this one."""


class CallTraces(Protocol):
    """Begins the traces of calls."""

    def begin(self, operation: str, request: Mapping[str, Any]) -> CallTrace | None:
        """The trace of a call that begins now; None if the invocation has none."""


class _Untraced:
    header: str | None = None

    def end(self, response: Mapping[str, Any]) -> None:
        pass

    def withdraw(self) -> None:
        pass

    def resume(self) -> None:
        pass


_UNTRACED: Final = _Untraced()


@dataclass(frozen=True, slots=True)
class _Call:
    operation: str
    method: str
    request: dict[str, Any]
    trace: CallTrace


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of the first attempt of a call.

    If that is no success, `finish` returns or raises what the call does; it can take as long as the call.
    """

    is_success: bool
    is_lost_race: bool
    finish: Callable[[], dict[str, Any]]


class DynamoDbRequests:
    """The calls of the store, each of them traced once `traces` is set; `make_client` makes botocore's when needed."""

    def __init__(
        self,
        make_client: Callable[[], Any],
        requests: PreparedRequests,
        connections: Connections,
        *,
        together: int = 1,
    ) -> None:
        self.traces: CallTraces | None = None
        self.meta = SimpleNamespace(
            region_name=requests.form.region, service_model=SimpleNamespace(endpoint_prefix=requests.form.service)
        )
        """What botocore's client has under this name, as far as a trace needs it."""
        self._make_client = make_client
        self._requests = requests
        self._connections = connections
        self._together = together
        self._replay: Replay | None = None
        self._making = threading.Lock()

    def get_item(self, **request: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("GetItem", "get_item", request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("BatchGetItem", "batch_get_item", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("UpdateItem", "update_item", request)

    def close(self) -> None:
        """As botocore's: close the connections."""
        self._connections.close()
        if self._replay is not None:
            self._replay.client.close()

    def update_items(self, requests: Iterable[tuple[KeyT, dict[str, Any]]]) -> Iterator[tuple[KeyT, Attempt]]:
        """The first attempts of calls of `update_item` as they end, several at the same time, all in this thread.

        A call whose request cannot be made here is left out.
        """

        def messages() -> Iterator[tuple[tuple[KeyT, _Call], bytes]]:
            for key, request in requests:
                call = self._begin("UpdateItem", "update_item", request)
                message = self._message(call)
                if message is not None:
                    yield (key, call), message

        for (key, call), outcome in exchange_all(self._connections, messages(), together=self._together):
            is_success = self._succeeded(call, outcome) is not None
            is_lost_race = isinstance(outcome, Answer) and _is_error(outcome, b"ConditionalCheckFailedException")
            finish = partial(self._finish, call, outcome)
            yield key, Attempt(is_success=is_success, is_lost_race=is_lost_race, finish=finish)

    def _botocores(self) -> "Replay":
        with self._making:
            if self._replay is None:
                from handlers.replay import Replay

                self._replay = Replay(self._make_client())
        return self._replay

    def _by_botocore(self, call: _Call) -> dict[str, Any]:
        return getattr(self._botocores().client, call.method)(**call.request)

    def _call(self, operation: str, method: str, request: dict[str, Any]) -> dict[str, Any]:
        call = self._begin(operation, method, request)
        message = self._message(call)
        if message is None:
            return self._by_botocore(call)
        outcome: Answer | Exception
        try:
            outcome = self._connections.exchange(message)
        except OSError as error:
            outcome = error
        return self._succeeded(call, outcome) or self._finish(call, outcome)

    def _begin(self, operation: str, method: str, request: dict[str, Any]) -> _Call:
        begun = self.traces.begin(operation, request) if self.traces is not None else None
        return _Call(operation, method, request, begun or _UNTRACED)

    def _message(self, call: _Call) -> bytes | None:
        """The request to send; None if it cannot be made."""
        try:
            return self._requests.message(call.operation, call.request, call.trace.header)
        except Exception:  # noqa: BLE001 - nothing was sent yet, and botocore reports whatever is wrong
            call.trace.withdraw()
            return None

    def _succeeded(self, call: _Call, outcome: Answer | Exception) -> dict[str, Any] | None:
        """The response to a call that has ended with this attempt."""
        response = _success(outcome) if isinstance(outcome, Answer) else None
        if response is not None:
            # Until a call has failed, botocore has all tokens.
            if self._replay is not None:
                self._replay.succeeded(call.operation)
            call.trace.end(response)
        return response

    def _finish(self, call: _Call, outcome: Answer | Exception) -> dict[str, Any]:
        """What botocore returns or raises after this attempt."""
        call.trace.withdraw()
        if isinstance(outcome, Answer) and _is_error(outcome, b"SignatureException"):
            # A signature of ours that the service does not accept must not fail a request that botocore can sign.
            return self._by_botocore(call)
        return self._botocores().call(call.method, call.request, outcome, call.trace.resume)


def _is_error(answer: Answer, name: bytes) -> bool:
    return name in answer.body[:_ERROR_TYPE_BYTES]


def _success(answer: Answer) -> dict[str, Any] | None:
    """The response as botocore returns it; None if it is an error, or not what the server sent."""
    if answer.status != 200:
        return None
    try:
        # DynamoDB's own checksum of the body. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
        # Programming.LowLevelAPI.html#Programming.LowLevelAPI.ResponseFormat
        checksum = answer.headers.get("x-amz-crc32")
        if checksum is not None and int(checksum) != zlib.crc32(answer.body):
            return None
        decoded: Any = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(decoded, dict):
        return None
    response = cast("dict[str, Any]", decoded)
    response["ResponseMetadata"] = {
        "RequestId": answer.headers.get("x-amzn-requestid"),
        "HTTPStatusCode": answer.status,
        "RetryAttempts": 0,
    }
    return response


def make_dynamodb_client(
    session: Session, table_name: str, *, read_timeout_seconds: float, connections: int = 1
) -> DynamoDbClient:
    """A client with the timeouts of `make_client`; botocore's own where only botocore knows how to reach the table."""
    make: Callable[[], Any] = cache(
        partial(make_client, session, "dynamodb", read_timeout_seconds=read_timeout_seconds, connections=connections)
    )
    certificates = None
    requests = known(os.environ)
    if requests is None:
        requests = learn(make(), session, table_name)
        if requests is None:
            return make()
        certificates = certificates_of(session)
    host, port = requests.form.address
    return DynamoDbRequests(
        make,
        requests,
        Connections(
            host,
            port,
            contexts=tls_contexts(certificates) if requests.form.is_encrypted else (),
            connect_seconds=CONNECT_SECONDS,
            read_seconds=read_timeout_seconds,
            idle=connections,
        ),
        together=connections,
    )
