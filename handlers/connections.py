"""Keep-alive connections to one host, for requests that are whole and responses of the plain form that DynamoDB sends.

A connection carries one request at a time, and is used again only after its response was read to the end.
"""

import re
import select
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

# DynamoDB cuts a response at 16 MB of items; their JSON notation is longer.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
BODY_BYTES_MAX: Final = 48 * 1024 * 1024
HEAD_BYTES_MAX: Final = 16 * 1024
RECEIVED_BYTES_MAX: Final = 64 * 1024
_HEAD: Final = re.compile(r"HTTP/1\.1 (200|[45][0-9]{2})(?: [ -~]*)?((?:\r\n[!#-'*+.0-9A-Z^_`a-z|~-]+:[\t -~]*)*)")
_LENGTH: Final = re.compile(r"[0-9]{1,9}")


class UnreadableError(OSError):
    """What was received is not a response, not the whole of it, or not one of the plain form."""


class NotConnectedError(OSError):
    """There is no connection, so nothing was sent; the cause says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response that was received whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection can carry another request."""
        return self.headers.get("connection", "keep-alive").lower() == "keep-alive"


class Connections:
    """Connections to one host; at most `idle` of them are kept, and the one used last is used first.

    They are encrypted if there are `contexts`: with the first, until it does not trust the server's certificate; then
    with the next one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        contexts: Sequence[Callable[[], ssl.SSLContext]],
        connect_seconds: float,
        read_seconds: float,
        idle: int,
    ) -> None:
        self._host = host
        self._port = port
        self._contexts = contexts
        self._context = 0
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._idle_max = idle
        self._idle: deque[socket.socket] = deque()

    def exchange(self, message: bytes) -> Answer:
        """The response to a whole HTTP request; OSError if it did not come whole.

        Its connection is closed, unless it can carry the next request.
        """
        connection = self._idle_connection() or self._new_connection()
        reusable = False
        try:
            connection.sendall(message)
            answer = _read(connection)
            reusable = answer.keeps_alive
        finally:
            if reusable:
                self._keep(connection)
            else:
                connection.close()
        return answer

    def _keep(self, connection: socket.socket) -> None:
        self._idle.append(connection)
        # Other threads keep theirs at the same time: looking first would let more than that many stay.
        with suppress(IndexError):
            while len(self._idle) > self._idle_max:
                self._idle.popleft().close()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _idle_connection(self) -> socket.socket | None:
        """A connection that the server did not close meanwhile."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            # Nothing was asked: what can be read is the end of the connection, or an answer to nothing.
            if not _is_readable(connection):
                return connection
            connection.close()

    def _new_connection(self) -> socket.socket:
        context = self._context
        try:
            connection = socket.create_connection((self._host, self._port), timeout=self._connect_seconds)
            try:
                # A request is one write, so there is nothing to wait for.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._contexts:
                    connection = self._contexts[context]().wrap_socket(connection, server_hostname=self._host)
            except BaseException:
                connection.close()
                raise
        except OSError as error:
            if isinstance(error, ssl.SSLCertVerificationError) and context + 1 < len(self._contexts):
                self._context = context + 1
                return self._new_connection()
            raise NotConnectedError(str(error)) from error
        connection.settimeout(self._read_seconds)
        return connection


def _read(connection: socket.socket) -> Answer:
    """The next response; UnreadableError if it is not one of the plain form that DynamoDB's have."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > HEAD_BYTES_MAX:
            raise UnreadableError("The headers are too long.")
        _receive(connection, received)
    head = _HEAD.fullmatch(received[:end].decode("latin-1"))
    if head is None:
        raise UnreadableError("The headers are of another form than those of DynamoDB.")
    lines = [line.partition(":") for line in head[2].split("\r\n")[1:]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in lines}
    # What these say about the end of the body is for botocore to understand, and so is a header that comes twice.
    if len(headers) < len(lines) or "transfer-encoding" in headers or "content-encoding" in headers:
        raise UnreadableError("The body is encoded, or a header is repeated.")
    length = headers.get("content-length", "")
    if not _LENGTH.fullmatch(length) or int(length) > BODY_BYTES_MAX:
        raise UnreadableError("The body has no length, or is too long.")
    start = end + 4
    while len(received) < start + int(length):
        _receive(connection, received)
    if len(received) > start + int(length):
        raise UnreadableError("There is more than one response.")
    return Answer(status=int(head[1]), headers=headers, body=bytes(received[start:]))


def _receive(connection: socket.socket, received: bytearray) -> None:
    chunk = connection.recv(RECEIVED_BYTES_MAX)
    if not chunk:
        raise UnreadableError("The connection ended before the response did.")
    received += chunk


def _is_readable(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
