"""Where ministack shows what queues and tables hold.

A look takes copies and calls no function of ministack. So it is no receive, no request, and no step of its clock.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, overload

from ministack.services import cloudwatch_logs, dynamodb, sqs

from handlers.vocabulary import Outcome
from localcloud.emulator.queue_seams import state_of
from localcloud.observatory.contents import Contents, Failure, Message, Place, Queue, Table
from localcloud.observatory.observatory import Observatory

FAILED = (Outcome.FAILED, Outcome.EXHAUSTED)


def observe_contents(observatory: Observatory) -> None:
    """Let the observatory look into queues and tables."""
    observatory.contents = StoredContents()


class StoredContents(Contents):
    """What ministack holds in memory."""

    def queues(self) -> list[Queue]:  # noqa: D102 - the class above says it
        return [_queue(queue) for queue in list(sqs._queues._data.values())]

    def find(self, message_id: str) -> tuple[str, Message] | None:  # noqa: D102
        # Without making every message of a backlog.
        now = sqs.time.time()
        for (*_, url), queue in list(sqs._queues._data.items()):
            for held in list(queue["messages"]):
                if held["id"] == message_id:
                    return url.rpartition("/")[2], _message(held, now)
        return None

    def tables(self) -> list[Table]:  # noqa: D102
        return [
            Table(
                name=table["TableName"],
                key=table["pk_name"],
                items={key: list(by_sort_key.values()) for key, by_sort_key in list(table["items"].items())},
            )
            for table in list(dynamodb._tables._data.values())
        ]

    def last_failures(self, message_ids: Collection[str]) -> dict[str, Failure]:  # noqa: D102
        found: dict[str, Failure] = {}
        for group in list(cloudwatch_logs._log_groups._data.values()) if message_ids else ():
            for stream in list(group["streams"].values()):
                for event in list(stream["events"]):
                    _note_failure(event, message_ids, found)
        return found


def _queue(queue: dict[str, Any]) -> Queue:
    now, messages = sqs.time.time(), list(queue["messages"])
    try:
        policy = json.loads(queue["attributes"]["RedrivePolicy"])
        target, receives = policy["deadLetterTargetArn"].rpartition(":")[2], int(policy["maxReceiveCount"])
    except (KeyError, ValueError, TypeError):
        target, receives = None, None
    return Queue(
        state=state_of(queue, messages, now),
        messages=_Messages(messages, now),
        dead_letter_queue=target,
        max_receive_count=receives,
    )


class _Messages(Sequence[Message]):
    """Makes a message when it is looked at: of a backlog of 30,000, a page shows 25."""

    def __init__(self, held: Sequence[Mapping[str, Any]], now: float) -> None:
        self._held, self._now = held, now

    def __len__(self) -> int:
        return len(self._held)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        if isinstance(index, slice):
            return _Messages(self._held[index], self._now)
        return _message(self._held[index], self._now)


def _message(message: Mapping[str, Any], now: float) -> Message:
    hidden = Place.IN_FLIGHT if message["receive_count"] else Place.DELAYED
    return Message(
        id=message["id"],
        body=message["body"],
        attributes=dict(message["message_attributes"] or {}),
        system={name: str(value) for name, value in message["sys"].items()},
        place=hidden if message["visible_at"] > now else Place.WAITING,
        receive_count=message["receive_count"],
        sent_at=message["sent_at"],
        visible_at=message["visible_at"],
    )


def _note_failure(event: Mapping[str, Any], message_ids: Collection[str], found: dict[str, Failure]) -> None:
    text = event["message"]
    if '"message_id"' not in text:  # most lines, and reading JSON takes a hundred times as long
        return
    try:
        line = json.loads(text)
        message_id, failed = line["message_id"], line["outcome"] in FAILED
    except (ValueError, LookupError, TypeError):
        return
    at = event["timestamp"] / 1000
    if failed and message_id in message_ids and (message_id not in found or found[message_id].at <= at):
        found[message_id] = Failure(code=str(line.get("error_code")), at=at)
