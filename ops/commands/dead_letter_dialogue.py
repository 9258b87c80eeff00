"""How a person talks with the `dead-letters` commands: options, selected letters, what is printed, confirmation."""

import base64
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from ops.commands.output import escape_unprintable, format_time, print_line, print_note
from ops.dead_letter_queue import HeldLetters, Queues, hold_letters
from ops.dead_letters import ADDED_ATTRIBUTES, GAVE_UP, Choice, DeadLetter
from ops.errors import OperatorError, pluralize
from ops.files import NewFile

RULES_SHOWN = 10
RECEIVED_NOTE = (
    "Looking counts as a receive of each message. After three receives, SQS no longer counts a message in the age of "
    "the queue."
)

ReasonOption = Annotated[
    list[str] | None, typer.Option("--reason", help=f"An error_code that `list` shows, or {GAVE_UP}. Can be repeated.")
]
MessageOption = Annotated[
    list[str] | None, typer.Option("--message-id", help="The message's ID in either queue. Can be repeated.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Select every dead letter.")]
LimitOption = Annotated[int, typer.Option(min=1, max=100_000, help="Receive at most this many messages.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def parse_choice(reasons: list[str] | None, message_ids: list[str] | None, everything: bool) -> Choice:
    """Return what the options select; raises OperatorError unless exactly one kind of option is given."""
    if sum(map(bool, (reasons, message_ids, everything))) != 1:
        raise OperatorError("Select dead letters with exactly one of --reason, --message-id or --all.")
    return Choice(reasons=frozenset(reasons or ()), message_ids=frozenset(message_ids or ()), everything=everything)


def select(choice: Choice, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Return the selected letters; raises OperatorError when there are none."""
    selected = choice.select(letters)
    if selected:
        return selected
    if choice.everything:
        raise OperatorError("The dead-letter queue is empty, or another process holds all of its messages.")
    wanted = ", ".join(sorted(choice.reasons | choice.message_ids))
    raise OperatorError(
        f"No dead letter matches {wanted} (received: {len(letters)}). "
        "To see their reasons: python -m ops dead-letters list"
    )


@contextmanager
def hold(queues: Queues, limit: int, choice: Choice | None = None) -> Iterator[HeldLetters]:
    """Hold the dead letters until the block ends, and print a note when some of them could not be received."""
    total = queues.count_dead_letters()
    is_enough = choice.is_complete if choice else lambda letters: False
    with hold_letters(queues, limit, print_note, is_enough) as held:
        received = len(held.letters)
        if received < total and not is_enough(held.letters):
            reason = "--limit allows no more" if received == limit else "another process holds the others"
            print_note(f"Received {received} of about {total} dead letters: {reason}.")
        yield held


def describe(letter: DeadLetter, with_body: bool) -> dict[str, Any]:
    """Return what `show` prints about a letter, and what a copy contains."""
    shown: dict[str, Any] = {
        "message_id": letter.message_id,
        "reason": letter.reason,
        "detail": letter.attribute_text("error_detail") if letter.reason != GAVE_UP else "",
        "violation_now": letter.violation or "",
        "source_message_id": letter.source_message_id,
        "sent_at": format_time(letter.sent_at),
        "version": letter.version,
        "receives": letter.receive_count,
        "trace": letter.system_attributes.get("AWSTraceHeader", ""),
        "attribute_names": sorted(set(letter.attributes) - set(ADDED_ATTRIBUTES)),
        "body_characters": len(letter.body),
    }
    if with_body:
        shown["attributes"] = {name: _as_json(value) for name, value in letter.attributes.items()}
        shown["body"] = letter.body
    return shown


def _as_json(attribute: dict[str, Any]) -> dict[str, str]:
    if "BinaryValue" in attribute:
        return {"DataType": attribute["DataType"], "BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}
    return {"DataType": attribute["DataType"], "StringValue": attribute.get("StringValue", "")}


def format_lines(shown: dict[str, Any]) -> Iterator[str]:
    """Return a description as lines, without empty values and repetitions."""
    attributes = shown.get("attributes", {})
    changes: dict[str, Any] = {
        "attributes": {name: value for name, value in attributes.items() if name not in ADDED_ATTRIBUTES}
    }
    if shown["detail"] and shown["violation_now"] == shown["detail"]:
        changes["violation_now"] = "same as detail"
    for name, value in (shown | changes).items():
        if value:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{name:18} {escape_unprintable(text)}"


def write_copy(copy: NewFile, letters: Sequence[DeadLetter]) -> None:
    """Write whole messages to the disk; raises OperatorError when they cannot all be written."""
    try:
        for letter in letters:
            copy.write(json.dumps(describe(letter, with_body=True), ensure_ascii=False).encode() + b"\n")
        copy.sync()
    except OSError as error:
        raise OperatorError(f"{copy.path} cannot be written: {error.strerror}. Nothing was deleted.") from None
    copy.is_needed = True


def print_plan(action: str, letters: Sequence[DeadLetter]) -> None:
    """Print how many messages of which reason a command is about to change."""
    counts = Counter(letter.reason for letter in letters)
    by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    print_line(f"{pluralize(len(letters), 'message')} {action}: {by_reason}.")


def print_left_out(letters: Sequence[DeadLetter]) -> None:
    """Print which messages a redrive leaves in the queue, and the rule that each violates."""
    count = len(letters)
    if count == 1:
        print_line(
            "1 message violates the contract and was left in the queue, because it would fail again. "
            "Use --force to redrive it anyway:"
        )
    else:
        print_line(
            f"{count} messages violate the contract and were left in the queue, because they would fail again. "
            "Use --force to redrive them anyway:"
        )
    for letter in letters[:RULES_SHOWN]:
        print_line(f"  {letter.message_id}: {letter.violation}")
    if count > RULES_SHOWN:
        print_line("  ...")


def confirm(yes: bool, question: str) -> bool:
    """Return whether to go on: by --yes, or because a person at a terminal agrees."""
    if yes:
        return True
    if is_terminal():
        if typer.confirm(question):
            return True
        print_line("Nothing was changed.")
        return False
    print_line("Dry run: nothing was changed. Use --yes to apply.")
    print_note(RECEIVED_NOTE)
    return False


def is_terminal() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
