"""Keep-alive connections to one host: requests are written whole.

A connection carries one request at a time, and is used again only after its response was read to the end.
"""

import select
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from handlers.answers import Answer, read_answer


class NotConnectedError(OSError):
    """There is no connection, so nothing was sent; the cause says why."""


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
        self.read_seconds = read_seconds
        self._idle_max = idle
        self._idle: deque[socket.socket] = deque()

    def exchange(self, message: bytes) -> Answer:
        """The response to a whole HTTP request; OSError if it did not come whole.

        Its connection is closed, unless it can carry the next request.
        """
        return self.receive(self.send(message))

    def send(self, message: bytes) -> socket.socket:
        """Send a whole HTTP request; the connection must be given to `receive` or closed."""
        connection = self._idle_connection() or self._new_connection()
        try:
            connection.sendall(message)
        except BaseException:
            connection.close()
            raise
        return connection

    def receive(self, connection: socket.socket) -> Answer:
        """The response to the request that `send` returned this connection for."""
        reusable = False
        try:
            answer = read_answer(connection)
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
        connection.settimeout(self.read_seconds)
        return connection


def _is_readable(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
