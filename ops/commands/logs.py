"""`python -m ops logs`."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.commands.errors import handle_errors
from ops.commands.log_lines import parse_id, parse_since, to_json, to_text
from ops.commands.options import OutputsOption, StackOption
from ops.commands.output import print_note
from ops.errors import OperatorError
from ops.logs import containing, read_errors, read_lines
from ops.stack import load_outputs


@handle_errors
def logs(
    message_id: Annotated[str | None, typer.Option(help="Lines about one event, by the ID of its SQS message.")] = None,
    trace: Annotated[str | None, typer.Option(help="Lines of one trace, by its ID: 1-xxxxxxxx-...")] = None,
    errors: Annotated[
        bool, typer.Option("--errors", help="Lines that report a failure: ERROR, crashes, timeouts, 5XX.")
    ] = False,
    since: Annotated[str, typer.Option(help="The oldest line: an age (90s, 15m, 1h, 2d) or an RFC 3339 time.")] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Read the functions' logs and the API's access log as one stream, oldest line first.

    Lines that only carry metrics are omitted. An event that is stored at the first attempt logs no line of its own.

    Examples:

    - python -m ops logs --errors --since 1d
    - python -m ops logs --message-id 3e2d7c58-1b5a-4f0e-9f57-1f0d2b9c6a11
    - python -m ops logs --trace 1-5759e988-bd862e3fe1be46a994272793 --json
    """
    if sum((message_id is not None, trace is not None, errors)) > 1:
        raise OperatorError("--message-id, --trace and --errors each select lines. Use one of them.")
    start = parse_since(since, datetime.now(UTC))
    pattern = ""
    if message_id is not None:
        pattern = containing(parse_id(message_id, "--message-id"))
    if trace is not None:
        pattern = containing(parse_id(trace, "--trace"))
    deployed = load_outputs(stack, outputs)
    lines = read_errors(deployed, start) if errors else read_lines(deployed, since=start, pattern=pattern)
    if not lines:
        print_note(f"No matching line since {since}. A new line takes some seconds to arrive.")
    for line in lines:
        print(json.dumps(to_json(line), ensure_ascii=False) if as_json else to_text(line))
