"""How a person talks with the `dead-letters` commands: options, selected letters, what is printed, confirmation."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from ops.commands.output import escape_unprintable, format_time, print_line, print_note
from ops.dead_letter_failures import Failure, last_failures
from ops.dead_letter_queue import HeldLetters, Queues, hold_letters
from ops.dead_letters import ADDED_ATTRIBUTES, GAVE_UP, Choice, DeadLetter
from ops.errors import OperatorError, count_of, explain, pluralize
from ops.files import NewFile
from ops.stack import StackOutputs

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
CopyOption = Annotated[
    Path | None, typer.Option(help="Where to keep a copy; by default a new file in .localcloud/kept.")
]
NoCopyOption = Annotated[bool, typer.Option("--no-copy", help="Keep no copy. This cannot be undone.")]


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
            rest = "the rest" if received else "it" if total == 1 else "them"
            reason = "--limit allows no more" if received == limit else f"another process holds {rest}"
            print_note(f"Received {received} of about {pluralize(total, 'dead letter')}: {reason}.")
        yield held


def read_failures(outputs: StackOutputs, letters: Sequence[DeadLetter]) -> dict[str, Failure]:
    """Return the last failures by message ID, and print a note when the log cannot be read or has not all of them."""
    try:
        failures = last_failures(outputs, letters)
    except (BotoCoreError, ClientError, OperatorError) as error:
        print_note(f"The last failures are not shown, because the log cannot be read: {explain(error)}")
        return {}
    given_up = sum(letter.reason == GAVE_UP for letter in letters)
    if missing := given_up - len(failures):
        print_note(
            f"The log has no failure of {count_of(missing, given_up, 'message')} with reason {GAVE_UP}: the line has "
            "expired, or the function crashed or timed out before it could log one. "
            "See: python -m ops logs --errors --since 1d"
        )
    return failures


def describe_failure(letter: DeadLetter, failures: Mapping[str, Failure]) -> dict[str, str]:
    """Return what `show` prints about the last failure of a letter; nothing for one that was quarantined."""
    if letter.reason != GAVE_UP:
        return {}
    failure = failures.get(letter.message_id)
    return {
        "last_failure": failure.error_code if failure else "unknown",
        "failed_at": format_time(failure.at) if failure else "",
    }


def explain_given_up(letters: Sequence[DeadLetter], failures: Mapping[str, Failure], receives: int | None) -> str:
    """Return what the reason GAVE_UP means for these letters: after how many receives, and their last failures."""
    known = [failures[letter.message_id].error_code for letter in letters if letter.message_id in failures]
    counts = Counter(known + ["unknown"] * (len(letters) - len(known)) if known else [])
    after = f"gave up after {pluralize(receives, 'receive')}" if receives else "gave up"
    if not counts:
        return after
    return f"{after}; last failures: " + ", ".join(f"{count} {code}" for code, count in counts.most_common())


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


def check_copy_options(copy: Path | None, no_copy: bool) -> None:
    """Raise OperatorError when the options contradict each other."""
    if copy and no_copy:
        raise OperatorError("--copy and --no-copy contradict each other. Use one of them.")


def write_lines(file: NewFile, lines: Iterable[bytes]) -> None:
    """Write the lines to the disk; raises OperatorError when they cannot all be written."""
    try:
        for line in lines:
            file.write(line)
        file.sync()
    except OSError as error:
        raise OperatorError(f"{file.path} cannot be written: {error.strerror}. Nothing was changed.") from None
    file.is_needed = True


def copy_sentence(copy: NewFile | None) -> str:
    """Return the sentence, after another one, that names a copy."""
    return f" A copy, which contains personal data, is in {copy.path}." if copy else ""


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


def confirm(question: str, *, yes: bool, dry_run: bool, note: str | None = RECEIVED_NOTE) -> bool:
    """Return whether to go on: by --yes, or because a person at a terminal agrees; never with --dry-run.

    `note` is printed when nothing changes and nobody was asked.
    """
    if dry_run:
        print_line("Nothing was changed (--dry-run).")
    elif yes:
        return True
    elif is_terminal():
        if typer.confirm(question):
            return True
        print_line("Nothing was changed.")
        return False
    else:
        print_line("Dry run: nothing was changed. Use --yes to apply.")
    if note:
        print_note(note)
    return False


def is_terminal() -> bool:
    """Return whether a person can be asked."""
    # Standard input that was read to its end is closed.
    return not sys.stdin.closed and sys.stdin.isatty() and sys.stdout.isatty()
