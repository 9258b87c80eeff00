"""`python -m ops dead-letters edit`."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from handlers.batches import entry_bytes
from ops.commands import dead_letter_dialogue as dialogue
from ops.commands.command import DryRunOption, OutputsOption, StackOption, handle_errors
from ops.commands.dead_letter_dialogue import CopyOption, LimitOption, NoCopyOption, YesOption
from ops.commands.move_tasks import NEW_MESSAGE_NOTE, follow_running_task, reject_running_task
from ops.commands.output import print_line, print_note
from ops.dead_letter_copies import copy_line
from ops.dead_letter_queue import HeldLetters, Queues
from ops.dead_letters import Choice, DeadLetter
from ops.errors import OperatorError
from ops.event_files import open_input
from ops.events import message_bytes_max
from ops.files import NewFile, create_file
from ops.redrive import Pace, Redrive, running_move_task
from ops.stack import load_outputs

EDITING_SECONDS = 60 * 60  # how long nobody else receives the letter while a person edits it


@handle_errors
def edit(
    message_id: Annotated[str, typer.Option("--message-id", help="The message's ID in either queue.")],
    body: Annotated[
        Path | None, typer.Option("--body", help="A file with the new body, or - for standard input.")
    ] = None,
    copy: CopyOption = None,
    no_copy: NoCopyOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    limit: LimitOption = 10_000,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Correct the body of one dead letter, send it to the source queue, then delete the dead letter.

    Opens the editor that VISUAL or EDITOR names, or vi; with --body, takes the new body from a file. It is sent only if
    it fulfils the contract and you confirm, with the attributes of the producer. Before that, the old message is copied
    to a file that only you can read. What you edited and was not sent is kept in a file for --body.

    Examples:

    python -m ops dead-letters edit --message-id ID

    python -m ops dead-letters edit --message-id ID --body corrected.json --yes
    """
    dialogue.check_copy_options(copy, no_copy)
    if body is None and not dialogue.is_terminal():
        raise OperatorError("An editor needs a terminal. Name a file with the new body: --body FILE.")
    text = _read(body) if body else None
    queues = Queues.of(load_outputs(stack, outputs))
    with (
        nullcontext() if no_copy else create_file(copy, "dead-letters", "--copy") as file,
        nullcontext() if body else _keeping_edited() as edited,
    ):
        if task := running_move_task(queues):
            follow_running_task(task, queues, is_enough=False)
        with dialogue.hold(queues, limit, choice := Choice(message_ids=frozenset({message_id}))) as held:
            letter = dialogue.select(choice, held.letters)[0]
            if edited:
                _keep(held, letter, EDITING_SECONDS)
                text = _edit(letter.body, edited)
            if text is None or text == letter.body:
                if edited:
                    edited.is_needed = False
                print_line("The body is the same, so nothing was changed.")
                return
            corrected = letter.with_body(text)
            _check(corrected, message_bytes_max(queues.sqs, queues.source_url))
            print_line(
                f"The message ({letter.reason}) would be sent with {len(text)} characters instead of "
                f"{len(letter.body)}, and its dead letter deleted."
            )
            if not dialogue.confirm("Send the corrected message?", yes=yes, dry_run=dry_run):
                return
            reject_running_task(queues)
            _keep(held, letter, 0)
            if file:
                dialogue.write_lines(file, [copy_line(letter)])
            _send(Redrive(queues, held, Pace(1)), corrected)
            if edited:
                edited.is_needed = False
    print_line(f"Sent the corrected message and deleted its dead letter.{dialogue.copy_sentence(file)}")
    print_line(NEW_MESSAGE_NOTE)


def _read(path: Path) -> str:
    with open_input(path) as source:
        try:
            return _without_last_newline(source.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise OperatorError(f"{path} is not UTF-8. Save it as UTF-8.") from None
        except OSError as error:
            raise OperatorError(f"{path} cannot be read: {error.strerror}.") from None


@contextmanager
def _keeping_edited() -> Iterator[NewFile]:
    """Create the file that keeps what a person edited; if it is needed at the end, print how to use it."""
    with create_file(None, "edited", "--body") as edited:
        try:
            yield edited
        finally:
            if edited.is_needed:
                print_note(f"What you edited is in {edited.path}. To use it: --body {edited.path}")


def _edit(body: str, edited: NewFile) -> str:
    """Return what a person makes of the body in an editor, and keep it in `edited`."""
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    # A folder, because editors put copies beside the file. It can be entered by its owner only.
    with TemporaryDirectory(prefix="dead-letter-") as folder:
        path = Path(folder, "event.json")
        path.write_bytes(body.encode() + b"\n")
        try:
            status = subprocess.run([*command, str(path)], check=False).returncode
        except OSError as error:
            raise OperatorError(f"The editor {command[0]} cannot be run: {error.strerror}. Set EDITOR.") from None
        content = path.read_bytes()
        if content != body.encode() + b"\n":
            dialogue.write_lines(edited, [content])
        if status != 0:
            raise OperatorError(f"The editor {command[0]} ended with {status}, so nothing was changed.")
        return _read(path)


def _without_last_newline(text: str) -> str:
    """Return the text without the end of line that editors add."""
    return text.removesuffix("\n").removesuffix("\r")


def _check(letter: DeadLetter, bytes_max: int) -> None:
    """Raise OperatorError unless the stack can store the event, and the queue accepts it."""
    if letter.violation:
        raise OperatorError(f"The new body violates the contract, so nothing was sent: {letter.violation}")
    if (size := entry_bytes(letter.as_sent())) > bytes_max:
        raise OperatorError(f"The message would have {size} bytes; the queue accepts {bytes_max}. Nothing was sent.")


def _keep(held: HeldLetters, letter: DeadLetter, seconds: int) -> None:
    if not held.keep([letter], seconds):
        raise OperatorError(
            "Another process took the message meanwhile, so nothing was changed. Run the command again."
        )


def _send(redrive: Redrive, letter: DeadLetter) -> None:
    redrive.run([letter], lambda count: None)
    if code := redrive.rejected.get(letter.message_id):
        raise OperatorError(f"The queue did not accept the message ({code}), so its dead letter was not deleted.")
    if redrive.in_both_queues:
        raise OperatorError(
            "The corrected message was sent, but its dead letter could not be deleted. Discard it: "
            f"python -m ops dead-letters discard --message-id {letter.message_id}"
        )
