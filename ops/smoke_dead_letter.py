"""One event that can never be stored, and the dead letter it becomes: found among those of others, and taken out."""

import json
import time
from collections.abc import Sequence

from handlers.vocabulary import ErrorCode
from ops.commands.dead_letter_choice import Queues
from ops.dead_letters import Letter, held_letters
from ops.errors import OperatorError
from ops.output import tell
from ops.stack import StackOutputs

POLL_SECONDS = 0.5
LIMIT = 10_000  # letters of others to look through, at most


class DoomedEvent:
    """An event of the test's own user that the event handler must refuse, and keep byte for byte."""

    def __init__(self, outputs: StackOutputs, user: str) -> None:
        self._queues, self._user = Queues.of(outputs), user
        fields = {"user_id": user, "service_id": "pay", "service_name": "Smoke test", "timestamp": "yesterday"}
        # Blanks and one letter written in two ways: none of it would survive being read and written again.
        self.body = json.dumps(fields, separators=(",  ", ": ")).replace("Smoke test", "Smoke test \u20ac \\u20ac")
        self.message_id: str | None = None
        """What SQS called it when it was sent."""
        self._most = 0

    def send(self) -> None:
        """Put it on the source queue."""
        self._most = self._queues.about()
        answer = self._queues.sqs.send_message(QueueUrl=self._queues.source, MessageBody=self.body)
        self.message_id = answer["MessageId"]

    def wait_for_letter(self, deadline_seconds: float) -> None:
        """Return when it was the dead letter it has to become, and is off the queue; or raise OperatorError."""
        letter = self._take(deadline_seconds)
        expected = (ErrorCode.TIMESTAMP_MALFORMED.value, self.message_id, self.body)
        found = (letter.reason, letter.source_message_id, letter.body)
        for what, wanted, was in zip(("reason", "source message", "body"), expected, found, strict=True):
            if wanted != was:
                raise OperatorError(f"The {what} of the dead letter should be {wanted!r}, but is {was!r}.")

    def take_letter(self) -> Letter | None:
        """Take its letter off the queue, if it is there; those of others are visible again at once."""
        with held_letters(
            self._queues.sqs,
            self._queues.dead_letters,
            limit=LIMIT,
            enough=lambda seen: bool(self._own(seen)),
            warn=tell,
        ) as held:
            own = self._own(held.letters)
            if own and len(held.delete(own)) < len(own):
                raise OperatorError(f"Dead letter {own[0].message_id} could not be deleted: discard it.")
        return own[0] if own else None

    def _take(self, deadline_seconds: float) -> Letter:
        started = time.monotonic()
        while True:
            is_late = time.monotonic() - started > deadline_seconds
            count = self._queues.about()
            # A look counts as a receive of each letter seen, and is left alone until there are more than ever before.
            # The count is approximate, so the last look does not ask for it.
            if is_late or count > self._most:
                if letter := self.take_letter():
                    return letter
                self._most = count
            if is_late:
                raise OperatorError(
                    f"After {deadline_seconds:g} s the invalid event is not among the dead letters: "
                    f"see `python -m ops logs --message-id {self.message_id}`."
                )
            time.sleep(POLL_SECONDS)

    def _own(self, letters: Sequence[Letter]) -> list[Letter]:
        # By id, and by its user: a defect may have lost either.
        return [one for one in letters if one.source_message_id == self.message_id or self._user in one.body]
