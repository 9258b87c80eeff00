"""Many exchanges at the same time in one thread, each over a connection of its own.

A thread for each exchange would cost a third of an event's CPU: most of it hands the interpreter from thread to thread.
"""

import select
import socket
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from handlers.answers import Answer
from handlers.connections import Connections

KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting(Generic[KeyT]):
    """An exchange whose request is sent."""

    key: KeyT
    connection: socket.socket
    deadline: float


def exchange_all(
    connections: Connections, messages: Iterator[tuple[KeyT, bytes]], *, together: int
) -> Generator[tuple[KeyT, Answer | Exception]]:
    """The outcome of each exchange as it ends: what `Connections.exchange` returns or raises.

    A message is taken from `messages` when there is room for it among `together` exchanges.
    """
    poll = select.poll()
    # In the order in which they were sent, so that the first has the earliest deadline.
    waiting: dict[int, _Waiting[KeyT]] = {}

    def leave(descriptor: int) -> _Waiting[KeyT]:
        poll.unregister(descriptor)
        return waiting.pop(descriptor)

    try:
        while True:
            while len(waiting) < together and (following := next(messages, None)) is not None:
                key, message = following
                try:
                    connection = connections.send(message)
                except OSError as error:
                    yield key, error
                    continue
                poll.register(connection, select.POLLIN)
                deadline = time.monotonic() + connections.read_seconds
                waiting[connection.fileno()] = _Waiting(key=key, connection=connection, deadline=deadline)
            if not waiting:
                return
            oldest, first = next(iter(waiting.items()))
            readable = poll.poll(max(0.0, first.deadline - time.monotonic()) * 1000)
            for descriptor, _ in readable:
                ready = leave(descriptor)
                try:
                    outcome: Answer | Exception = connections.receive(ready.connection)
                except OSError as error:
                    outcome = error
                yield ready.key, outcome
            if not readable:
                leave(oldest).connection.close()
                yield first.key, TimeoutError("The response did not come in time.")
    finally:
        for exchange in waiting.values():
            exchange.connection.close()
