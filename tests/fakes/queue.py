"""SQS as consumers see it: at-least-once, unordered, with visibility timeouts and a redrive policy."""

import heapq
import random
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.models.client import NotInTheModelError, client_error
from simulation.lambda_events import sqs_record

ENTRIES_MAX = 10
BATCH_BYTES_MAX = 1024 * 1024
ATTRIBUTES_MAX = 10
# A receive chooses from this many candidates for each message: more candidates, less order.
SHUFFLED = 3

_UNACCEPTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message as its sender made it."""

    message_id: str
    body: str
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    trace_header: str | None = None


@dataclass(slots=True, kw_only=True)
class Copy:
    """One stored copy of a message; at-least-once delivery can store several."""

    sent: Sent
    sent_at: float
    handle: str
    visible_at: float
    receive_count: int = 0


class QueueModel:
    """A queue; `clock` returns seconds, and `redrive_to` gets messages that were received `max_receive_count` times."""

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] = lambda: 0.0,
        chance: random.Random | None = None,
        visibility_seconds: float = 60,
        redrive_to: "QueueModel | None" = None,
        max_receive_count: int = 5,
    ) -> None:
        self.url = url
        self._clock = clock
        self._chance = chance or random.Random(0)
        self._visibility_seconds = visibility_seconds
        self._redrive_to = redrive_to
        self._max_receive_count = max_receive_count
        self._copies: dict[str, Copy] = {}
        self._order: list[tuple[float, str]] = []
        self._handles = 0

    def __len__(self) -> int:
        return len(self._copies)

    def messages(self) -> list[Sent]:
        """All messages, hidden or visible, in order of arrival."""
        return [copy.sent for copy in self._copies.values()]

    def add(self, sent: Sent, *, delay: float = 0) -> None:
        """Store a message, or another copy of it."""
        self._handles += 1
        now = self._clock()
        copy = Copy(sent=sent, sent_at=now, handle=f"{self.url}#{self._handles}", visible_at=now + delay)
        self._copies[copy.handle] = copy
        heapq.heappush(self._order, (copy.visible_at, copy.handle))

    def take_all(self, wanted: Callable[[Sent], bool]) -> list[Sent]:
        """Remove and return the `wanted` messages."""
        taken = [copy for copy in self._copies.values() if wanted(copy.sent)]
        self.delete(copy.handle for copy in taken)
        return [copy.sent for copy in taken]

    def receive(self, maximum: int) -> list[dict[str, Any]]:
        """Up to `maximum` visible messages, unordered, as records of a Lambda event; hides them."""
        now = self._clock()
        candidates: list[Copy] = []
        while self._order and self._order[0][0] <= now and len(candidates) < maximum * SHUFFLED:
            visible_at, handle = heapq.heappop(self._order)
            copy = self._copies.get(handle)
            # Deleted and hidden copies leave outdated places in the order behind.
            if copy is None or copy.visible_at != visible_at:
                continue
            if self._redrive_to and copy.receive_count >= self._max_receive_count:
                del self._copies[handle]
                self._redrive_to.add(copy.sent)
                continue
            candidates.append(copy)
        received = self._chance.sample(candidates, min(maximum, len(candidates)))
        for copy in received:
            copy.receive_count += 1
            copy.visible_at = now + self._visibility_seconds
        for copy in candidates:
            heapq.heappush(self._order, (copy.visible_at, copy.handle))
        return [_record(copy) for copy in received]

    def delete(self, handles: Iterable[str]) -> None:
        """Delete these copies. Deleting a missing copy is no error."""
        for handle in handles:
            self._copies.pop(handle, None)

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        if unknown := set(request) - {"QueueUrl", "Entries"}:
            raise NotInTheModelError(f"send_message_batch with {sorted(unknown)}")
        if request["QueueUrl"] != self.url:
            raise client_error("SendMessageBatch", "AWS.SimpleQueueService.NonExistentQueue")
        entries = request["Entries"]
        _check_batch(entries)
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in entries:
            fault = _fault(entry)
            if fault:
                answer["Failed"].append({"Id": entry["Id"], "Code": fault, "SenderFault": True})
                continue
            message_id = f"{self.url}/{self._handles + 1}"
            trace = (entry.get("MessageSystemAttributes") or {}).get("AWSTraceHeader")
            self.add(
                Sent(
                    message_id=message_id,
                    body=entry["MessageBody"],
                    attributes={name: dict(value) for name, value in entry.get("MessageAttributes", {}).items()},
                    trace_header=trace and trace["StringValue"],
                )
            )
            answer["Successful"].append({"Id": entry["Id"], "MessageId": message_id})
        # Like the service, leave out empty lists.
        return {name: value for name, value in answer.items() if value}


def _check_batch(entries: Sequence[dict[str, Any]]) -> None:
    if not entries:
        raise client_error("SendMessageBatch", "AWS.SimpleQueueService.EmptyBatchRequest")
    if len(entries) > ENTRIES_MAX:
        raise client_error("SendMessageBatch", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise client_error("SendMessageBatch", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct")
    if sum(map(_entry_bytes, entries)) > BATCH_BYTES_MAX:
        raise client_error("SendMessageBatch", "AWS.SimpleQueueService.BatchRequestTooLong")


def _fault(entry: dict[str, Any]) -> str | None:
    attributes = entry.get("MessageAttributes", {})
    texts = [entry["MessageBody"], *[value.get("StringValue", "x") for value in attributes.values()]]
    if len(attributes) > ATTRIBUTES_MAX or not all(texts):
        return "InvalidParameterValue"
    return "InvalidMessageContents" if any(map(_UNACCEPTABLE.search, texts)) else None


def _entry_bytes(entry: dict[str, Any]) -> int:
    size = len(entry["MessageBody"].encode())
    for name, value in entry.get("MessageAttributes", {}).items():
        content = value["BinaryValue"] if "BinaryValue" in value else value["StringValue"].encode()
        size += len(name.encode()) + len(value["DataType"].encode()) + len(content)
    return size


def _record(copy: Copy) -> dict[str, Any]:
    sent = copy.sent
    attributes = {name: _event_attribute(value) for name, value in sent.attributes.items()}
    record = sqs_record(
        sent.body,
        sent.message_id,
        receive_count=copy.receive_count,
        sent_at=str(round(copy.sent_at * 1000)),
        receiptHandle=copy.handle,
        messageAttributes=attributes,
    )
    record["attributes"] |= {"AWSTraceHeader": sent.trace_header} if sent.trace_header else {}
    return record


def _event_attribute(value: dict[str, Any]) -> dict[str, Any]:
    if "BinaryValue" in value:
        content = {"binaryValue": b64encode(value["BinaryValue"]).decode("ascii")}
    else:
        content = {"stringValue": value["StringValue"]}
    return content | {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
