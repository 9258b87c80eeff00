"""`python -m ops erase`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from handlers.vocabulary import PROBE_USER
from ops.commands import dead_letter_dialogue as dialogue
from ops.commands.command import DryRunOption, OutputsOption, StackOption, handle_errors
from ops.commands.dead_letter_dialogue import YesOption
from ops.commands.output import format_time, print_line, print_note, print_table
from ops.erasure import Erased, Erasure, UserLetters
from ops.errors import OperatorError, pluralize
from ops.queue_wait import SETTLE_SECONDS
from ops.remains import list_remains
from ops.stack import StackOutputs, load_outputs

REPEAT = "Run the command again: it repeats every step, and nothing is deleted twice."


@handle_errors
def erase(
    user_id: Annotated[str, typer.Argument(help="The user to erase.")],
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Delete a user's record and dead letters, after every event that was sent before has been handled.

    Stop the user's logins at the identity provider first: a login that is sent later is a new record. The source queue
    is not received from, because a receive brings an event closer to the dead-letter queue. So the command waits until
    the queue has handled what it holds: at least a minute, and about twenty minutes if the queue is never empty. Do not
    redrive dead letters meanwhile.

    It then prints what backups, logs and copies still hold, and until when. The user ID is not printed. After an
    interruption, a second run finishes.

    Example: python -m ops erase alice --dry-run
    """
    deployed = load_outputs(stack, outputs)
    if user_id == PROBE_USER and deployed.probe_function:
        raise OperatorError(
            "This is the user of the probe, and no person: its record is back within a minute. To remove it for good, "
            "set probe to false, deploy, and run the command again."
        )
    erasure = Erasure(deployed, user_id, print_note)
    with erasure.hold_letters() as (held, letters):
        _print_plan(erasure, letters)
        if not dialogue.confirm("Erase this user? This cannot be undone.", yes=yes, dry_run=dry_run):
            _print_remains(deployed, user_id)
            return
        try:
            erasure.run(held, letters, _Progress())
        except BaseException:
            print_note(f"{_describe(erasure.erased)} The user is not erased yet. {REPEAT}")
            raise
    print_line(_describe(erasure.erased))
    _print_remains(deployed, user_id)
    print_note(dialogue.RECEIVED_NOTE)
    _report(erasure.erased)


class _Progress:
    """Prints how many events the wait is for, once a minute and when it begins."""

    def __init__(self) -> None:
        self._looked_at: datetime | None = None

    def __call__(self, count: int) -> None:
        now = datetime.now(UTC)
        if self._looked_at is None:
            print_note(f"Waiting until the source queue has handled what was sent before, at least {SETTLE_SECONDS} s.")
        if self._looked_at is None or (now - self._looked_at).total_seconds() >= 60:
            print_note(f"  {format_time(now)}: about {pluralize(count, 'event')} in the queue")
            self._looked_at = now


def _print_plan(erasure: Erasure, letters: UserLetters) -> None:
    record = erasure.read_record()
    if record is None:
        print_line("The table has no record of this user.")
    else:
        partial = ", and a part that cannot be read" if record.is_partial else ""
        print_line(f"The table has a record with {pluralize(len(record.record.services), 'service')}{partial}.")
    print_line(f"The dead-letter queue has {pluralize(len(letters.own), 'event')} of this user.")
    events = pluralize(erasure.count_events(), "event")
    print_line(f"The source queue has about {events} of all users, which are handled before the record is deleted.")
    if letters.out_of_reach:
        print_line(f"Another process holds about {pluralize(letters.out_of_reach, 'dead letter')}.")
    _print_mentioning([letter.message_id for letter in letters.mentioning])


def _print_mentioning(message_ids: list[str]) -> None:
    if message_ids:
        verb = "contains" if len(message_ids) == 1 else "contain"
        print_line(
            f"{pluralize(len(message_ids), 'dead letter')} {verb} the user ID and cannot be read as this user's event. "
            "Look with `dead-letters show --body --message-id ID`, and discard what is about this user:"
        )
    for message_id in message_ids:
        print_line(f"  {message_id}")


def _describe(erased: Erased) -> str:
    services = pluralize(erased.services, "service")
    record = f"Deleted the record ({services})" if erased.records else "Deleted no record"
    again = f", {erased.records} times because events brought it back," if erased.records > 1 else ""
    return f"{record}{again} and {pluralize(erased.letters, 'dead letter')}."


def _report(erased: Erased) -> None:
    """Print that the user is erased; raises OperatorError when dead letters can still have data of the user."""
    _print_mentioning(erased.mentioning)
    if erased.out_of_reach:
        held = pluralize(erased.out_of_reach, "dead letter")
        raise OperatorError(f"Another process holds about {held}, which can be this user's. Run the command again.")
    if erased.mentioning:
        raise OperatorError("Decide about the dead letters above: they can contain data of this user.")
    sent_before = format_time(erased.sent_before) if erased.sent_before else "the wait"
    print_line(f"Erased: neither queue has an event of this user that was sent before {sent_before}.")


def _print_remains(deployed: StackOutputs, user_id: str) -> None:
    remains = list_remains(deployed, user_id, datetime.now(UTC))
    print_line("What is left elsewhere:")
    print_table(["place", "holds", "until"], [[remain.place, remain.holds, remain.until] for remain in remains])
