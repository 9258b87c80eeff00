"""`python -m ops dead-letters redrive | discard`."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated

import typer

from handlers.batches import batches
from ops.commands import dead_letter_dialogue as dialogue
from ops.commands.command import DryRunOption, OutputsOption, StackOption, handle_errors
from ops.commands.dead_letter_dialogue import (
    AllOption,
    CopyOption,
    LimitOption,
    MessageOption,
    NoCopyOption,
    ReasonOption,
    YesOption,
)
from ops.commands.move_tasks import NEW_MESSAGE_NOTE, finish_move_task, follow_running_task, reject_running_task
from ops.commands.output import print_line, print_note, progress_bar
from ops.dead_letter_copies import copy_line
from ops.dead_letter_queue import HeldLetters, Queues
from ops.dead_letters import DeadLetter
from ops.errors import OperatorError, count_of, pluralize
from ops.files import NewFile, create_file
from ops.redrive import Pace, Redrive, is_whole_queue, running_move_task, start_move_task
from ops.stack import load_outputs


@handle_errors
def redrive(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    rate: Annotated[int, typer.Option(min=1, max=500, help="At most this many messages a second.")] = 100,
    force: Annotated[bool, typer.Option("--force", help="Also redrive messages that violate the contract.")] = False,
    dry_run: DryRunOption = False,
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
        follow_running_task(task, queues, is_enough=everything)
        return
    # When every message goes back, whatever it contains, none needs to be received.
    needs_none = everything and force and yes and not dry_run
    if needs_none and (total := queues.count_dead_letters()) and (task := start_move_task(queues, rate)):
        finish_move_task(task, total)
        return
    with dialogue.hold(queues, limit, choice) as held:
        selected = dialogue.select(choice, held.letters)
        going = [letter for letter in selected if force or letter.violation is None]
        if going:
            dialogue.print_plan("would go back", going)
        if len(going) < len(selected):
            dialogue.print_left_out([letter for letter in selected if letter.violation])
        if not going:
            them = "it" if len(selected) == 1 else "them"
            raise OperatorError(f"No selected message can be redriven. Edit or discard {them}, or use --force.")
        question = f"Send {pluralize(len(going), 'message')} back?"
        if not dialogue.confirm(question, yes=yes, dry_run=dry_run):
            return
        reject_running_task(queues)
        if everything and is_whole_queue(held, going, force=force):
            if task := start_move_task(queues, rate):
                held.release()
                finish_move_task(task, len(going))
                return
            print_note("This cloud cannot move a queue by itself. Receiving, sending and deleting instead.")
        still_held = held.keep(going, 2 * len(going) / rate)
        result = run(Redrive(queues, held, Pace(rate)), still_held)
    report(result, lost_count=len(going) - len(still_held))


@handle_errors
def discard(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    copy: CopyOption = None,
    no_copy: NoCopyOption = False,
    dry_run: DryRunOption = False,
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
    dialogue.check_copy_options(copy, no_copy)
    choice = dialogue.parse_choice(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with nullcontext() if no_copy else create_file(copy, "dead-letters", "--copy") as file:
        if task := running_move_task(queues):
            follow_running_task(task, queues, is_enough=False)
        with dialogue.hold(queues, limit, choice) as held:
            selected = dialogue.select(choice, held.letters)
            dialogue.print_plan("would be deleted", selected)
            question = f"Delete {pluralize(len(selected), 'message')}?"
            if not dialogue.confirm(question, yes=yes, dry_run=dry_run):
                return
            reject_running_task(queues)
            still_held = held.keep(selected, 60)
            if file:
                dialogue.write_lines(file, map(copy_line, still_held))
            deleted = _delete(held, still_held, file)
    print_line(f"Deleted {pluralize(len(deleted), 'message')}." + dialogue.copy_sentence(file))
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
        print_note(f"Deleted at least {count} before the interruption.{dialogue.copy_sentence(copy)}")
        raise
    return deleted


def run(redrive: Redrive, letters: Sequence[DeadLetter]) -> Redrive:
    """Run the redrive with a progress bar; when it is interrupted, print how far it came."""
    try:
        with progress_bar("Redriving", len(letters)) as advance:
            redrive.run(letters, advance)
    except BaseException:
        left = len(letters) - redrive.count
        rest = "The other is" if left == 1 else "The others are"
        print_note(
            f"{count_of(redrive.count, len(letters), 'message')} went back before the interruption."
            + (f" {rest} still in the dead-letter queue." if left else "")
        )
        raise
    return redrive


def report(redrive: Redrive, *, lost_count: int) -> None:
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
