"""A message that can never succeed goes to the dead-letter queue unchanged, with the reason, or is reported as refused.

A refused message is retried until the redrive policy moves it to the same queue, so no message is lost.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from handlers.batches import batches, entry_bytes
from handlers.clients import RESERVE_SECONDS, RemainingSeconds, SqsClient, error_code_of
from handlers.logins import format_instant
from handlers.messages import Message
from handlers.vocabulary import ErrorCode

ATTRIBUTES_MAX: Final = 10
BY_VERSION: Final = "quarantined_by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A message, and why it can never succeed."""

    message: Message
    error_code: str
    error_detail: str


class Quarantine:
    """The dead-letter queue. Its client is made for the first message, because most invocations never need it."""

    def __init__(
        self,
        make_client: Callable[[], SqsClient],
        queue_url: str,
        *,
        version: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._make_client = make_client
        self._client: SqsClient | None = None
        self._queue_url = queue_url
        self._version = version
        self._now = now

    def send(self, rejections: Sequence[Rejection], remaining_seconds: RemainingSeconds) -> dict[str, str]:
        """Error codes, by message ID, of the messages the queue refused; only the others may be acknowledged."""
        refused: dict[str, str] = {}
        quarantined_at = format_instant(self._now())
        entries: list[tuple[dict[str, Any], int]] = []
        for index, rejection in enumerate(rejections):
            try:
                entry = _entry(index, rejection, quarantined_at, self._version)
                entries.append((entry, entry_bytes(entry)))
            except Exception:  # noqa: BLE001 - attributes that SQS would refuse must not fail the other messages
                refused[rejection.message.message_id] = ErrorCode.ENVELOPE_UNREADABLE
        for batch in batches(entries, lambda sized: sized[1]):
            error_codes = self._send_batch([entry for entry, _ in batch], remaining_seconds)
            refused |= {rejections[int(id_)].message.message_id: code for id_, code in error_codes.items()}
        return refused

    def _send_batch(self, batch: Sequence[Mapping[str, Any]], remaining_seconds: RemainingSeconds) -> dict[str, str]:
        if remaining_seconds() <= RESERVE_SECONDS:
            return {entry["Id"]: ErrorCode.OUT_OF_TIME for entry in batch}
        try:
            if self._client is None:
                self._client = self._make_client()
            response = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=batch)
        except Exception as error:  # noqa: BLE001 - an unexpected failure must not fail messages stored already
            return {entry["Id"]: error_code_of(error) for entry in batch}
        # An entry in neither list counts as refused.
        accepted = {entry["Id"] for entry in response.get("Successful", [])}
        reasons = {entry["Id"]: entry.get("Code", ErrorCode.NOT_ACCEPTED) for entry in response.get("Failed", [])}
        return {
            entry["Id"]: reasons.get(entry["Id"], ErrorCode.NOT_ACCEPTED)
            for entry in batch
            if entry["Id"] not in accepted
        }


def _entry(index: int, rejection: Rejection, quarantined_at: str, version: str) -> dict[str, Any]:
    record = rejection.message.record
    ours = {
        "error_code": rejection.error_code,
        "error_detail": rejection.error_detail,
        "source_message_id": rejection.message.message_id,
        "quarantined_at": quarantined_at,
    }
    attributes: Mapping[str, Mapping[str, Any]] = record.get("messageAttributes") or {}
    theirs = [name for name in attributes if name not in (*ours, BY_VERSION)]
    room = ATTRIBUTES_MAX - len(ours)
    # Which version gave up helps an operator; an attribute of the producer would be lost with the message.
    if version and len(theirs) < room:
        ours[BY_VERSION] = version
    kept, dropped = theirs[:room], theirs[room:]
    if dropped:
        ours["error_detail"] += f" Dropped to make room: the attributes {', '.join(dropped)}."
    entry = {
        "Id": str(index),
        "MessageBody": record["body"],
        "MessageAttributes": {name: _attribute(attributes[name]) for name in kept}
        | {name: {"DataType": "String", "StringValue": value} for name, value in ours.items()},
    }
    envelope: Mapping[str, Any] = record.get("attributes") or {}
    trace_header = envelope.get("AWSTraceHeader")
    if trace_header:
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace_header}}
    return entry


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """A message attribute as the SQS API takes it, from the form it has in a Lambda event."""
    if attribute.get("binaryValue") is not None:
        value = base64.b64decode(attribute["binaryValue"], validate=True)
        return {"DataType": attribute["dataType"], "BinaryValue": value}
    return {"DataType": attribute["dataType"], "StringValue": attribute.get("stringValue")}
