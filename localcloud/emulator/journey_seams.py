"""Where ministack shows which messages a batch had, and what became of them.

Each wrapped function is checked against its signature when the emulator starts. A wrapper observes and changes nothing.
"""

import json
import threading
from functools import partial, wraps
from typing import Any

from ministack.services import lambda_svc, sqs

from localcloud.emulator.function_seams import how_invoked
from localcloud.emulator.seams import seam
from localcloud.observatory.facts import Invoked
from localcloud.observatory.journeys import Handover, Journey, Move, Outcome
from localcloud.observatory.observatory import Observatory

COPY_OF = "source_message_id"
"""The attribute with which the event handler names the original of a dead letter."""


class _Thread(threading.local):
    """The invocation that a thread ran last, as (request ID, what was invoked, result)."""

    ran: tuple[str, Invoked, dict[str, Any]] | None = None

    def take(self) -> tuple[str, Invoked, dict[str, Any]] | None:
        ran, self.ran = self.ran, None
        return ran


_thread = _Thread()


def follow_messages(observatory: Observatory) -> None:
    """Let the observatory see every message that is sent, every batch, and every move to a dead-letter queue."""
    _observe_sends(observatory)
    _observe_batches(observatory)
    _observe_moves(observatory)


def _observe_sends(observatory: Observatory) -> None:
    send = seam(sqs, "_act_send_message", "data", "qurl")

    @wraps(send)
    def send_message(data: dict[str, Any], qurl: str) -> Any:
        now, result = observatory.clock.now(), send(data, qurl)
        observatory.journeys.sent(
            Journey(
                message_id=result["MessageId"],
                queue=data.get("QueueUrl", qurl).rpartition("/")[2],
                sent_at=now,
                user_id=_user_in(data["MessageBody"]),
                copy_of=(data.get("MessageAttributes") or {}).get(COPY_OF, {}).get("StringValue"),
            )
        )
        return result

    sqs._act_send_message = send_message


def _observe_batches(observatory: Observatory) -> None:
    clock = observatory.clock
    dispatch = seam(lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started")
    run_batch = seam(lambda_svc, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name")

    @wraps(dispatch)
    def execute(func: Any, config: Any, event: Any, request_id: str, started: float) -> Any:
        result = dispatch(func, config, event, request_id, started)
        _thread.ran = request_id, how_invoked(config), result
        return result

    @wraps(run_batch)
    def run(esm: Any, func_rec: Any, event: Any, batch: Any, *rest: Any) -> None:
        began = clock.now()
        run_batch(esm, func_rec, event, batch, *rest)
        if (ran := _thread.take()) is None:  # no environment was free
            return
        request_id, invoked, result = ran
        ended = partial(
            Handover,
            at=began,
            seconds=clock.now() - began,
            function=invoked.function,
            version=invoked.version,
            request_id=request_id,
            batch_size=len(batch),
        )
        messages = {message["id"] for message in batch}
        if result.get("error"):
            observatory.journeys.happened(messages, ended(outcome=Outcome.FAILED, error=_error_type(result)))
            return
        returned = _returned(result.get("body"))
        observatory.journeys.happened(messages & returned, ended(outcome=Outcome.RETURNED))
        observatory.journeys.happened(messages - returned, ended(outcome=Outcome.HANDLED))

    lambda_svc._execute_function_dispatch, lambda_svc._run_sqs_batch = execute, run  # pyrefly: ignore[bad-assignment]


def _observe_moves(observatory: Observatory) -> None:
    sweep = seam(sqs, "_dlq_sweep", "q")

    @wraps(sweep)
    def sweep_and_tell(q: dict[str, Any]) -> None:
        before = q["messages"]
        sweep(q)
        if len(q["messages"]) == len(before):
            return
        moved = {message["id"] for message in before} - {message["id"] for message in q["messages"]}
        target = json.loads(q["attributes"]["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
        observatory.journeys.happened(moved, Move(at=observatory.clock.now(), queue=target))

    sqs._dlq_sweep = sweep_and_tell


def _user_in(body: str) -> str | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    user = event.get("user_id") if isinstance(event, dict) else None
    return user if isinstance(user, str) else None


def _returned(body: Any) -> set[str]:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return set()
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    return {failure.get("itemIdentifier") for failure in failures or ()}


def _error_type(result: dict[str, Any]) -> str:
    body = result.get("body")
    return str(body.get("errorType") or "") if isinstance(body, dict) else ""
