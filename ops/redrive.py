"""Redrive without loss: each dead letter is sent to the source queue before it is deleted.

A process killed in between leaves the message in both queues, which is harmless: a login that arrives twice changes
nothing.
"""

import time
from collections.abc import Callable, Sequence

from ops.batches import batches
from ops.dead_letter_queue import HeldLetters, Queues
from ops.dead_letters import DeadLetter


class Pace:
    """At most `rate` letters a second, on average."""

    def __init__(self, rate: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._rate, self._sleep = rate, sleep
        self._began, self._count = time.monotonic(), 0

    def wait_for(self, count: int) -> None:
        """Return when `count` more letters may be sent."""
        due = self._began + self._count / self._rate
        self._count += count
        if (wait := due - time.monotonic()) > 0:
            self._sleep(wait)


class Redrive:
    """Sends held letters to the source queue. Its counts are right even after an interruption."""

    def __init__(self, queues: Queues, held: HeldLetters, pace: Pace) -> None:
        self._queues, self._held, self._pace = queues, held, pace
        self.count = 0
        """How many letters the source queue has accepted."""
        self.rejected: dict[str, str] = {}
        """Error code by message ID: not sent, and still in the dead-letter queue."""
        self.in_both_queues: list[str] = []
        """IDs of letters that were sent and could not be deleted."""

    def run(self, letters: Sequence[DeadLetter], on_progress: Callable[[int], None]) -> None:
        """Send each letter as its producer did, and delete the letters that were accepted."""
        for batch in batches(letters, DeadLetter.size):
            self._pace.wait_for(len(batch))
            accepted = self._send(batch)
            if accepted:
                deleted = {letter.message_id for letter in self._held.delete(accepted)}
                self.in_both_queues += [letter.message_id for letter in accepted if letter.message_id not in deleted]
            self.count += len(accepted)
            on_progress(self.count)

    def _send(self, batch: Sequence[DeadLetter]) -> list[DeadLetter]:
        entries = [letter.as_sent() | {"Id": str(n)} for n, letter in enumerate(batch)]
        response = self._queues.sqs.send_message_batch(QueueUrl=self._queues.source_url, Entries=entries)
        # Only an entry listed as successful was accepted; an entry in neither list was not.
        accepted = [batch[int(entry["Id"])] for entry in response.get("Successful", [])]
        codes = {batch[int(entry["Id"])].message_id: entry["Code"] for entry in response.get("Failed", [])}
        accepted_ids = {letter.message_id for letter in accepted}
        self.rejected |= {
            letter.message_id: codes.get(letter.message_id, "no response")
            for letter in batch
            if letter.message_id not in accepted_ids
        }
        return accepted


def is_whole_queue(held: HeldLetters, letters: Sequence[DeadLetter], *, force: bool) -> bool:
    """Whether SQS may move the queue by itself, because every message may go back as it is.

    SQS leaves the quarantine attributes on a message, which `Redrive` removes; `force` accepts that.
    """
    is_complete = held.is_complete and len(letters) == len(held.letters)
    return is_complete and (force or not any(letter.was_quarantined for letter in letters))
