"""A message that can never succeed goes to the dead-letter queue as it came, with the reason; or is reported refused.

Refused messages are retried and, in the end, brought to the same queue by its redrive policy: nothing is lost.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from handlers.logins import format_instant
from handlers.messages import Message
from handlers.store import RESERVE_SECONDS, Client, RemainingSeconds, error_code_of
from handlers.vocabulary import ErrorCode

ENTRIES_MAX: Final = 10
BATCH_BYTES_MAX: Final = 1024 * 1024
ATTRIBUTES_MAX: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A message, and why it can never succeed."""

    message: Message
    error_code: str
    error_detail: str


class Quarantine:
    """The dead-letter queue. Its client is made when the first message needs it: most invocations never do."""

    def __init__(
        self,
        make_client: Callable[[], Client],
        queue_url: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._make_client = make_client
        self._client: Client | None = None
        self._queue_url = queue_url
        self._now = now

    def send(self, rejections: Sequence[Rejection], remaining_seconds: RemainingSeconds) -> dict[str, str]:
        """Error codes, by message id, of the messages the queue did not take; only the others may be acknowledged."""
        refused: dict[str, str] = {}
        quarantined_at = format_instant(self._now())
        entries: list[tuple[dict[str, Any], int]] = []
        for index, rejection in enumerate(rejections):
            try:
                entry = _entry(index, rejection, quarantined_at)
                entries.append((entry, _entry_bytes(entry)))
            except Exception:  # noqa: BLE001 - attributes no queue would have taken must not fail the others
                refused[rejection.message.message_id] = ErrorCode.ENVELOPE_UNREADABLE
        for batch in _batches(entries):
            error_codes = self._send_batch(batch, remaining_seconds)
            for entry in batch:
                if entry["Id"] in error_codes:
                    refused[rejections[int(entry["Id"])].message.message_id] = error_codes[entry["Id"]]
        return refused

    def _client_made(self) -> Client:
        if self._client is None:
            self._client = self._make_client()
        return self._client

    def _send_batch(self, batch: Sequence[Mapping[str, Any]], remaining_seconds: RemainingSeconds) -> dict[str, str]:
        if remaining_seconds() <= RESERVE_SECONDS:
            return {entry["Id"]: ErrorCode.OUT_OF_TIME for entry in batch}
        try:
            response = self._client_made().send_message_batch(QueueUrl=self._queue_url, Entries=batch)
        except Exception as error:  # noqa: BLE001 - a surprise here must not fail what is stored already
            return {entry["Id"]: error_code_of(error) for entry in batch}
        # Accepted is what is listed as such: an entry in neither list is not.
        accepted = {entry["Id"] for entry in response.get("Successful", [])}
        reasons = {entry["Id"]: entry.get("Code", ErrorCode.NOT_ACCEPTED) for entry in response.get("Failed", [])}
        return {
            entry["Id"]: reasons.get(entry["Id"], ErrorCode.NOT_ACCEPTED)
            for entry in batch
            if entry["Id"] not in accepted
        }


def _entry(index: int, rejection: Rejection, quarantined_at: str) -> dict[str, Any]:
    record = rejection.message.record
    ours = {
        "error_code": rejection.error_code,
        "error_detail": rejection.error_detail,
        "source_message_id": rejection.message.message_id,
        "quarantined_at": quarantined_at,
    }
    theirs = {name: value for name, value in (record.get("messageAttributes") or {}).items() if name not in ours}
    kept = list(theirs)[: ATTRIBUTES_MAX - len(ours)]
    dropped = list(theirs)[len(kept) :]
    if dropped:
        ours["error_detail"] += f" Dropped to make room: the attributes {', '.join(dropped)}."
    entry = {
        "Id": str(index),
        "MessageBody": record["body"],
        "MessageAttributes": {name: _attribute(theirs[name]) for name in kept}
        | {name: {"DataType": "String", "StringValue": value} for name, value in ours.items()},
    }
    trace_header = (record.get("attributes") or {}).get("AWSTraceHeader")
    if trace_header:
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace_header}}
    return entry


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """A message attribute as the API takes it, from how a Lambda event spells it."""
    if attribute.get("binaryValue") is not None:
        value = base64.b64decode(attribute["binaryValue"], validate=True)
        return {"DataType": attribute["dataType"], "BinaryValue": value}
    return {"DataType": attribute["dataType"], "StringValue": attribute.get("stringValue")}


def _batches(entries: Sequence[tuple[dict[str, Any], int]]) -> Iterator[list[dict[str, Any]]]:
    """`entries`, each with its size, in batches the API takes; one too large for any goes alone, to be refused."""
    batch: list[dict[str, Any]] = []
    batch_bytes = 0
    for entry, entry_bytes in entries:
        if batch and (len(batch) == ENTRIES_MAX or batch_bytes + entry_bytes > BATCH_BYTES_MAX):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(entry)
        batch_bytes += entry_bytes
    if batch:
        yield batch


def _entry_bytes(entry: Mapping[str, Any]) -> int:
    size = len(entry["MessageBody"].encode())
    for name, attribute in entry["MessageAttributes"].items():
        value = attribute["BinaryValue"] if "BinaryValue" in attribute else attribute["StringValue"].encode()
        size += len(name.encode()) + len(attribute["DataType"].encode()) + len(value)
    return size
