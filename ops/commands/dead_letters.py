"""`python -m ops dead-letters list | show | export`, and the group of all commands about dead letters."""

import json
import shlex
from collections import defaultdict
from typing import Annotated

import typer

from ops.commands import dead_letter_dialogue as dialogue
from ops.commands.application import Application
from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.dead_letter_dialogue import AllOption, CopyOption, LimitOption, MessageOption, ReasonOption
from ops.commands.output import format_time, print_line, print_note, print_pages, print_table
from ops.dead_letter_copies import describe, event_line
from ops.dead_letter_queue import Queues
from ops.dead_letters import GAVE_UP, DeadLetter
from ops.errors import count_of, pluralize
from ops.files import create_file
from ops.stack import load_outputs

app = Application(
    places={
        "list": f"{__name__}:list_",
        "show": f"{__name__}:show",
        "export": f"{__name__}:export",
        "edit": "ops.commands.dead_letter_edit:edit",
        "redrive": "ops.commands.dead_letter_changes:redrive",
        "discard": "ops.commands.dead_letter_changes:discard",
    },
    help="Inspect dead letters, export, edit or redrive them, or discard them.\n\n"
    "Nothing is moved or deleted before you confirm it. Every look counts as a receive: after three receives, a "
    "message no longer counts in the age of the queue, on which the alarm dlq-expiring depends.",
)


@handle_errors
def list_(
    limit: LimitOption = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Count dead letters by reason. For those that were given up, the log has the last failures.

    Example: python -m ops dead-letters list
    """
    deployed = load_outputs(stack, outputs)
    queues = Queues.of(deployed)
    groups: dict[str, list[DeadLetter]] = defaultdict(list)
    with dialogue.hold(queues, limit) as held:
        for letter in held.letters:
            groups[letter.reason].append(letter)
    meanings = {reason: letters[0].attribute_text("error_detail") for reason, letters in groups.items()}
    if GAVE_UP in groups:
        failures = dialogue.read_failures(deployed, groups[GAVE_UP])
        meanings[GAVE_UP] = dialogue.explain_given_up(groups[GAVE_UP], failures, queues.max_receive_count())
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
    """Show dead letters one by one, and why they were given up. Personal data is printed only with --body.

    On a terminal, what does not fit on it is shown page by page, by the program that PAGER names or by less.

    Example: python -m ops dead-letters show --reason timestamp_malformed --body
    """
    choice = dialogue.parse_choice(reason, message_id, everything)
    deployed = load_outputs(stack, outputs)
    queues = Queues.of(deployed)
    with dialogue.hold(queues, limit, choice) as held:
        selected = dialogue.select(choice, held.letters)
    failures = dialogue.read_failures(deployed, selected)
    described = [describe(letter, with_body=body) | dialogue.describe_failure(letter, failures) for letter in selected]
    if as_json:
        for shown in described:
            print(json.dumps(shown, ensure_ascii=False))
    else:
        print_pages([line for shown in described for line in (*dialogue.format_lines(shown), "")])
    print_note(dialogue.RECEIVED_NOTE)


@handle_errors
def export(
    reason: ReasonOption = None,
    message_id: MessageOption = None,
    everything: AllOption = False,
    copy: CopyOption = None,
    limit: LimitOption = 10_000,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Write the events of dead letters to a file that only you can read, one per line, for `send --file`.

    The messages stay in the queue. Correct the file, send it, then discard them. A message that no line can hold, or
    that has attributes of its producer, is written as `discard` copies it; `send` sends that as its producer did.

    Example: python -m ops dead-letters export --reason timestamp_malformed --copy events.jsonl
    """
    choice = dialogue.parse_choice(reason, message_id, everything)
    queues = Queues.of(load_outputs(stack, outputs))
    with create_file(copy, "dead-letters", "--copy") as file:
        with dialogue.hold(queues, limit, choice) as held:
            selected = dialogue.select(choice, held.letters)
        dialogue.write_lines(file, map(event_line, selected))
    print_line(f"Exported {pluralize(len(selected), 'event')} to {file.path}, which contains personal data.")
    if invalid := sum(letter.violation is not None for letter in selected):
        verb = "violates" if invalid == 1 else "violate"
        print_line(f"{count_of(invalid, len(selected), 'event')} {verb} the contract: correct the file, then send it.")
    print_line(f"To send: python -m ops send --file {shlex.quote(str(file.path))}")
    print_note(dialogue.RECEIVED_NOTE)
