"""Queues and their messages, as JSON values. A look never counts as a receive.

Messages contain personal data: the pages that show them say so.
"""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from localcloud.console.http import HttpError
from localcloud.console.times import write_time
from localcloud.observatory.contents import Failure, Message, Place, Queue
from localcloud.observatory.observatory import Observatory

MESSAGES_MAX = 25
"""How many messages a page shows."""
BODY_MAX = 2_000
"""How many characters of a body a page shows; a message alone is shown whole."""
GAVE_UP = "gave-up"
"""The reason of a message that SQS moved after its last receive, as `python -m ops dead-letters` names it."""
QUARANTINED = ("error_code", "error_detail", "source_message_id", "quarantined_at")
"""The attributes of a message that the event handler sent to the dead letters."""
MOVED = "DeadLetterQueueSourceArn"


class QueueViews:
    """What is read of queues. Its methods may be called from any thread."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory = observatory

    def all(self) -> dict[str, Any]:
        """Every queue: how many messages are where, and how old the oldest is."""
        queues = self._observatory.contents.queues()
        return {
            "now": write_time(self._observatory.clock.now()),
            "queues": [self._summary(queue, queues) for queue in sorted(queues, key=self._rank)],
        }

    def messages(self, name: str, *, place: str | None, text: str | None, start: int) -> dict[str, Any]:
        """A page of the messages of a queue, of those that match; HttpError if there is no such queue."""
        queues = self._observatory.contents.queues()
        queue = _find(queues, name)
        if place is not None and place not in list(Place):
            raise HttpError(HTTPStatus.BAD_REQUEST, f"A message is {', '.join(Place)}.")
        is_filtered = place is not None or text
        wanted = [m for m in queue.messages if _matches(m, place, text)] if is_filtered else queue.messages
        summary = self._summary(queue, queues)
        shown = wanted[start : start + MESSAGES_MAX]
        is_dead = bool(summary["sources"])
        given_up = {message.id for message in shown if is_dead and reason_of(message) == GAVE_UP}
        failures = self._observatory.contents.last_failures(given_up)
        return {
            "now": write_time(self._observatory.clock.now()),
            "queue": summary,
            "found": len(wanted),
            "start": start,
            "next": start + MESSAGES_MAX if len(wanted) > start + MESSAGES_MAX else None,
            "reasons": _reasons(queue.messages) if is_dead else [],
            "messages": [
                _described(message, BODY_MAX) | (_why(message, failures.get(message.id)) if is_dead else {})
                for message in shown
            ],
        }

    def message(self, name: str, message_id: str) -> dict[str, Any]:
        """A message with its whole body; HttpError if the queue does not have it any more."""
        queue = _find(self._observatory.contents.queues(), name)
        found = next((message for message in queue.messages if message.id == message_id), None)
        if found is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"Queue {name} has no message {message_id} any more.")
        return _described(found, None)

    def _rank(self, queue: Queue) -> tuple[bool, str]:
        """The queue that producers send to comes first."""
        return not self._is_for_events(queue), queue.state.name

    def _is_for_events(self, queue: Queue) -> bool:
        stack = self._observatory.stack
        return stack is not None and stack.outputs.get("queueUrl", "").rpartition("/")[2] == queue.state.name

    def _summary(self, queue: Queue, queues: Sequence[Queue]) -> dict[str, Any]:
        return {
            "name": queue.state.name,
            "isForEvents": self._is_for_events(queue),
            "waiting": queue.state.visible,
            "inFlight": queue.state.in_flight,
            "delayed": queue.delayed,
            "ageSeconds": int(queue.state.age_seconds),
            "deadLetterQueue": queue.dead_letter_queue,
            "maxReceiveCount": queue.max_receive_count,
            "sources": [other.state.name for other in queues if other.dead_letter_queue == queue.state.name],
        }


def reason_of(message: Message) -> str:
    """Why a dead letter is one: the error code of the event handler, or GAVE_UP."""
    # Those of a message that SQS moved date from before an earlier redrive.
    if MOVED not in message.system and all(name in message.attributes for name in QUARANTINED):
        return _text_of(message, "error_code")
    return GAVE_UP


def _find(queues: Sequence[Queue], name: str) -> Queue:
    for queue in queues:
        if queue.state.name == name:
            return queue
    raise HttpError(HTTPStatus.NOT_FOUND, f"There is no queue {name}.")


def _matches(message: Message, place: str | None, text: str | None) -> bool:
    wanted = (text or "").lower()
    return (place is None or message.place == place) and (wanted in message.body.lower() or wanted in message.id)


def _reasons(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Every reason of dead letters, the most frequent first, and when the oldest of them was sent."""
    counts = Counter(map(reason_of, messages))
    oldest: dict[str, float] = {}
    for message in messages:
        reason = reason_of(message)
        oldest[reason] = min(message.sent_at, oldest.get(reason, message.sent_at))
    return [
        {"reason": reason, "count": count, "oldest": write_time(oldest[reason])}
        for reason, count in counts.most_common()
    ]


def _why(message: Message, failure: Failure | None) -> dict[str, Any]:
    reason = reason_of(message)
    if reason != GAVE_UP:
        detail, at = _text_of(message, "error_detail"), _text_of(message, "quarantined_at")
    elif failure:
        detail, at = f"last failure: {failure.code}", write_time(failure.at)
    else:
        detail, at = "the log has no failure of it", None
    return {"reason": reason, "detail": detail, "failedAt": at}


def _text_of(message: Message, attribute: str) -> str:
    return message.attributes.get(attribute, {}).get("StringValue") or ""


def _described(message: Message, body_max: int | None) -> dict[str, Any]:
    return {
        "id": message.id,
        "body": message.body[:body_max],
        "bodyLength": len(message.body),
        "attributes": [
            {
                "name": name,
                "type": value.get("DataType", ""),
                "value": value.get("StringValue", value.get("BinaryValue", "")),
            }
            for name, value in sorted(message.attributes.items())
        ],
        "system": dict(message.system),
        "place": message.place,
        "receives": message.receive_count,
        "sentAt": write_time(message.sent_at),
        "visibleAt": write_time(message.visible_at),
    }
