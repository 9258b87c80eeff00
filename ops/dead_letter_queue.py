"""The dead-letter queue as an operator uses it: messages that were only looked at are visible again at once."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.batches import batches
from ops.dead_letters import DeadLetter
from ops.errors import pluralize
from ops.stack import StackOutputs

HIDDEN_SECONDS = 120  # how long a message stays hidden if this process is killed
WAIT_SECONDS = 1  # with any wait SQS asks all of its servers, so that an empty response means an empty queue
LONGEST_HOLD_SECONDS = 12 * 60 * 60 - HIDDEN_SECONDS  # SQS hides a message for twelve hours in total

IsEnough = Callable[[Sequence[DeadLetter]], bool]


@dataclass(frozen=True)
class Queues:
    """The two queues of a stack."""

    sqs: Any
    dead_letter_url: str
    source_url: str

    @classmethod
    def of(cls, outputs: StackOutputs) -> "Queues":
        """Return the queues that the outputs name."""
        return cls(outputs.client("sqs"), outputs.dead_letter_queue_url, outputs.queue_url)

    def count_dead_letters(self) -> int:
        """Return about how many dead letters there are, hidden ones included."""
        return self._count(self.dead_letter_url)

    def count_events(self) -> int:
        """Return about how many events the source queue has, those that are being handled included."""
        return self._count(self.source_url)

    def _count(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        response = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(response["Attributes"][name]) for name in names)

    def max_receive_count(self) -> int | None:
        """Return after how many receives SQS moves a message to the dead-letter queue."""
        response = self.sqs.get_queue_attributes(QueueUrl=self.source_url, AttributeNames=["RedrivePolicy"])
        policy = json.loads(response.get("Attributes", {}).get("RedrivePolicy", "{}"))
        return int(policy["maxReceiveCount"]) if "maxReceiveCount" in policy else None


class HeldLetters:
    """Dead letters that this process has received. Nobody else receives them while it holds them."""

    def __init__(self, queues: Queues) -> None:
        self._sqs, self._url = queues.sqs, queues.dead_letter_url
        self._letters: dict[str, DeadLetter] = {}
        self.is_complete = False
        """Whether the queue had no other letter."""

    @property
    def letters(self) -> list[DeadLetter]:
        """The letters held now."""
        return list(self._letters.values())

    def receive(self, limit: int, is_enough: IsEnough) -> None:
        """Receive letters until the queue is empty, `limit` are held, or `is_enough`."""
        while len(self._letters) < limit and not is_enough(self.letters):
            response = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(10, limit - len(self._letters)),
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            received = [DeadLetter(message) for message in response.get("Messages", [])]
            has_new = any(letter.message_id not in self._letters for letter in received)
            # A letter that became visible meanwhile comes again, and only its new receipt handle is valid.
            self._letters |= {letter.message_id: letter for letter in received}
            if not has_new:
                self.is_complete = True
                return

    def keep(self, letters: Sequence[DeadLetter], seconds: float) -> list[DeadLetter]:
        """Hold these letters longer and release the others; return the letters that are still held."""
        kept = {letter.message_id for letter in letters}
        self._release([letter for letter in self.letters if letter.message_id not in kept])
        hold = min(LONGEST_HOLD_SECONDS, int(seconds) + HIDDEN_SECONDS)
        still_held = [letter for batch in batches(letters) for letter in self._change_visibility(batch, hold)]
        self._letters = {letter.message_id: letter for letter in still_held}
        return still_held

    def delete(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Delete a batch of letters; return the letters that SQS reports as deleted."""
        entries = [{"Id": str(n), "ReceiptHandle": letter.receipt_handle} for n, letter in enumerate(letters)]
        response = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        deleted = [letters[int(entry["Id"])] for entry in response.get("Successful", [])]
        for letter in deleted:
            self._letters.pop(letter.message_id, None)
        return deleted

    def release(self) -> None:
        """Make every held letter visible at once."""
        self._release(self.letters)

    def _release(self, letters: Sequence[DeadLetter]) -> None:
        for batch in batches(letters):
            self._change_visibility(batch, 0)
            for letter in batch:
                del self._letters[letter.message_id]

    def _change_visibility(self, batch: Sequence[DeadLetter], seconds: int) -> list[DeadLetter]:
        entries = [
            {"Id": str(n), "ReceiptHandle": letter.receipt_handle, "VisibilityTimeout": seconds}
            for n, letter in enumerate(batch)
        ]
        response = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        return [batch[int(entry["Id"])] for entry in response.get("Successful", [])]


@contextmanager
def hold_letters(queues: Queues, limit: int, warn: Callable[[str], None], is_enough: IsEnough) -> Iterator[HeldLetters]:
    """Hold all dead letters, or as many as `limit` or `is_enough` allow, until the block ends."""
    held = HeldLetters(queues)
    try:
        held.receive(limit, is_enough)
        yield held
    finally:
        try:
            held.release()
        except (ClientError, BotoCoreError) as error:
            warn(
                f"{pluralize(len(held.letters), 'message')} could not be made visible again ({type(error).__name__}). "
                "SQS makes them visible when their visibility timeout ends: within two minutes, or later during a "
                "redrive."
            )
