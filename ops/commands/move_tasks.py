"""What the `dead-letters` commands do while SQS moves the queue by itself."""

from ops.commands.output import print_line, print_note, progress_bar
from ops.dead_letter_queue import Queues
from ops.errors import OperatorError, pluralize
from ops.redrive import MoveTask, follow_move_task, running_move_task

NEW_MESSAGE_NOTE = "A redriven message gets a new ID, and its retention clock restarts: search the logs for the new ID."


def follow_running_task(task: MoveTask, queues: Queues, *, is_enough: bool) -> None:
    """Follow a task that somebody else started; raises OperatorError unless its end `is_enough` for the command."""
    print_note("SQS already moves the dead letters, by a task started elsewhere, so this command changes nothing.")
    finish_move_task(task, queues.count_dead_letters())
    if not is_enough:
        raise OperatorError("This command changed nothing. Run it again for the dead letters that are left.")


def reject_running_task(queues: Queues) -> None:
    """Raise OperatorError when SQS began to move the queue meanwhile, for instance while a person decided."""
    if running_move_task(queues):
        raise OperatorError(
            "SQS moves the dead letters since a moment ago, by a task started elsewhere, so nothing was changed. "
            "Run the command again to follow the task."
        )


def finish_move_task(task: MoveTask, total: int) -> None:
    """Follow the task until it ends; after Ctrl-C it goes on in AWS."""
    print_note("SQS is moving the queue by itself, and goes on if you leave.")
    with progress_bar("Moved", total) as advance:
        count = follow_move_task(task, advance)
    print_line(f"SQS moved about {pluralize(count, 'message')}. {NEW_MESSAGE_NOTE}")
