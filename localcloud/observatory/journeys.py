"""What became of each message: sent, handed over in batches, moved. The newest messages are kept.

A function that stores an event logs no identifier of it, and must not: that would cost as much as the rest of its
lines, and identify a user. So nothing on AWS says which batch had a given message; the embedded cloud sees the batch.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

MESSAGES_MAX = 5_000


class Outcome(StrEnum):
    """What became of a message in a batch."""

    HANDLED = "handled"
    """The function did not return it, so it was deleted: the event is stored, or copied to the dead-letter queue."""
    RETURNED = "returned"
    """The function reported it as failed; the queue hands it over again."""
    FAILED = "failed"
    """The invocation failed as a whole; the queue hands every message of it over again."""


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A message was in a batch."""

    at: float
    seconds: float
    function: str
    version: str
    request_id: str
    batch_size: int
    outcome: Outcome
    error: str = ""
    """The type of the error with which the invocation failed."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """The queue moved a message that was received too often."""

    at: float
    queue: str


@dataclass(kw_only=True)
class Journey:
    """What became of a message so far."""

    message_id: str
    queue: str
    sent_at: float
    user_id: str | None
    """The user that the event names, if it does."""
    copy_of: str | None
    """The message that this one is a copy of, if the event handler sent it to the dead-letter queue."""
    copied_to: str | None = None
    steps: list[Handover | Move] = field(default_factory=list)


class Journeys:
    """The journeys of the newest messages. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Journey] = OrderedDict()
        self._lock = threading.Lock()

    def sent(self, journey: Journey) -> None:
        """A message was accepted by a queue."""
        with self._lock:
            self._kept[journey.message_id] = journey
            if original := self._kept.get(journey.copy_of or ""):
                original.copied_to = journey.message_id
            while len(self._kept) > MESSAGES_MAX:
                self._kept.popitem(last=False)

    def happened(self, message_ids: Iterable[str], step: Handover | Move) -> None:
        """The same happened to several messages."""
        with self._lock:
            for message_id in message_ids:
                if journey := self._kept.get(message_id):
                    journey.steps.append(step)

    def get(self, message_id: str) -> Journey | None:
        """The journey of a message, unless it is not kept."""
        with self._lock:
            return self._kept.get(message_id)

    def newest(self, count: int) -> list[Journey]:
        """The messages that were sent last, the newest first."""
        with self._lock:
            return list(self._kept.values())[: -count - 1 : -1]
