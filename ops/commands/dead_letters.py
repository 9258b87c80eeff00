"""`python -m ops dead-letters list | show | redrive | discard`."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from ops.batches import batches
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
from ops.commands.dead_letter_output import RECEIVED_NOTE, confirm, describe, format_lines, print_plan, write_copy
from ops.commands.errors import handle_errors
from ops.commands.options import OutputsOption, StackOption
from ops.commands.output import format_time, print_note, print_table
from ops.commands.redrive import redrive
from ops.dead_letter_queue import Queues
from ops.dead_letters import GAVE_UP, DeadLetter
from ops.errors import OperatorError
from ops.files import kept_file
from ops.plurals import pluralize
from ops.stack import load_outputs

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
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
    with hold(queues, limit) as held:
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
    print_table(header, [[str(value) for value in row.values()] for row in rows])
    print_note(RECEIVED_NOTE)


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
    selection = parse_selection(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with hold(queues, limit, selection) as held:
        selected = select(selection, held.letters)
    for letter in selected:
        shown = describe(letter, body)
        print(json.dumps(shown, ensure_ascii=False) if as_json else "\n".join(format_lines(shown)) + "\n")
    print_note(RECEIVED_NOTE)


app.command()(redrive)


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
    is given.

    Example: python -m ops dead-letters discard --reason body_not_json
    """
    if copy and no_copy:
        raise OperatorError("--copy and --no-copy contradict each other. Use one of them.")
    selection = parse_selection(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with hold(queues, limit, selection) as held:
        selected = select(selection, held.letters)
        print_plan("would be deleted", selected)
        if not confirm(yes, f"Delete {pluralize(len(selected), 'message')}?"):
            return
        still_held = held.keep(selected, 60)
        path = None if no_copy else copy or kept_file("dead-letters")
        if path:
            write_copy(path, still_held)
        deleted = [letter for batch in batches(still_held) for letter in held.delete(batch)]
    print(
        f"Deleted {pluralize(len(deleted), 'message')}."
        + (f" A copy, which contains personal data, is in {path}." if path else "")
    )
    if len(deleted) < len(selected):
        left = pluralize(len(selected) - len(deleted), "message")
        raise OperatorError(f"{left} could not be deleted and may still be in the queue. Run the command again.")
