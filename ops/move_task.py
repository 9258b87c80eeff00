"""Redrive by SQS itself, which moves a whole queue without receiving its messages."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from ops.dead_letter_queue import Queues
from ops.errors import OperatorError
from ops.plurals import pluralize

# SQS's codes for queues that it cannot move, and the code of an emulator without the operation.
NOT_SUPPORTED = {"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "InvalidAction"}
POLL_SECONDS = 2
LISTED_WITHIN_SECONDS = 60  # SQS documents no limit, and a command must not wait for ever


@dataclass(frozen=True)
class MoveTask:
    """A task of SQS that moves every message out of a queue."""

    sqs: Any
    queue_arn: str
    previous: datetime | int | None
    """When the task before this one started. SQS lists tasks by their start time alone."""


def start_move_task(queues: Queues, rate: int) -> MoveTask | None:
    """Let SQS move every dead letter to the source queue; return None where SQS cannot."""
    # The destination must be named: SQS does not know the source of messages that the event handler quarantined.
    from_arn, to_arn = (
        queues.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for url in (queues.dead_letter_url, queues.source_url)
    )
    try:
        previous = _newest_task(queues.sqs, from_arn).get("StartedTimestamp")
        queues.sqs.start_message_move_task(SourceArn=from_arn, DestinationArn=to_arn, MaxNumberOfMessagesPerSecond=rate)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in NOT_SUPPORTED:
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
            if newest["Status"] != "RUNNING":
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
    tasks = sqs.list_message_move_tasks(SourceArn=queue_arn, MaxResults=1).get("Results", [])
    return tasks[0] if tasks else {}
