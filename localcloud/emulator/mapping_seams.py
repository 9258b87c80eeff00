"""What lets an event source mapping take a batch at once, however many messages wait.

ministack looks at every waiting message several times for each batch, so a backlog of 30,000 makes a batch cost five
times as much; and one thread starts every batch, up to 50 ms after the one before has ended while producers send. It
looks at a mapping that failed, or that was enabled, up to two seconds later.
"""

import json
import threading
import time
from collections.abc import Callable
from itertools import islice
from operator import itemgetter
from typing import Any

from ministack.services import lambda_svc, sqs

from localcloud.emulator.seams import SeamChangedError, seam

PAUSE_SECONDS = 0.1
"""Of a mapping whose batch failed. The messages of that batch stay invisible for much longer."""


def take_batches_promptly() -> None:
    """Take batches as AWS does. The observers must see what this does, so it comes before them."""
    _expire_once_a_second()
    _sweep_only_what_is_exhausted()
    _look_at_the_first_messages()
    _poll_when_a_batch_ends()
    _pause_shortly_after_a_failure()
    _poll_when_a_mapping_is_updated()


def _expire_once_a_second() -> None:
    expire = seam(sqs, "_expire_retained", "q")
    looked: dict[str, tuple[int, str | None]] = {}

    def expire_retained(q: dict[str, Any]) -> None:
        attributes = q["attributes"]
        look = int(sqs.time.time()), attributes.get("MessageRetentionPeriod")
        if looked.get(attributes["QueueArn"]) != look:
            looked[attributes["QueueArn"]] = look
            expire(q)

    sqs._expire_retained = expire_retained


def _sweep_only_what_is_exhausted() -> None:
    """Move messages to the dead-letter queue only when a message was received often enough for that."""
    sweep = seam(sqs, "_dlq_sweep", "q")

    def is_needed(q: dict[str, Any]) -> bool:
        try:
            most = max(map(itemgetter("receive_count"), q["messages"]), default=0)
            return most >= int(json.loads(q["attributes"]["RedrivePolicy"])["maxReceiveCount"])
        except (LookupError, ValueError, TypeError):  # a message of SNS, which has no count yet, or no policy
            return True

    def sweep_exhausted(q: dict[str, Any]) -> None:
        if is_needed(q):
            sweep(q)

    sqs._dlq_sweep = sweep_exhausted


def _look_at_the_first_messages() -> None:
    """Receive and delete without looking at the messages behind those of the batch."""
    collect = seam(sqs, "_collect_msgs", "q", "max_n", "vis_timeout")
    seam(sqs, "_delete_messages_for_esm", "queue_url", "receipt_handles")

    def collect_first(q: dict[str, Any], max_n: int, vis_timeout: int) -> list[Any]:
        if not q["is_fifo"]:  # the order of a group needs all its messages
            now = sqs.time.time()
            end = _end_of(q["messages"], lambda message: message.get("visible_at", now) <= now, max_n)
            q = {**q, "messages": q["messages"][:end]}
        return collect(q, max_n, vis_timeout)

    def delete_first(queue_url: str, receipt_handles: set[str]) -> None:
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            end = _end_of(queue["messages"], lambda m: m.get("receipt_handle") in receipt_handles, len(receipt_handles))
            kept = [
                message for message in queue["messages"][:end] if message.get("receipt_handle") not in receipt_handles
            ]
            # No call in this line, so that no other thread can append a message that it would lose.
            queue["messages"] = kept + queue["messages"][end:]

    sqs._collect_msgs, sqs._delete_messages_for_esm = collect_first, delete_first


def _end_of(messages: list[Any], is_wanted: Callable[[Any], bool], count: int) -> int:
    """Return where the first `count` wanted messages end; without so many, the end of all."""
    wanted = (index for index, message in enumerate(messages) if is_wanted(message))
    return next(islice(wanted, count - 1, None), len(messages) - 1) + 1 if count else 0


def _poll_when_a_batch_ends() -> None:
    """Let the thread of a batch poll when the batch has ended, and the pause after a failure, as a poller of AWS does.

    How many batches run at once, and how long a failing mapping waits, is still decided by the emulator's own poll.
    """
    poll = seam(lambda_svc, "_poll_sqs")
    seam(lambda_svc, "_dispatch_esm_batch", "esm_id", "fn", "args")
    polling = threading.Lock()

    def poll_alone() -> bool:
        with polling:  # the count of running batches must not rise between a look at it and the start of a batch
            return poll()

    def dispatch(esm_id: str, fn: Callable[..., None], *args: Any) -> None:
        running = lambda_svc._esm_inflight
        with lambda_svc._esm_inflight_lock:
            running[esm_id] = running.get(esm_id, 0) + 1

        def run() -> None:
            try:
                fn(*args)
            finally:
                with lambda_svc._esm_inflight_lock:
                    running[esm_id] -= 1
                # The pause itself: a poll within it leaves the mapping out, and the next one is up to a second later.
                time.sleep(max(0.0, lambda_svc._esm_backoff_until.get(esm_id, 0) - time.time()))
                poll_alone()

        lambda_svc.spawn_background(run, thread_name="ministack-esm")

    lambda_svc._poll_sqs, lambda_svc._dispatch_esm_batch = poll_alone, dispatch


def _pause_shortly_after_a_failure() -> None:
    name = "_ESM_BACKOFF_SECONDS"
    if not isinstance(getattr(lambda_svc, name, None), float):
        raise SeamChangedError(f"{lambda_svc.__name__} has no {name} in seconds. Install the pinned ministack")
    setattr(lambda_svc, name, PAUSE_SECONDS)


def _poll_when_a_mapping_is_updated() -> None:
    """Let a mapping that was enabled take what waits for it at once."""
    update = seam(lambda_svc, "_update_esm", "esm_id", "data")

    def update_mapping(esm_id: str, data: dict[str, Any]) -> Any:
        response = update(esm_id, data)
        lambda_svc._esm_wake.set()
        return response

    lambda_svc._update_esm = update_mapping
