"""Where ministack shows what happens in queues.

Each wrapped function is checked against its signature when the emulator starts. A wrapper observes and changes nothing.
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import sqs

from localcloud.emulator.seams import seam
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.facts import QueueState
from localcloud.observatory.meter import AGE_RECEIVES
from localcloud.observatory.observatory import Observatory


def observe_queues(observatory: Observatory) -> None:
    """Let the observatory see every send, receive and delete, and the state of every queue."""
    meter = observatory.meter
    get_queue = seam(sqs, "_get_q", "url", "action")

    def get_used_queue(url: str, action: str | None = None) -> Any:
        queue = get_queue(url, action)
        meter.queue_used(_name_of(queue))
        return queue

    sqs._get_q = get_used_queue
    _observe_producers(observatory)
    _observe_consumers(observatory)
    _observe_mapping(observatory)
    _observe_moves()
    observatory.queue_states = _queue_states


def _observe_producers(observatory: Observatory) -> None:
    send = seam(sqs, "_act_send_message", "data", "qurl")

    def send_message(data: Any, qurl: str) -> Any:
        result = send(data, qurl)
        observatory.meter.messages_sent(_queue_in(data, qurl))
        return result

    # SendMessageBatch calls it for each entry.
    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = send_message


def _observe_consumers(observatory: Observatory) -> None:
    meter = observatory.meter
    receive = seam(sqs, "_act_receive_message", "data", "qurl")
    delete = seam(sqs, "_act_delete_message", "data", "qurl")
    delete_batch = seam(sqs, "_act_delete_message_batch", "data", "qurl")

    async def receive_message(data: Any, qurl: str) -> Any:
        if isinstance(observatory.clock, SteppedClock):  # a long poll would wait for a time that never comes
            data = {**data, "WaitTimeSeconds": 0}
        result = await receive(data, qurl)
        meter.messages_received(_queue_in(data, qurl), len(result.get("Messages", ())))
        return result

    def delete_message(data: Any, qurl: str) -> Any:
        result = delete(data, qurl)
        meter.messages_deleted(_queue_in(data, qurl))
        return result

    def delete_messages(data: Any, qurl: str) -> Any:
        result = delete_batch(data, qurl)
        meter.messages_deleted(_queue_in(data, qurl), len(result["Successful"]))
        return result

    sqs._HANDLERS |= {
        "ReceiveMessage": receive_message,
        "DeleteMessage": delete_message,
        "DeleteMessageBatch": delete_messages,
    }


def _observe_mapping(observatory: Observatory) -> None:
    """See what event source mappings receive and delete, which never crosses HTTP."""
    receive = seam(sqs, "_receive_messages_for_esm", "queue_url", "max_number")
    delete = seam(sqs, "_delete_messages_for_esm", "queue_url", "receipt_handles")

    def receive_messages(queue_url: str, max_number: int) -> Any:
        batch = receive(queue_url, max_number)
        observatory.meter.messages_received(_queue_in({}, queue_url), len(batch))
        return batch

    def delete_messages(queue_url: str, receipt_handles: set[str]) -> None:
        delete(queue_url, receipt_handles)
        observatory.meter.messages_deleted(_queue_in({}, queue_url), len(receipt_handles))

    sqs._receive_messages_for_esm, sqs._delete_messages_for_esm = receive_messages, delete_messages


def _observe_moves() -> None:
    """Stamp messages that move to a dead-letter queue: there, age and receives count from the move."""
    sweep = seam(sqs, "_dlq_sweep", "q")

    def sweep_and_stamp(q: dict[str, Any]) -> None:
        before = q["messages"]
        sweep(q)
        if len(q["messages"]) == len(before):
            return
        left = {message["id"] for message in q["messages"]}
        moved = {message["id"] for message in before} - left
        target = sqs._queue_by_arn(json.loads(q["attributes"]["RedrivePolicy"])["deadLetterTargetArn"])
        for message in target["messages"] if target else ():
            if message["id"] in moved:
                message |= {"moved_at": sqs.time.time(), "received_before": message["receive_count"]}

    sqs._dlq_sweep = sweep_and_stamp


def _queue_in(data: dict[str, Any], url: str) -> str:
    return data.get("QueueUrl", url).rpartition("/")[2]


def _name_of(queue: dict[str, Any]) -> str:
    return queue["attributes"]["QueueArn"].rpartition(":")[2]


def _queue_states() -> Iterator[QueueState]:
    """The state of every queue. Looking is no action on a queue."""
    now = sqs.time.time()
    for queue in list(sqs._queues._data.values()):
        sqs._expire_retained(queue)
        yield state_of(queue, list(queue["messages"]), now)


def state_of(queue: dict[str, Any], messages: list[dict[str, Any]], now: float) -> QueueState:
    """The state of a queue with these messages."""
    visible = sum(message["visible_at"] <= now for message in messages)
    held = [m for m in messages if m["visible_at"] > now and m["receive_count"]]
    sent = [
        message.get("moved_at", message["sent_at"])
        for message in messages
        if message["receive_count"] - message.get("received_before", 0) < AGE_RECEIVES
    ]
    age = max(0.0, now - min(sent, default=now))
    return QueueState(name=_name_of(queue), visible=visible, in_flight=len(held), age_seconds=age)
