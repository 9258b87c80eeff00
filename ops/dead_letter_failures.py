"""Why messages were given up: the last failure of each, which the event handler logged with the message's ID."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.vocabulary import EVENT_HANDLER_SERVICE, Outcome
from ops.dead_letters import GAVE_UP, DeadLetter
from ops.logs import read_function_lines
from ops.stack import StackOutputs

FAILED = frozenset({Outcome.FAILED, Outcome.EXHAUSTED})
PATTERN = "{ " + " || ".join(f'($.outcome = "{outcome}")' for outcome in sorted(FAILED)) + " }"
CLOCK_SKEW = timedelta(minutes=1)  # between SQS, which says when a message was sent, and the handler's log


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed attempt to handle a message."""

    error_code: str
    at: datetime


def last_failures(outputs: StackOutputs, letters: Iterable[DeadLetter]) -> dict[str, Failure]:
    """Return the last failure of each letter that was given up, by message ID.

    A letter is absent if no failure of it is in the log: the function crashed or timed out before it could log the
    failure, or the line has expired.
    """
    sent = {letter.message_id: letter.sent_at for letter in letters if letter.reason == GAVE_UP}
    return failures_of(outputs, sent, min(sent.values())) if sent else {}


def failures_of(outputs: StackOutputs, message_ids: Collection[str], sent_at: datetime) -> dict[str, Failure]:
    """Return the last failures of these messages, which were sent then or later; those that never failed are absent."""
    lines = read_function_lines(
        outputs, outputs.functions[EVENT_HANDLER_SERVICE], since=sent_at - CLOCK_SKEW, pattern=PATTERN
    )
    failures: dict[str, Failure] = {}
    for line in sorted(lines, key=lambda line: line.timestamp):
        message_id = str(line.fields.get("message_id"))
        # The embedded cloud returns every line.
        if line.fields.get("outcome") in FAILED and message_id in message_ids:
            failures[message_id] = Failure(error_code=str(line.fields.get("error_code")), at=line.timestamp)
    return failures
