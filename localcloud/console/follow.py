"""One event followed: from its message to the batches that had it, their invocations, and where it ended."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from localcloud.console.http import Answer, HttpError, answer_json, parameters, required
from localcloud.console.times import write_time
from localcloud.observatory.contents import Message
from localcloud.observatory.journeys import MESSAGES_MAX, Handover, Journey, Move, Outcome
from localcloud.observatory.observatory import Observatory

LISTED_MAX = 50


class Follow:
    """The journeys of messages. Its methods may be called from any thread."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory, self._journeys = observatory, observatory.journeys
        self.answers: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "/journeys": self._list,
            "/journey": lambda scope: answer_json(self.one(required(parameters(scope, "name"), "name"))),
        }

    def _list(self, scope: dict[str, Any]) -> Answer:
        parameters(scope)
        return answer_json(self.newest())

    def newest(self) -> dict[str, Any]:
        """The messages that were sent last."""
        return {"messages": [_summary(journey) for journey in self._journeys.newest(LISTED_MAX)]}

    def one(self, message_id: str) -> dict[str, Any]:
        """The journey of a message; HttpError if it is not kept."""
        journey = self._journeys.get(message_id)
        if journey is None:
            sentence = f"No message {message_id} is kept: the cloud keeps the journeys of the newest {MESSAGES_MAX:,}."
            raise HttpError(HTTPStatus.NOT_FOUND, sentence)
        held = self._observatory.contents.find(message_id)
        return _summary(journey) | {
            "copyOf": journey.copy_of,
            "copiedTo": journey.copied_to,
            "userId": journey.user_id,
            "steps": [self._step(step) for step in journey.steps],
            "now": _now(journey, held),
            "inQueue": held is not None,
        }

    def _step(self, step: Handover | Move) -> dict[str, Any]:
        at = {"at": write_time(step.at)}
        if isinstance(step, Move):
            return at | {"kind": "move", "queue": step.queue}
        return at | {
            "kind": "batch",
            "milliseconds": round(step.seconds * 1000),
            "function": step.function,
            "version": step.version,
            "requestId": step.request_id,
            # Not every invocation is sampled.
            "trace": self._observatory.traces.of_request(step.request_id),
            "batchSize": step.batch_size,
            "outcome": step.outcome,
            "error": step.error,
        }


def _summary(journey: Journey) -> dict[str, Any]:
    last = journey.steps[-1] if journey.steps else None
    return {
        "id": journey.message_id,
        "queue": journey.queue,
        "sentAt": write_time(journey.sent_at),
        "last": last.outcome if isinstance(last, Handover) else "moved" if last else "waiting",
        "isCopied": journey.copied_to is not None,
    }


def _now(journey: Journey, held: tuple[str, Message] | None) -> str:
    """Where it ended, in a sentence."""
    if held:
        queue, message = held
        if not message.receive_count:
            return f"It waits in {queue}."
        times = "once" if message.receive_count == 1 else f"{message.receive_count} times"
        return f"It is {message.place} in {queue}, and was received {times}."
    if journey.copied_to:
        return "It can never succeed: the event handler sent a copy of it to the dead-letter queue, with the reason."
    last = journey.steps[-1] if journey.steps else None
    if isinstance(last, Handover) and last.outcome is Outcome.HANDLED:
        return "The event handler stored it, or found that a newer login was stored already, and it was deleted."
    return "It is in no queue: it was deleted by a consumer other than the event handler, or expired."
