"""An event that can never be stored, and the dead letter it must become, found among the dead letters of others."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from handlers.vocabulary import ErrorCode
from ops.dead_letter_failures import failures_of
from ops.dead_letter_queue import Queues, hold_letters
from ops.dead_letters import DeadLetter
from ops.errors import OperatorError
from ops.stack import StackOutputs

POLL_SECONDS = 0.5
LIMIT = 10_000  # dead letters to look through, at most


class InvalidEvent:
    """An event of the test user that the event handler must quarantine byte for byte."""

    def __init__(self, outputs: StackOutputs, user: str, warn: Callable[[str], None]) -> None:
        self._outputs, self._queues, self._user, self._warn = outputs, Queues.of(outputs), user, warn
        self._sent_at = datetime.now(UTC)
        fields = {"user_id": user, "service_id": "pay", "service_name": "Smoke test", "timestamp": "yesterday"}
        # Repeated blanks, and one character written in two ways: parsing and serializing would lose both.
        self.body = json.dumps(fields, separators=(",  ", ": ")).replace("Smoke test", "Smoke test \u20ac \\u20ac")
        self.message_id: str | None = None
        """The message's ID in the source queue, once it is sent."""
        self._most_letters = 0

    def send(self) -> None:
        """Send the event to the source queue."""
        self._most_letters = self._queues.count_dead_letters()
        response = self._queues.sqs.send_message(QueueUrl=self._queues.source_url, MessageBody=self.body)
        self.message_id = response["MessageId"]

    def check_dead_letter(self, deadline_seconds: float) -> None:
        """Wait for the dead letter, delete it and compare it; raises OperatorError when it is late or wrong."""
        letter = self._wait_for_dead_letter(deadline_seconds)
        expected = (ErrorCode.TIMESTAMP_MALFORMED.value, self.message_id, self.body)
        found = (letter.reason, letter.source_message_id, letter.body)
        for part, wanted, value in zip(("reason", "source message", "body"), expected, found, strict=True):
            if wanted != value:
                raise OperatorError(f"The {part} of the dead letter should be {wanted!r}, but is {value!r}.")

    def delete_dead_letter(self) -> DeadLetter | None:
        """Delete the event's dead letter and return it; None when it is not in the queue. The others stay visible."""
        with hold_letters(self._queues, LIMIT, self._warn, lambda letters: bool(self._own(letters))) as held:
            own = self._own(held.letters)
            if own and len(held.delete(own)) < len(own):
                raise OperatorError(f"Dead letter {own[0].message_id} could not be deleted. Discard it.")
        return own[0] if own else None

    def _wait_for_dead_letter(self, deadline_seconds: float) -> DeadLetter:
        started = time.monotonic()
        while True:
            is_late = time.monotonic() - started > deadline_seconds
            count = self._queues.count_dead_letters()
            # Looking counts as a receive of every letter, so look only when there are more letters than ever before.
            # The count is approximate, so the last look does not depend on it.
            if is_late or count > self._most_letters:
                if letter := self.delete_dead_letter():
                    return letter
                self._most_letters = count
            if is_late:
                raise OperatorError(
                    f"After {deadline_seconds:g} s the invalid event is not among the dead letters. {self._failure()}"
                    f"See: python -m ops logs --message-id {self.message_id}"
                )
            time.sleep(POLL_SECONDS)

    def _failure(self) -> str:
        """Return a sentence about the last failure of the event, if the log has one."""
        message_id = str(self.message_id)
        with suppress(BotoCoreError, ClientError, OperatorError):
            if failure := failures_of(self._outputs, [message_id], self._sent_at).get(message_id):
                return f"The event handler fails with {failure.error_code}. "
        return ""

    def _own(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        # By ID and by user: a defect of the handler may have lost either.
        return [
            letter for letter in letters if letter.source_message_id == self.message_id or self._user in letter.body
        ]
