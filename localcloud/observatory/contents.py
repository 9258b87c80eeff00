"""What queues and tables hold, to look at. A look is no action: it receives nothing, and nothing counts it.

What is seen is personal data: the console shows it on the pages that say so, and nothing else may take it from here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from localcloud.observatory.facts import QueueState


class Place(StrEnum):
    """Where a message of a queue is."""

    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    DELAYED = "delayed"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it is now. Times are seconds since 1970."""

    id: str
    body: str = field(repr=False)
    attributes: Mapping[str, Any] = field(repr=False)
    """As the producer sent them, by name: the type and the value."""
    system: Mapping[str, str] = field(repr=False)
    """What SQS adds, without counts and times."""
    place: Place
    receive_count: int
    sent_at: float
    visible_at: float
    """When a consumer can receive it, which is past for a message that waits."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue with its messages, in the order in which it has them."""

    state: QueueState
    messages: Sequence[Message] = field(repr=False)
    dead_letter_queue: str | None
    """The name of the queue that gets its messages after `max_receive_count` receives."""
    max_receive_count: int | None

    @property
    def delayed(self) -> int:
        """How many messages no consumer could receive yet."""
        return len(self.messages) - self.state.visible - self.state.in_flight


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The last failure of a message, as a function logged it."""

    code: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Table:
    """The items of a table, in DynamoDB's JSON; a table with a sort key has several of one key."""

    name: str
    key: str
    """The attribute that is the partition key."""
    items: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)
    """By the text of the key."""


class Contents:
    """What an emulator holds: nothing, until its seams are plugged in. Its methods may be called from any thread."""

    def queues(self) -> Sequence[Queue]:
        """Every queue."""
        return ()

    def find(self, message_id: str) -> tuple[str, Message] | None:
        """The name of the queue that has a message, and the message; None if no queue has it."""
        for queue in self.queues():
            for message in queue.messages:
                if message.id == message_id:
                    return queue.state.name, message
        return None

    def tables(self) -> Sequence[Table]:
        """Every table."""
        return ()

    def last_failures(self, message_ids: Collection[str]) -> Mapping[str, Failure]:
        """The last failure of each of these messages that is still in a log."""
        return {}
