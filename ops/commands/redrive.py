"""`python -m ops dead-letters redrive`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ops.commands.dead_letter_options import (
    AllOption,
    LimitOption,
    MessageOption,
    ReasonOption,
    YesOption,
    hold,
    parse_selection,
    select,
)
from ops.commands.dead_letter_output import confirm, print_left_out, print_plan
from ops.commands.errors import handle_errors
from ops.commands.options import OutputsOption, StackOption
from ops.commands.output import print_note, progress_bar
from ops.dead_letter_queue import Queues
from ops.dead_letters import DeadLetter
from ops.errors import OperatorError
from ops.move_task import MoveTask, follow_move_task, start_move_task
from ops.plurals import count_of, pluralize
from ops.redrive import Pace, Redrive, is_whole_queue
from ops.stack import load_outputs

NEW_MESSAGE_NOTE = "A redriven message gets a new ID, and its retention clock restarts: search the logs for the new ID."
RateOption = Annotated[int, typer.Option(min=1, max=500, help="At most this many messages a second.")]


@handle_errors
def redrive(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    rate: RateOption = 100,
    force: Annotated[bool, typer.Option("--force", help="Also redrive messages that violate the contract.")] = False,
    yes: YesOption = False,
    limit: LimitOption = 10_000,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Send dead letters back to the source queue, as their producers sent them.

    Prints which messages would go back and asks for confirmation. Without a terminal, nothing changes unless --yes is
    given. Each message is sent before it is deleted, so an interruption loses none; a message that is sent twice
    changes nothing. With --all, SQS moves the whole queue by itself where it can.

    Examples:

    python -m ops dead-letters redrive --reason gave-up

    python -m ops dead-letters redrive --all --rate 20 --yes
    """
    selection = parse_selection(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    # When every message goes back, whatever it contains, none needs to be received.
    if everything and force and yes and (total := queues.count_dead_letters()):
        task = start_move_task(queues, rate)
        if task:
            _finish_move_task(task, total)
            return
    with hold(queues, limit, selection) as held:
        selected = select(selection, held.letters)
        going = [letter for letter in selected if force or letter.violation is None]
        if going:
            print_plan("would go back", going)
        if len(going) < len(selected):
            print_left_out([letter for letter in selected if letter.violation])
        if not going:
            raise OperatorError("No selected message can be redriven. Discard them, or use --force.")
        if not confirm(yes, f"Send {pluralize(len(going), 'message')} back?"):
            return
        if everything and is_whole_queue(held, going, force=force):
            task = start_move_task(queues, rate)
            if task:
                held.release()
                _finish_move_task(task, len(going))
                return
            print_note("This cloud cannot move a queue by itself. Receiving, sending and deleting instead.")
        still_held = held.keep(going, 2 * len(going) / rate)
        result = _run(Redrive(queues, held, Pace(rate)), still_held)
    _report(result, lost_count=len(going) - len(still_held))


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


def _finish_move_task(task: MoveTask, total: int) -> None:
    """Follow the task until it ends; after Ctrl-C it goes on in AWS."""
    print_note("SQS is moving the queue by itself, and goes on if you leave.")
    with progress_bar("Moved", total) as advance:
        count = follow_move_task(task, advance)
    print(f"SQS moved about {pluralize(count, 'message')}. {NEW_MESSAGE_NOTE}")


def _report(redrive: Redrive, *, lost_count: int) -> None:
    """Print what was redriven; raises OperatorError when something is left to do."""
    print(f"Redrove {pluralize(redrive.count, 'message')}. {NEW_MESSAGE_NOTE}")
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
