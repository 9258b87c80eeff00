"""`python -m ops dead-letters list | show | redrive | discard`."""

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from handlers.batches import batches
from ops.commands import dead_letter_dialogue as dialogue
from ops.commands.application import Application
from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.dead_letter_dialogue import AllOption, LimitOption, MessageOption, ReasonOption, YesOption
from ops.commands.output import format_time, print_line, print_note, print_table, progress_bar
from ops.dead_letter_queue import HeldLetters, Queues
from ops.dead_letters import GAVE_UP, DeadLetter
from ops.errors import OperatorError, count_of, pluralize
from ops.files import NewFile, create_file
from ops.redrive import (
    MoveTask,
    Pace,
    Redrive,
    follow_move_task,
    is_whole_queue,
    running_move_task,
    start_move_task,
)
from ops.stack import load_outputs

NEW_MESSAGE_NOTE = "A redriven message gets a new ID, and its retention clock restarts: search the logs for the new ID."
app = Application(
    help="Inspect dead letters, send them back, or discard them.\n\n"
    "Nothing is moved or deleted before you confirm it. Every look counts as a receive: after three receives, a "
    "message no longer counts in the age of the queue, on which the alarm dlq-expiring depends.",
)


@app.command("list")
@handle_errors
def list_(
    limit: LimitOption = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Count dead letters by reason.

    Example: python -m ops dead-letters list
    """
    queues = Queues.of(load_outputs(stack, outputs))
    groups: dict[str, list[DeadLetter]] = defaultdict(list)
    with dialogue.hold(queues, limit) as held:
        for letter in held.letters:
            groups[letter.reason].append(letter)
    meanings = {reason: letters[0].attribute_text("error_detail") for reason, letters in groups.items()}
    if GAVE_UP in groups:
        count = queues.max_receive_count()
        meanings[GAVE_UP] = f"gave up after {pluralize(count, 'receive')}" if count else "gave up"
    rows = [
        {
            "reason": reason,
            "count": len(letters),
            "valid": sum(letter.violation is None for letter in letters),
            "oldest": format_time(min(letter.sent_at for letter in letters)),
            "meaning": meanings[reason],
            "versions": ", ".join(sorted({letter.version for letter in letters} - {""})) or "unknown",
        }
        for reason, letters in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    if as_json:
        print(json.dumps({"looked_at": sum(map(len, groups.values())), "reasons": rows}, indent=2))
        return
    if not rows:
        print("There are no dead letters.")
        return
    header = ["reason", "count", "valid now", "oldest", "meaning (example)"]
    # Without the versions, for which a terminal has no room.
    print_table(header, [[str(value) for value in list(row.values())[: len(header)]] for row in rows])
    print_note(dialogue.RECEIVED_NOTE)


@app.command()
@handle_errors
def show(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    body: Annotated[
        bool, typer.Option("--body", help="Print bodies and attributes too. They contain personal data.")
    ] = False,
    limit: LimitOption = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Show dead letters one by one. Personal data is printed only with --body.

    Example: python -m ops dead-letters show --reason timestamp_malformed --body
    """
    choice = dialogue.parse_choice(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with dialogue.hold(queues, limit, choice) as held:
        selected = dialogue.select(choice, held.letters)
    for letter in selected:
        shown = dialogue.describe(letter, body)
        print(json.dumps(shown, ensure_ascii=False) if as_json else "\n".join(dialogue.format_lines(shown)) + "\n")
    print_note(dialogue.RECEIVED_NOTE)


@app.command()
@handle_errors
def redrive(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    rate: Annotated[int, typer.Option(min=1, max=500, help="At most this many messages a second.")] = 100,
    force: Annotated[bool, typer.Option("--force", help="Also redrive messages that violate the contract.")] = False,
    yes: YesOption = False,
    limit: LimitOption = 10_000,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Send dead letters back to the source queue, as their producers sent them.

    Prints which messages would go back and asks for confirmation. Without a terminal, nothing changes unless --yes is
    given. Each message is sent before it is deleted, so an interruption loses none; a message that is sent twice
    changes nothing. With --all, SQS moves the whole queue by itself where it can, and goes on if you leave. A command
    that finds such a task, also one started in the AWS console, follows it to its end and changes nothing itself.

    Examples:

    python -m ops dead-letters redrive --reason gave-up

    python -m ops dead-letters redrive --all --rate 20 --yes
    """
    choice = dialogue.parse_choice(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    if task := running_move_task(queues):
        _follow_running_task(task, queues, is_enough=everything)
        return
    # When every message goes back, whatever it contains, none needs to be received.
    needs_none = everything and force and yes
    if needs_none and (total := queues.count_dead_letters()) and (task := start_move_task(queues, rate)):
        _finish_move_task(task, total)
        return
    with dialogue.hold(queues, limit, choice) as held:
        selected = dialogue.select(choice, held.letters)
        going = [letter for letter in selected if force or letter.violation is None]
        if going:
            dialogue.print_plan("would go back", going)
        if len(going) < len(selected):
            dialogue.print_left_out([letter for letter in selected if letter.violation])
        if not going:
            raise OperatorError("No selected message can be redriven. Discard them, or use --force.")
        if not dialogue.confirm(yes, f"Send {pluralize(len(going), 'message')} back?"):
            return
        _reject_running_task(queues)
        if everything and is_whole_queue(held, going, force=force):
            if task := start_move_task(queues, rate):
                held.release()
                _finish_move_task(task, len(going))
                return
            print_note("This cloud cannot move a queue by itself. Receiving, sending and deleting instead.")
        still_held = held.keep(going, 2 * len(going) / rate)
        result = _run(Redrive(queues, held, Pace(rate)), still_held)
    _report(result, lost_count=len(going) - len(still_held))


@app.command()
@handle_errors
def discard(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    copy: Annotated[
        Path | None, typer.Option(help="Where to keep a copy; by default a new file in .localcloud/kept.")
    ] = None,
    no_copy: Annotated[bool, typer.Option("--no-copy", help="Keep no copy. This cannot be undone.")] = False,
    yes: YesOption = False,
    limit: LimitOption = 10_000,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Delete dead letters, after copying them to a file that only you can read.

    Prints which messages would be deleted and asks for confirmation. Without a terminal, nothing changes unless --yes
    is given. The copy is complete before the first message is deleted. While SQS moves the queue, nothing is deleted.

    Example: python -m ops dead-letters discard --reason body_not_json
    """
    if copy and no_copy:
        raise OperatorError("--copy and --no-copy contradict each other. Use one of them.")
    choice = dialogue.parse_choice(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with nullcontext() if no_copy else create_file(copy, "dead-letters", "--copy") as file:
        if task := running_move_task(queues):
            _follow_running_task(task, queues, is_enough=False)
        with dialogue.hold(queues, limit, choice) as held:
            selected = dialogue.select(choice, held.letters)
            dialogue.print_plan("would be deleted", selected)
            if not dialogue.confirm(yes, f"Delete {pluralize(len(selected), 'message')}?"):
                return
            _reject_running_task(queues)
            still_held = held.keep(selected, 60)
            if file:
                dialogue.write_copy(file, still_held)
            deleted = _delete(held, still_held, file)
    print_line(f"Deleted {pluralize(len(deleted), 'message')}." + _copy_sentence(file))
    if len(deleted) < len(selected):
        left = pluralize(len(selected) - len(deleted), "message")
        raise OperatorError(f"{left} could not be deleted and may still be in the queue. Run the command again.")


def _delete(held: HeldLetters, letters: Sequence[DeadLetter], copy: NewFile | None) -> list[DeadLetter]:
    """Delete the letters and return those that SQS reports as deleted; when this is interrupted, print how many."""
    deleted: list[DeadLetter] = []
    try:
        for batch in batches(letters):
            deleted += held.delete(batch)
    except BaseException:
        # A response that was lost may have been about ten more.
        count = count_of(len(deleted), len(letters), "message")
        print_note(f"Deleted at least {count} before the interruption.{_copy_sentence(copy)}")
        raise
    return deleted


def _copy_sentence(copy: NewFile | None) -> str:
    return f" A copy, which contains personal data, is in {copy.path}." if copy else ""


def _run(redrive: Redrive, letters: Sequence[DeadLetter]) -> Redrive:
    """Run the redrive with a progress bar; when it is interrupted, print how far it came."""
    try:
        with progress_bar("Redriving", len(letters)) as advance:
            redrive.run(letters, advance)
    except BaseException:
        print_note(
            f"{count_of(redrive.count, len(letters), 'message')} went back before the interruption. "
            "The others are still in the dead-letter queue."
        )
        raise
    return redrive


def _follow_running_task(task: MoveTask, queues: Queues, *, is_enough: bool) -> None:
    """Follow a task that somebody else started; raises OperatorError unless its end `is_enough` for the command."""
    print_note("SQS already moves the dead letters, by a task started elsewhere, so this command changes nothing.")
    _finish_move_task(task, queues.count_dead_letters())
    if not is_enough:
        raise OperatorError("This command changed nothing. Run it again for the dead letters that are left.")


def _reject_running_task(queues: Queues) -> None:
    """Raise OperatorError when SQS began to move the queue meanwhile, for instance while a person decided."""
    if running_move_task(queues):
        raise OperatorError(
            "SQS moves the dead letters since a moment ago, by a task started elsewhere, so nothing was changed. "
            "Run the command again to follow the task."
        )


def _finish_move_task(task: MoveTask, total: int) -> None:
    """Follow the task until it ends; after Ctrl-C it goes on in AWS."""
    print_note("SQS is moving the queue by itself, and goes on if you leave.")
    with progress_bar("Moved", total) as advance:
        count = follow_move_task(task, advance)
    print_line(f"SQS moved about {pluralize(count, 'message')}. {NEW_MESSAGE_NOTE}")


def _report(redrive: Redrive, *, lost_count: int) -> None:
    """Print what was redriven; raises OperatorError when something is left to do."""
    print_line(f"Redrove {pluralize(redrive.count, 'message')}. {NEW_MESSAGE_NOTE}")
    problems = []
    if redrive.rejected:
        codes = ", ".join(sorted(set(redrive.rejected.values())))
        problems.append(
            f"{pluralize(len(redrive.rejected), 'message')} not accepted ({codes}) and left in the dead-letter queue"
        )
    if redrive.in_both_queues:
        problems.append(
            f"{pluralize(len(redrive.in_both_queues), 'message')} sent but not deleted, so a second redrive sends "
            f"{'it' if len(redrive.in_both_queues) == 1 else 'them'} twice"
        )
    if lost_count:
        problems.append(f"{pluralize(lost_count, 'message')} taken by another process while you decided")
    if problems:
        raise OperatorError("; ".join(problems) + ". Run the command again.")
