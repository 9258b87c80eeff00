"""A DynamoDB client that makes the first attempt of each call itself, and leaves the rest to botocore.

An attempt that is a success in every respect ends here. Every other one is given to botocore as its own first attempt,
so that errors, backoff, retry quota and the second attempt are botocore's: one policy, and one budget of attempts.
"""

import json
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar, cast

from handlers.answers import Answer
from handlers.clients import DynamoDbClient, Session, certificates_of, make_client
from handlers.connections import TRANSPORT_ERRORS, Connections
from handlers.exchanges import exchange_all
from handlers.prepared_requests import PreparedRequests, learn
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
    method: Callable[..., dict[str, Any]]
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
    """The calls of the store, each of them traced once `traces` is set; `client` is botocore's."""

    def __init__(self, client: Any, requests: PreparedRequests, connections: Connections, *, together: int = 1) -> None:
        self.client = client
        self.traces: CallTraces | None = None
        self._requests = requests
        self._connections = connections
        self._together = together
        self._replay = Replay(client)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("GetItem", self.client.get_item, request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("BatchGetItem", self.client.batch_get_item, request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("UpdateItem", self.client.update_item, request)

    def close(self) -> None:
        """As botocore's: close the connections."""
        self._connections.close()
        self.client.close()

    def update_items(self, requests: Iterable[tuple[KeyT, dict[str, Any]]]) -> Iterator[tuple[KeyT, Attempt]]:
        """The first attempts of calls of `update_item` as they end, several at the same time, all in this thread.

        A call whose request cannot be made here is left out.
        """

        def messages() -> Iterator[tuple[tuple[KeyT, _Call], bytes]]:
            for key, request in requests:
                call = self._begin("UpdateItem", self.client.update_item, request)
                message = self._message(call)
                if message is not None:
                    yield (key, call), message

        for (key, call), outcome in exchange_all(self._connections, messages(), together=self._together):
            is_success = self._succeeded(call, outcome) is not None
            is_lost_race = isinstance(outcome, Answer) and _is_error(outcome, b"ConditionalCheckFailedException")
            finish = partial(self._finish, call, outcome)
            yield key, Attempt(is_success=is_success, is_lost_race=is_lost_race, finish=finish)

    def _call(self, operation: str, method: Any, request: dict[str, Any]) -> dict[str, Any]:
        call = self._begin(operation, method, request)
        message = self._message(call)
        if message is None:
            return method(**request)
        outcome: Answer | Exception
        try:
            outcome = self._connections.exchange(message)
        except TRANSPORT_ERRORS as error:
            outcome = error
        return self._succeeded(call, outcome) or self._finish(call, outcome)

    def _begin(self, operation: str, method: Any, request: dict[str, Any]) -> _Call:
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
            self._replay.succeeded(call.operation)
            call.trace.end(response)
        return response

    def _finish(self, call: _Call, outcome: Answer | Exception) -> dict[str, Any]:
        """What botocore returns or raises after this attempt."""
        call.trace.withdraw()
        if isinstance(outcome, Answer) and _is_error(outcome, b"SignatureException"):
            # A signature of ours that the service does not accept must not fail a request that botocore can sign.
            return call.method(**call.request)
        return self._replay.call(call.method, call.request, outcome, call.trace.resume)


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
        response: Any = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(response, dict):
        return None
    response["ResponseMetadata"] = {
        "RequestId": answer.headers.get("x-amzn-requestid"),
        "HTTPStatusCode": answer.status,
        "RetryAttempts": 0,
    }
    return cast("dict[str, Any]", response)


def make_dynamodb_client(
    session: Session, table_name: str, *, read_timeout_seconds: float, connections: int = 1
) -> DynamoDbClient:
    """A client with the timeouts of `make_client`; botocore's own where only botocore knows how to reach the table."""
    client = make_client(session, "dynamodb", read_timeout_seconds=read_timeout_seconds, connections=connections)
    requests = learn(client, session, table_name)
    if requests is None:
        return client
    endpoint = requests.endpoint
    context = ssl.create_default_context(cafile=certificates_of(session)) if endpoint.is_encrypted else None
    return DynamoDbRequests(
        client,
        requests,
        Connections(
            endpoint.host,
            endpoint.port,
            context=context,
            connect_seconds=client.meta.config.connect_timeout,
            read_seconds=client.meta.config.read_timeout,
            idle=connections,
        ),
        together=connections,
    )
