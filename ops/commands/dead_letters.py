"""`dead-letters list | show | redrive | discard`: what happens to events that were given up is a person's decision."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.batches import batches
from ops.commands.dead_letter_choice import Queues, Selection
from ops.commands.dead_letter_output import LOOKED, confirmed, describe, keep_copy, lines_of, print_plan, print_rules
from ops.commands.options import OutputsOption, StackOption
from ops.dead_letters import GAVE_UP, Held, Letter
from ops.errors import OperatorError, ends_in_one_sentence
from ops.output import counted, instant, kept_file, print_table, progress_bar, tell
from ops.redrive import Moved, MoveTask, Pace, follow_move_task, send_back, start_move_task
from ops.stack import load_outputs

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look at dead letters, send them back, or discard them.\n\n"
    "Nothing is moved or deleted before it was shown and confirmed. Every look counts as a receive: after three, a "
    "message no longer counts for the age of the queue, on which the alarm dlq-expiring depends.",
)

ReasonOption = Annotated[
    list[str] | None,
    typer.Option("--reason", help=f"An error_code as `list` shows it, or {GAVE_UP}; may be given several times."),
]
MessageOption = Annotated[
    list[str] | None,
    typer.Option("--message-id", help="Its id in either queue; may be given several times."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Every dead letter.")]
LimitOption = Annotated[int, typer.Option(min=1, max=100_000, help="Look at so many at most.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
RateOption = Annotated[int, typer.Option(min=1, max=500, help="Messages a second, at most.")]

REBORN = (
    "A redriven message has a new id and a new age: log lines of its next journey, and the time until it expires, are "
    "a new message's."
)


@app.command("list")
@ends_in_one_sentence
def list_(
    limit: LimitOption = 10_000,
    as_json: JsonOption = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Count dead letters by the reason why they are there.

    Example: python -m ops dead-letters list
    """
    queues = Queues.of(load_outputs(stack, outputs))
    with queues.held(limit) as held:
        groups: dict[str, list[Letter]] = defaultdict(list)
        for letter in held.letters:
            groups[letter.reason].append(letter)
    meaning = {GAVE_UP: queues.gave_up_after()} if GAVE_UP in groups else {}
    found = [
        {
            "reason": reason,
            "count": len(letters),
            "valid": sum(letter.broken_rule is None for letter in letters),
            "oldest": instant(min(letter.sent_at for letter in letters)),
            "meaning": meaning.get(reason) or letters[0].text("error_detail"),
        }
        for reason, letters in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    if as_json:
        print(json.dumps({"looked_at": sum(map(len, groups.values())), "reasons": found}, indent=2))
        return
    if not found:
        print("No dead letter.")
        return
    rows = [[str(value) for value in row.values()] for row in found]
    print_table(["reason", "count", "valid now", "oldest", "meaning, of one of them"], rows)
    tell(LOOKED)


@app.command()
@ends_in_one_sentence
def show(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    body: Annotated[bool, typer.Option("--body", help="Bodies and attributes too: personal data.")] = False,
    limit: LimitOption = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Show dead letters one by one; what users did only with --body.

    Example: python -m ops dead-letters show --reason timestamp_malformed --body
    """
    selection = Selection.of(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with queues.held(limit, selection.is_satisfied) as held:
        seen = held.letters
    chosen = selection.chosen(seen)
    if not chosen:
        raise OperatorError(selection.missing(seen))
    for letter in chosen:
        shown = describe(letter, body)
        if as_json:
            print(json.dumps(shown, ensure_ascii=False))
        else:
            print("\n".join(lines_of(shown)) + "\n")
    tell(LOOKED)


@app.command()
@ends_in_one_sentence
def redrive(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    rate: RateOption = 100,
    force: Annotated[bool, typer.Option("--force", help="Those that break the contract too.")] = False,
    yes: YesOption = False,
    limit: LimitOption = 10_000,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Send dead letters back to the source queue, as their producers sent them.

    Says what would go, then asks; where nobody can be asked (no terminal) it goes no further without --yes. Each
    message is sent before it is deleted, so that none is lost whenever this is stopped; one may go twice, which changes
    nothing. With --all, SQS moves the whole queue by itself where it can.

    Examples:

    python -m ops dead-letters redrive --reason gave-up

    python -m ops dead-letters redrive --all --rate 20 --yes
    """
    selection = Selection.of(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    # Nothing needs to be looked at when everything goes, whatever it is.
    if everything and force and yes and (about := queues.about()):
        task = start_move_task(queues.sqs, queues.dead_letters, queues.source, rate)
        if task:
            finish_move_task(queues.sqs, task, about)
            return
    with queues.held(limit, selection.is_satisfied) as held:
        chosen = selection.chosen(held.letters)
        if not chosen:
            raise OperatorError(selection.missing(held.letters))
        going = [letter for letter in chosen if force or letter.broken_rule is None]
        if going:
            print_plan("would go back", going)
        if len(going) < len(chosen):
            broken = [letter for letter in chosen if letter.broken_rule]
            stay = "breaks the contract and stays" if len(broken) == 1 else "break the contract and stay"
            print(f"{len(broken)} {stay}, for what does would come back; --force sends that too:")
            print_rules(broken)
        if not going:
            raise OperatorError("Nothing that was chosen may go back: discard it, or send it with --force.")
        if not confirmed(yes, f"Send {counted(len(going), 'message')} back?"):
            return
        # SQS moves a message as it is: what the event handler wrote on it stays, and that is taken off here.
        moves_all = everything and held.is_complete and len(going) == len(held.letters)
        if moves_all and (force or not any(letter.is_stamped for letter in going)):
            task = start_move_task(queues.sqs, queues.dead_letters, queues.source, rate)
            if task:
                held.release()
                finish_move_task(queues.sqs, task, len(going))
                return
            tell("This cloud cannot move a queue's messages by itself: receiving, sending and deleting instead.")
        still = held.keep(going, 2 * len(going) / rate)
        moved = bring_back(queues, held, still, rate)
    report(moved, len(going) - len(still))


@app.command()
@ends_in_one_sentence
def discard(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    copy: Annotated[
        Path | None, typer.Option(help="Where to keep a copy; by default a new file in .localcloud/kept.")
    ] = None,
    no_copy: Annotated[bool, typer.Option("--no-copy", help="Keep no copy: gone is gone.")] = False,
    yes: YesOption = False,
    limit: LimitOption = 10_000,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Delete dead letters, after a copy of them was written to a file that only you can read.

    Says what would go, then asks; where nobody can be asked (no terminal) it goes no further without --yes.

    Example: python -m ops dead-letters discard --reason body_not_json
    """
    if copy and no_copy:
        raise OperatorError("--copy and --no-copy contradict each other: give one.")
    selection = Selection.of(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with queues.held(limit, selection.is_satisfied) as held:
        chosen = selection.chosen(held.letters)
        if not chosen:
            raise OperatorError(selection.missing(held.letters))
        print_plan("would be deleted", chosen)
        if not confirmed(yes, f"Delete {counted(len(chosen), 'message')}?"):
            return
        still = held.keep(chosen, 60)
        path = None if no_copy else copy or kept_file("dead-letters")
        if path:
            keep_copy(path, still)
        gone = [letter for batch in batches(still) for letter in held.delete(batch)]
    print(
        f"Deleted {counted(len(gone), 'message')}."
        + (f" A copy, personal data included, is in {path}." if path else "")
    )
    if len(gone) < len(chosen):
        raise OperatorError(f"{len(chosen) - len(gone)} could not be deleted, and are still there: run the same again.")


def bring_back(queues: Queues, held: Held, letters: list[Letter], rate: int) -> Moved:
    """Send the letters back one batch after the other; whatever interrupts that, say how far it came."""
    moved = Moved()
    try:
        with progress_bar("Redriving", len(letters)) as advance:
            send_back(queues.sqs, held, letters, queues.source, Pace(rate), moved, advance)
    except BaseException:
        tell(f"{moved.count} of {counted(len(letters), 'message')} went back until then; the others are still there.")
        raise
    return moved


def finish_move_task(sqs: Any, task: MoveTask, about: int) -> None:
    """Follow the task until it ends; interrupted, it goes on in AWS."""
    tell("SQS moves everything by itself now, and goes on if you leave.")
    with progress_bar("Moved", about) as advance:
        count = follow_move_task(sqs, task, advance)
    print(f"SQS moved about {counted(count, 'message')}. {REBORN}")


def report(moved: Moved, lost_hold: int) -> None:
    """Say what became of all; raises OperatorError when something is left to do."""
    print(f"Redrove {counted(moved.count, 'message')}. {REBORN}")
    left = []
    if moved.refused:
        codes = ", ".join(sorted(set(moved.refused.values())))
        left.append(f"{len(moved.refused)} were not accepted ({codes}) and are still there")
    if moved.in_both:
        left.append(f"{len(moved.in_both)} were sent but could not be deleted, so that they may go twice")
    if lost_hold:
        left.append(f"{lost_hold} were taken by somebody else while you decided")
    if left:
        raise OperatorError("; ".join(left) + ": run the same again.")
