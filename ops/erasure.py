"""A user's data removed from the table and from both queues, so that no event sent before brings the record back.

The source queue is never received from: its events are handled first, and what they stored is deleted afterwards. Each
step can be repeated, so a second run finishes what an interrupted one began.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handlers.batches import batches
from handlers.stored import KEY, StoredRecord
from ops.dead_letter_queue import HeldLetters, Queues, hold_letters
from ops.dead_letters import DeadLetter
from ops.errors import OperatorError, pluralize
from ops.queue_wait import OnLook, time_of, wait_until_handled
from ops.redrive import running_move_task
from ops.stack import StackOutputs

KEY_BYTES_MAX = 2048  # of a key in DynamoDB
LETTERS_MAX = 100_000  # SQS lets 120,000 messages of a queue be held at a time


@dataclass(frozen=True, kw_only=True)
class UserLetters:
    """The dead letters that concern a user."""

    own: Sequence[DeadLetter]
    """Events of this user."""
    mentioning: Sequence[DeadLetter]
    """No events of this user, and the user ID is somewhere in them, as in a body that is not JSON."""
    out_of_reach: int
    """How many dead letters another process holds."""


@dataclass(kw_only=True)
class Erased:
    """What has been deleted so far, and what is left for the operator to decide or to run again."""

    records: int = 0
    services: int = 0
    letters: int = 0
    mentioning: list[str] = field(default_factory=list)
    """Message IDs of the dead letters that mention the user."""
    out_of_reach: int = 0
    sent_before: datetime | None = None
    """Every event that was sent before then is handled, and what it stored is deleted. None: not yet."""


class Erasure:
    """The removal of one user. Its counts are right even after an interruption."""

    def __init__(self, outputs: StackOutputs, user: str, warn: Callable[[str], None]) -> None:
        if not 1 <= len(user.encode()) <= KEY_BYTES_MAX:
            raise OperatorError(f"A user ID has 1 to {KEY_BYTES_MAX} bytes. Check the argument.")
        self._outputs, self._user, self._warn = outputs, user, warn
        self._queues = Queues.of(outputs)
        self._key = {"TableName": outputs.table_name, "Key": {KEY: {"S": user}}}
        self.erased = Erased()

    def count_events(self) -> int:
        """Return about how many events of all users the source queue holds."""
        return self._queues.count_events()

    def read_record(self) -> StoredRecord | None:
        """Return the user's record, None if there is none."""
        item = self._outputs.client("dynamodb").get_item(**self._key, ConsistentRead=True).get("Item")
        return StoredRecord.of(self._user, item) if item else None

    @contextmanager
    def hold_letters(self) -> Iterator[tuple[HeldLetters, UserLetters]]:
        """Hold the dead letters until the block ends, and find those that concern the user."""
        if running_move_task(self._queues):
            raise OperatorError(
                "SQS moves dead letters back to the source queue now. Run the command again when that has ended."
            )
        total = self._queues.count_dead_letters()
        with hold_letters(self._queues, LETTERS_MAX, self._warn, lambda letters: False) as held:
            own = [letter for letter in held.letters if is_event_of(letter, self._user)]
            others = [letter for letter in held.letters if letter not in own and mentions(letter, self._user)]
            out_of_reach = max(0, total - len(held.letters))
            yield held, UserLetters(own=own, mentioning=others, out_of_reach=out_of_reach)

    def run(self, held: HeldLetters, letters: UserLetters, on_look: OnLook) -> None:
        """Delete the letters and the record, wait until the source queue has handled what was sent before, do it again.

        The letters come first, because a redrive sends them again.
        """
        self._delete_letters(held, letters)
        held.release()
        sent_before = self._delete_record()
        wait_until_handled(self._outputs, sent_before, on_look)
        # First the letters: an event that was in the queue is now stored or a dead letter.
        with self.hold_letters() as (held_again, left):
            self._delete_letters(held_again, left)
            self.erased.mentioning = [letter.message_id for letter in left.mentioning]
            self.erased.out_of_reach = left.out_of_reach
        self._delete_record()
        self.erased.sent_before = sent_before

    def _delete_letters(self, held: HeldLetters, letters: UserLetters) -> None:
        for batch in batches(letters.own):
            deleted = held.delete(batch)
            self.erased.letters += len(deleted)
            if len(deleted) < len(batch):
                left = pluralize(len(batch) - len(deleted), "dead letter")
                raise OperatorError(f"{left} of this user could not be deleted. Run the command again.")

    def _delete_record(self) -> datetime:
        """Delete the record and return when, by the clock of AWS."""
        response: dict[str, Any] = self._outputs.client("dynamodb").delete_item(**self._key, ReturnValues="ALL_OLD")
        if item := response.get("Attributes"):
            self.erased.records += 1
            self.erased.services += len(StoredRecord.of(self._user, item).record.services)
        return time_of(response)


def is_event_of(letter: DeadLetter, user: str) -> bool:
    """Whether the body is an event of this user, valid or not."""
    body = _parse(letter.body)
    return isinstance(body, Pairs) and dict(body).get(KEY) == user


def mentions(letter: DeadLetter, user: str) -> bool:
    """Whether the user ID is a string of the JSON body, or a word of another body or of an attribute."""
    body = _parse(letter.body)
    texts = [letter.attribute_text(name) for name in letter.attributes]
    if body is None:
        texts.append(letter.body)
    elif user in _strings(body):
        return True
    word = re.compile(rf"(?<![\w-]){re.escape(user)}(?![\w-])")
    return any(word.search(text) for text in texts)


class Pairs(list[tuple[str, Any]]):
    """A JSON object with every member, also one whose name is there twice."""


def _parse(body: str) -> Any:
    """Return what the body is in JSON, None if it is none. What the contract rejects for other reasons is parsed."""
    try:
        return json.loads(body, parse_int=float, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return None


def _strings(value: Any) -> set[str]:
    """Return every string of a JSON value, names of members included."""
    found: set[str] = set()
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            found.add(part)
        elif isinstance(part, (list, tuple)):
            left.extend(part)
    return found
