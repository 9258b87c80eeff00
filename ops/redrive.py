"""Redrive without loss: each dead letter is sent to the source queue before it is deleted, or SQS moves them all.

A process killed in between leaves the message in both queues, which is harmless: a login that arrives twice changes
nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from handlers.batches import batches, entry_bytes
from ops.dead_letter_queue import HeldLetters, Queues
from ops.dead_letters import DeadLetter
from ops.errors import OperatorError, pluralize

# SQS's codes for queues that it cannot move, and the code of an emulator without the operation.
NOT_SUPPORTED = {"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "InvalidAction"}
ACTIVE = {"RUNNING", "CANCELLING"}  # states of a task that can still move messages
POLL_SECONDS = 2
LISTED_WITHIN_SECONDS = 60  # SQS documents no limit, and a command must not wait for ever


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
        for batch in batches(letters, lambda letter: entry_bytes(letter.as_sent())):
            self._pace.wait_for(len(batch))
            accepted = self._send(batch)
            if accepted:
                deleted = self._held.delete(accepted)
                self.in_both_queues += [letter.message_id for letter in accepted if letter not in deleted]
            self.count += len(accepted)
            on_progress(self.count)

    def _send(self, batch: Sequence[DeadLetter]) -> list[DeadLetter]:
        entries = [letter.as_sent() | {"Id": str(n)} for n, letter in enumerate(batch)]
        response = self._queues.sqs.send_message_batch(QueueUrl=self._queues.source_url, Entries=entries)
        # Only an entry listed as successful was accepted; an entry in neither list was not.
        accepted = [batch[int(entry["Id"])] for entry in response.get("Successful", [])]
        codes = {batch[int(entry["Id"])].message_id: entry["Code"] for entry in response.get("Failed", [])}
        rejected = [letter.message_id for letter in batch if letter not in accepted]
        self.rejected |= {message_id: codes.get(message_id, "no response") for message_id in rejected}
        return accepted


def is_whole_queue(held: HeldLetters, letters: Sequence[DeadLetter], *, force: bool) -> bool:
    """Whether SQS may move the queue by itself, because every message may go back as it is.

    SQS leaves the quarantine attributes on a message, which `Redrive` removes; `force` accepts that.
    """
    is_complete = held.is_complete and len(letters) == len(held.letters)
    return is_complete and (force or not any(letter.was_quarantined for letter in letters))


@dataclass(frozen=True)
class MoveTask:
    """A task of SQS that moves every message out of a queue."""

    sqs: Any
    queue_arn: str
    previous: datetime | int | None
    """When the task before this one started. SQS lists tasks by their start time alone."""


def running_move_task(queues: Queues) -> MoveTask | None:
    """Return the task that moves the dead letters now, whoever started it; None when there is none."""
    arn = _arn(queues, queues.dead_letter_url)
    return MoveTask(queues.sqs, arn, None) if _newest_task(queues.sqs, arn).get("Status") in ACTIVE else None


def start_move_task(queues: Queues, rate: int) -> MoveTask | None:
    """Let SQS move every dead letter to the source queue, and return the task; None where SQS cannot.

    When another process has just started one, that task is returned: SQS runs one at a time.
    """
    # The destination must be named: SQS does not know the source of messages that the event handler quarantined.
    from_arn, to_arn = _arn(queues, queues.dead_letter_url), _arn(queues, queues.source_url)
    previous = _newest_task(queues.sqs, from_arn).get("StartedTimestamp")
    try:
        queues.sqs.start_message_move_task(SourceArn=from_arn, DestinationArn=to_arn, MaxNumberOfMessagesPerSecond=rate)
    except ClientError as error:
        if task := running_move_task(queues):
            return task
        if _is_not_supported(error):
            return None
        raise
    return MoveTask(queues.sqs, from_arn, previous)


def follow_move_task(task: MoveTask, on_progress: Callable[[int], None]) -> int:
    """Wait until the task has moved everything and return how many messages; raises OperatorError when it failed.

    A task that SQS accepted but does not list within a minute raises OperatorError too: its end could not be seen.
    """
    started = time.monotonic()
    while True:
        newest = _newest_task(task.sqs, task.queue_arn)
        if newest.get("StartedTimestamp") != task.previous:
            count = newest.get("ApproximateNumberOfMessagesMoved", 0)
            on_progress(count)
            if newest["Status"] == "COMPLETED":
                return count
            if newest["Status"] not in ACTIVE:
                reason = newest.get("FailureReason", "no reason given")
                raise OperatorError(
                    f"SQS stopped with status {newest['Status']} after moving {pluralize(count, 'message')} "
                    f"({reason}). The other messages are still in the dead-letter queue. Run the command again."
                )
        elif time.monotonic() - started > LISTED_WITHIN_SECONDS:
            raise OperatorError(
                f"SQS accepted the move task {LISTED_WITHIN_SECONDS:g} s ago but does not list it. Check with "
                "`dead-letters list` whether the number of messages falls; if not, run the command again."
            )
        time.sleep(POLL_SECONDS)


def _newest_task(sqs: Any, queue_arn: str) -> dict[str, Any]:
    try:
        tasks = sqs.list_message_move_tasks(SourceArn=queue_arn, MaxResults=1).get("Results", [])
    except ClientError as error:
        if _is_not_supported(error):
            return {}
        raise
    return tasks[0] if tasks else {}


def _arn(queues: Queues, url: str) -> str:
    return queues.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _is_not_supported(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in NOT_SUPPORTED
