"""A dead letter: why it is in the queue, what its producer sent, and which dead letters an operator selects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from handlers.messages import InvalidError, decode_login

GAVE_UP = "gave-up"
"""The reason of messages that SQS moved here after their last receive; the others have an `error_code`."""
QUARANTINE_ATTRIBUTES = ("error_code", "error_detail", "source_message_id", "quarantined_at")
"""What the event handler adds to a message that it quarantines."""
BY_VERSION = "quarantined_by"
"""The VERSION that quarantined it, if the message had room for that attribute; versions before 0.2.0 add none."""
ADDED_ATTRIBUTES = (*QUARANTINE_ATTRIBUTES, BY_VERSION)


class DeadLetter:
    """A message of the dead-letter queue. Its repr omits body and attribute values, which are personal data."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = dict(message)
        self.message_id: str = message["MessageId"]
        """The message's ID in the dead-letter queue."""
        self.receipt_handle: str = message["ReceiptHandle"]
        """The handle of the last receive, by which the message is deleted or made visible."""
        self.body: str = message["Body"]
        self.attributes: Mapping[str, Any] = message.get("MessageAttributes") or {}
        """Message attributes by name, the event handler's included."""
        self.system_attributes: Mapping[str, str] = message.get("Attributes") or {}
        """Attributes that SQS sets."""

    def __repr__(self) -> str:
        return f"DeadLetter({self.message_id}, {self.reason})"

    @property
    def was_quarantined(self) -> bool:
        """Whether the event handler has quarantined the message, now or before an earlier redrive."""
        return all(name in self.attributes for name in QUARANTINE_ATTRIBUTES)

    @property
    def reason(self) -> str:
        """The `error_code` of the quarantine, or GAVE_UP."""
        # SQS names the source queue only of a message that SQS itself moved here. The quarantine attributes of such a
        # message date from before an earlier redrive.
        if self.was_quarantined and "DeadLetterQueueSourceArn" not in self.system_attributes:
            return self.attribute_text("error_code")
        return GAVE_UP

    @property
    def version(self) -> str:
        """Which VERSION gave up, empty when unknown: SQS moves a message without saying who received it last."""
        return "" if self.reason == GAVE_UP else self.attribute_text(BY_VERSION)

    @property
    def source_message_id(self) -> str:
        """The message's ID in the source queue, which the event handler's log lines contain."""
        return self.message_id if self.reason == GAVE_UP else self.attribute_text("source_message_id")

    @property
    def sent_at(self) -> datetime:
        """When the producer sent a message that was given up, or the event handler sent a quarantined message."""
        return datetime.fromtimestamp(int(self.system_attributes.get("SentTimestamp", "0")) / 1000, UTC)

    @property
    def receive_count(self) -> int:
        """How often the message was received, this receive included."""
        return int(self.system_attributes.get("ApproximateReceiveCount", "1"))

    @cached_property
    def violation(self) -> str | None:
        """How the body violates today's contract, without values; None when it could be redriven."""
        try:
            decode_login(self.body, datetime.now(UTC))
        except InvalidError as error:
            return error.detail
        return None

    def attribute_text(self, name: str) -> str:
        """Return the text of an attribute, empty when the message does not have it."""
        return self.attributes.get(name, {}).get("StringValue") or ""

    def with_body(self, body: str) -> "DeadLetter":
        """Return the same letter with another body."""
        return DeadLetter(self._message | {"Body": body})

    def as_sent(self) -> dict[str, Any]:
        """Return body, attributes and trace header as the producer sent them, in the form SendMessageBatch takes."""
        added = ADDED_ATTRIBUTES if self.was_quarantined else ()
        entry: dict[str, Any] = {
            "MessageBody": self.body,
            "MessageAttributes": {
                name: {key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value}
                for name, value in self.attributes.items()
                if name not in added
            },
        }
        if header := self.system_attributes.get("AWSTraceHeader"):
            entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
        return entry


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which dead letters a command is about: all, or those with any of the reasons or IDs."""

    reasons: frozenset[str] = frozenset()
    message_ids: frozenset[str] = frozenset()
    everything: bool = False

    def select(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Return the selected letters."""
        return [letter for letter in letters if self._selects(letter)]

    def is_complete(self, letters: Sequence[DeadLetter]) -> bool:
        """Whether no other letter can be selected, because every ID is among these."""
        found = {id_ for letter in letters for id_ in (letter.message_id, letter.source_message_id)}
        return bool(self.message_ids) and self.message_ids <= found

    def _selects(self, letter: DeadLetter) -> bool:
        ids = {letter.message_id, letter.source_message_id}
        return self.everything or letter.reason in self.reasons or not self.message_ids.isdisjoint(ids)
