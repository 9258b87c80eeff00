"""Which dead letters an operator means, and the queues they are in."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ops.dead_letters import Held, Letter, held_letters
from ops.errors import OperatorError
from ops.output import tell
from ops.stack import StackOutputs


@dataclass(frozen=True)
class Selection:
    """Which dead letters are meant."""

    reasons: frozenset[str]
    message_ids: frozenset[str]
    everything: bool

    @classmethod
    def of(cls, reasons: list[str] | None, message_ids: list[str] | None, everything: bool) -> "Selection":
        """What the options say; raises OperatorError when that is not one thing."""
        if sum(map(bool, (reasons, message_ids, everything))) != 1:
            raise OperatorError("Say which: --reason, --message-id or --all, and one of them only.")
        return cls(frozenset(reasons or ()), frozenset(message_ids or ()), everything)

    def chosen(self, letters: Sequence[Letter]) -> list[Letter]:
        """Those that are meant."""
        return [each for each in letters if self.everything or each.reason in self.reasons or self._names(each)]

    def is_satisfied(self, letters: Sequence[Letter]) -> bool:
        """Whether looking on can find no other: every message that was named is here."""
        found = {id_ for each in letters for id_ in (each.message_id, each.source_message_id)}
        return bool(self.message_ids) and self.message_ids <= found

    def missing(self, letters: Sequence[Letter]) -> str:
        """A sentence when nothing of it was found."""
        if self.everything:
            return "The dead-letter queue is empty, or all of it is in somebody else's hands."
        what = ", ".join(sorted(self.reasons | self.message_ids))
        return f"None of the {len(letters)} dead letters that could be seen is of {what}: see `dead-letters list`."

    def _names(self, letter: Letter) -> bool:
        return letter.message_id in self.message_ids or letter.source_message_id in self.message_ids


@dataclass(frozen=True)
class Queues:
    """The two queues of a stack."""

    sqs: Any
    dead_letters: str
    source: str

    @classmethod
    def of(cls, outputs: StackOutputs) -> "Queues":
        """Those that the outputs name."""
        return cls(outputs.client("sqs"), outputs.dead_letter_queue_url, outputs.queue_url)

    def about(self) -> int:
        """How many dead letters there are, hidden ones included, as far as SQS knows."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.dead_letters, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def gave_up_after(self) -> str:
        """After how many receives SQS gives a message up, in words."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.source, AttributeNames=["RedrivePolicy"])
        policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
        return f"gave up after {policy.get('maxReceiveCount', 'its last')} receives"

    @contextmanager
    def held(self, limit: int, enough: Callable[[Sequence[Letter]], bool] = lambda letters: False) -> Iterator[Held]:
        """The dead letters, visible again afterwards."""
        about = self.about()
        with held_letters(self.sqs, self.dead_letters, limit=limit, enough=enough, warn=tell) as held:
            seen = len(held.letters)
            if seen < about and not enough(held.letters):
                why = "--limit allows no more" if seen == limit else "the others are in somebody else's hands just now"
                tell(f"Looked at {seen} of about {about} dead letters: {why}.")
            yield held
