"""Dead letters go back to the source queue, and none is lost on the way: each is sent before it is deleted.

Killed in between, a message is in both queues. The event handler does not mind: the same login changes nothing twice.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from ops.batches import batches
from ops.dead_letters import Held, Letter
from ops.errors import OperatorError

# What SQS says when it cannot move these queues' messages, and what an emulator says that cannot move any.
NOT_SUPPORTED = {"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "InvalidAction"}
POLL_SECONDS = 2
LISTED_WITHIN_SECONDS = 60  # SQS does not say how long that takes, and nobody shall wait for ever


@dataclass
class Moved:
    """What became of the letters that were to go."""

    count: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    """Error code by message id: not sent, so still there."""
    in_both: list[str] = field(default_factory=list)
    """Ids of messages that were sent and could not be deleted."""


class Pace:
    """At most `rate` letters a second, on average."""

    def __init__(self, rate: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._rate, self._sleep = rate, sleep
        self._began, self._count = time.monotonic(), 0

    def wait_for(self, count: int) -> None:
        """Return when `count` more may go."""
        due = self._began + self._count / self._rate
        self._count += count
        if (wait := due - time.monotonic()) > 0:
            self._sleep(wait)


def send_back(
    sqs: Any,
    held: Held,
    letters: Sequence[Letter],
    source_url: str,
    pace: Pace,
    moved: Moved,
    on_progress: Callable[[int], None],
) -> None:
    """Send each letter to the source queue as its producer did, delete what was accepted, and count in `moved`."""
    for batch in batches(letters, Letter.size):
        pace.wait_for(len(batch))
        accepted = _send(sqs, batch, source_url, moved)
        if accepted:
            gone = {letter.message_id for letter in held.delete(accepted)}
            moved.in_both += [letter.message_id for letter in accepted if letter.message_id not in gone]
        moved.count += len(accepted)
        on_progress(moved.count)


def _send(sqs: Any, batch: Sequence[Letter], source_url: str, moved: Moved) -> list[Letter]:
    entries = [letter.as_sent() | {"Id": str(n)} for n, letter in enumerate(batch)]
    answer = sqs.send_message_batch(QueueUrl=source_url, Entries=entries)
    # Accepted is what is listed as such: an entry in neither list is not.
    accepted = [batch[int(entry["Id"])] for entry in answer.get("Successful", [])]
    codes = {batch[int(entry["Id"])].message_id: entry["Code"] for entry in answer.get("Failed", [])}
    taken = {letter.message_id for letter in accepted}
    moved.refused |= {
        each.message_id: codes.get(each.message_id, "no answer") for each in batch if each.message_id not in taken
    }
    return accepted


@dataclass(frozen=True)
class MoveTask:
    """SQS moving everything out of a queue by itself."""

    queue_arn: str
    previous: datetime | int | None
    """When the task before this one was started: SQS lists tasks by that alone."""


def start_move_task(sqs: Any, dead_letter_url: str, source_url: str, rate: int) -> MoveTask | None:
    """Have SQS move everything to the source queue; None where SQS cannot do it."""
    # The destination is always named: messages the event handler refused were sent to this queue, so that SQS knows
    # of no queue they came from.
    from_arn, to_arn = (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for url in (dead_letter_url, source_url)
    )
    try:
        previous = _newest_task(sqs, from_arn).get("StartedTimestamp")
        sqs.start_message_move_task(SourceArn=from_arn, DestinationArn=to_arn, MaxNumberOfMessagesPerSecond=rate)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in NOT_SUPPORTED:
            return None
        raise
    return MoveTask(from_arn, previous)


def follow_move_task(sqs: Any, task: MoveTask, on_progress: Callable[[int], None]) -> int:
    """Wait until the task has moved everything, and answer how many; raises OperatorError when it failed.

    One that SQS accepted and does not list is not waited for: nobody could say when it ends.
    """
    started = time.monotonic()
    while True:
        seen = _newest_task(sqs, task.queue_arn)
        if seen.get("StartedTimestamp") != task.previous:
            count = seen.get("ApproximateNumberOfMessagesMoved", 0)
            on_progress(count)
            if seen["Status"] == "COMPLETED":
                return count
            if seen["Status"] != "RUNNING":
                reason = seen.get("FailureReason", "no reason given")
                raise OperatorError(
                    f"SQS ended moving with {seen['Status']} after {count} messages ({reason}): the others are where "
                    "they were; run the same again."
                )
        elif time.monotonic() - started > LISTED_WITHIN_SECONDS:
            raise OperatorError(
                f"SQS took the order to move everything {LISTED_WITHIN_SECONDS:g} s ago and lists no task for it: "
                "see with `dead-letters list` whether they become fewer; if not, run the same again."
            )
        time.sleep(POLL_SECONDS)


def _newest_task(sqs: Any, queue_arn: str) -> dict[str, Any]:
    tasks = sqs.list_message_move_tasks(SourceArn=queue_arn, MaxResults=1).get("Results", [])
    return tasks[0] if tasks else {}
