"""The dead-letter queue as an operator handles it: what was only looked at is visible again at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.messages import InvalidError, decode_login
from ops.batches import batches

GAVE_UP = "gave-up"
"""The reason of messages that SQS moved here after their last receive; the others carry an `error_code`."""
STAMPS = ("error_code", "error_detail", "source_message_id", "quarantined_at")
"""What the event handler writes on a message it refuses."""

LOOK_SECONDS = 120  # how long a message stays hidden should this process be killed while looking
WAIT_SECONDS = 1  # any wait makes SQS ask all of its servers, so that an empty answer means an empty queue
LONGEST_HOLD_SECONDS = 12 * 60 * 60 - LOOK_SECONDS  # SQS hides a message for twelve hours in all


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One dead letter; its body and the values of its attributes are left out of its repr, for they are personal."""

    message: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Letter({self.message_id}, {self.reason})"

    @property
    def message_id(self) -> str:
        """Its id in the dead-letter queue."""
        return self.message["MessageId"]

    @property
    def body(self) -> str:
        """What the producer sent."""
        return self.message["Body"]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Message attributes by name, those of the event handler included."""
        return self.message.get("MessageAttributes") or {}

    @property
    def system(self) -> Mapping[str, str]:
        """What SQS says of it."""
        return self.message.get("Attributes") or {}

    @property
    def is_stamped(self) -> bool:
        """Whether the event handler has written on it why it was refused, now or on an earlier journey."""
        return all(name in self.attributes for name in STAMPS)

    @property
    def reason(self) -> str:
        """The `error_code` it was refused with, or GAVE_UP."""
        # SQS names the queue it moved a message from, and none when the message was sent here: what such a message
        # has written on it is of an earlier journey.
        if self.is_stamped and "DeadLetterQueueSourceArn" not in self.system:
            return self.text("error_code")
        return GAVE_UP

    @property
    def source_message_id(self) -> str:
        """Its id in the source queue, by which the handler's log lines name it."""
        return self.message_id if self.reason == GAVE_UP else self.text("source_message_id")

    @property
    def sent_at(self) -> datetime:
        """When it was sent to the queue it came from, or by the event handler to this one."""
        return datetime.fromtimestamp(int(self.system.get("SentTimestamp", "0")) / 1000, UTC)

    @property
    def receives(self) -> int:
        """How often it was received, this time included."""
        return int(self.system.get("ApproximateReceiveCount", "1"))

    @cached_property
    def broken_rule(self) -> str | None:
        """The rule of the contract it breaks now, in a sentence without values; None when it may go back."""
        try:
            decode_login(self.body, datetime.now(UTC))
        except InvalidError as error:
            return error.detail
        return None

    def text(self, name: str) -> str:
        """The text of an attribute, empty when there is none."""
        return self.attributes.get(name, {}).get("StringValue") or ""

    def as_sent(self) -> dict[str, Any]:
        """Body and attributes as the producer sent them, the trace header included, as SendMessageBatch takes them."""
        ours = STAMPS if self.is_stamped else ()
        entry: dict[str, Any] = {
            "MessageBody": self.body,
            "MessageAttributes": {
                name: {key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value}
                for name, value in self.attributes.items()
                if name not in ours
            },
        }
        if header := self.system.get("AWSTraceHeader"):
            entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
        return entry

    def size(self) -> int:
        """Its bytes at most, as SQS counts them."""
        size = len(self.body.encode())
        for name, value in self.attributes.items():
            content = value.get("BinaryValue") or (value.get("StringValue") or "").encode()
            size += len(name.encode()) + len(value["DataType"].encode()) + len(content)
        return size


class Held:
    """Dead letters this process has received, and nobody else can while it holds them."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self._letters: dict[str, Letter] = {}
        self.is_complete = False
        """Whether these were all there were."""

    @property
    def letters(self) -> list[Letter]:
        """Those held now."""
        return list(self._letters.values())

    def receive(self, limit: int, enough: Callable[[Sequence[Letter]], bool]) -> None:
        """Receive until the queue is empty, `limit` are held, or they are enough."""
        while len(self._letters) < limit and not enough(self.letters):
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(10, limit - len(self._letters)),
                VisibilityTimeout=LOOK_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            received = [Letter(message=message) for message in answer.get("Messages", [])]
            is_new = any(letter.message_id not in self._letters for letter in received)
            # One that came back because this took long has a new receipt handle, and the old one is worth nothing.
            self._letters |= {letter.message_id: letter for letter in received}
            if not is_new:
                self.is_complete = True
                return

    def keep(self, letters: Sequence[Letter], seconds: float) -> list[Letter]:
        """Hold these for that long, let go of the others at once; answers those that were still ours to hold."""
        kept = {letter.message_id for letter in letters}
        self._release([letter for letter in self.letters if letter.message_id not in kept])
        hold = min(LONGEST_HOLD_SECONDS, int(seconds) + LOOK_SECONDS)
        still = [letter for batch in batches(letters) for letter in self._change_visibility(batch, hold)]
        self._letters = {letter.message_id: letter for letter in still}
        return still

    def delete(self, letters: Sequence[Letter]) -> list[Letter]:
        """Take these off the queue, and answer those that SQS says are off."""
        entries = [{"Id": str(n), "ReceiptHandle": each.message["ReceiptHandle"]} for n, each in enumerate(letters)]
        answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        gone = [letters[int(entry["Id"])] for entry in answer.get("Successful", [])]
        for letter in gone:
            self._letters.pop(letter.message_id, None)
        return gone

    def release(self) -> None:
        """Let everybody see what is still held, at once."""
        self._release(self.letters)

    def _release(self, letters: Sequence[Letter]) -> None:
        for batch in batches(letters):
            self._change_visibility(batch, 0)
            for letter in batch:
                del self._letters[letter.message_id]

    def _change_visibility(self, batch: Sequence[Letter], seconds: int) -> list[Letter]:
        entries = [
            {"Id": str(n), "ReceiptHandle": letter.message["ReceiptHandle"], "VisibilityTimeout": seconds}
            for n, letter in enumerate(batch)
        ]
        answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        return [batch[int(entry["Id"])] for entry in answer.get("Successful", [])]


@contextmanager
def held_letters(
    sqs: Any,
    url: str,
    *,
    limit: int,
    enough: Callable[[Sequence[Letter]], bool] = lambda letters: False,
    warn: Callable[[str], None],
) -> Iterator[Held]:
    """The dead letters there are, or as many as `limit` or `enough` says; visible again when the block ends."""
    held = Held(sqs, url)
    try:
        held.receive(limit, enough)
        yield held
    finally:
        try:
            held.release()
        except (ClientError, BotoCoreError) as error:
            warn(
                f"{len(held.letters)} messages could not be made visible again ({type(error).__name__}): "
                "they are when they were hidden for long enough, two minutes after a mere look."
            )
