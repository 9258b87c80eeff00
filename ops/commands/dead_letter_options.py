"""How the `dead-letters` commands are asked: their options, and the dead letters that these select."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from ops.commands.output import print_note
from ops.dead_letter_queue import HeldLetters, Queues, hold_letters
from ops.dead_letters import GAVE_UP, DeadLetter, Selection
from ops.errors import OperatorError

ReasonOption = Annotated[
    list[str] | None,
    typer.Option("--reason", help=f"An error_code that `list` shows, or {GAVE_UP}. Can be repeated."),
]
MessageOption = Annotated[
    list[str] | None,
    typer.Option("--message-id", help="The message's ID in either queue. Can be repeated."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Select every dead letter.")]
LimitOption = Annotated[int, typer.Option(min=1, max=100_000, help="Receive at most this many messages.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def parse_selection(reasons: list[str] | None, message_ids: list[str] | None, everything: bool) -> Selection:
    """Return what the options select; raises OperatorError unless exactly one kind of option is given."""
    if sum(map(bool, (reasons, message_ids, everything))) != 1:
        raise OperatorError("Select dead letters with exactly one of --reason, --message-id or --all.")
    return Selection(reasons=frozenset(reasons or ()), message_ids=frozenset(message_ids or ()), everything=everything)


def select(selection: Selection, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Return the selected letters; raises OperatorError when there are none."""
    selected = selection.select(letters)
    if selected:
        return selected
    if selection.everything:
        raise OperatorError("The dead-letter queue is empty, or another process holds all of its messages.")
    wanted = ", ".join(sorted(selection.reasons | selection.message_ids))
    raise OperatorError(
        f"No dead letter matches {wanted} (received: {len(letters)}). "
        "To see their reasons: python -m ops dead-letters list"
    )


@contextmanager
def hold(queues: Queues, limit: int, selection: Selection | None = None) -> Iterator[HeldLetters]:
    """Hold the dead letters until the block ends, and print a note when some of them could not be received."""
    total = queues.count_dead_letters()
    is_enough = selection.is_complete if selection else lambda letters: False
    with hold_letters(queues, limit=limit, is_enough=is_enough, warn=print_note) as held:
        received = len(held.letters)
        if received < total and not is_enough(held.letters):
            reason = "--limit allows no more" if received == limit else "another process holds the others"
            print_note(f"Received {received} of about {total} dead letters: {reason}.")
        yield held
