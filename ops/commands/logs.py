"""`python -m ops logs`."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.commands.options import OutputsOption, StackOption
from ops.errors import OperatorError, ends_in_one_sentence
from ops.logs import only_containing, parse_since, read_errors, read_lines
from ops.output import tell
from ops.stack import load_outputs


@ends_in_one_sentence
def logs(
    message_id: Annotated[
        str | None, typer.Option(help="Lines about one event, by the id that SQS gave its message.")
    ] = None,
    trace: Annotated[str | None, typer.Option(help="Lines of one trace, by its id: 1-xxxxxxxx-...")] = None,
    errors: Annotated[
        bool, typer.Option("--errors", help="Lines that tell of a failure: ERROR, crashes, time-outs, 5XX.")
    ] = False,
    since: Annotated[str, typer.Option(help="From when on: an age (90s, 15m, 1h, 2d) or an RFC 3339 time.")] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Read the functions' logs and the API's access log as one stream, oldest line first.

    Lines that only carry metrics are left out. An event that was stored the first time leaves no line of its own.

    Examples:

    - python -m ops logs --errors --since 1d
    - python -m ops logs --message-id 3e2d7c58-1b5a-4f0e-9f57-1f0d2b9c6a11
    - python -m ops logs --trace 1-5759e988-bd862e3fe1be46a994272793 --json
    """
    if sum((message_id is not None, trace is not None, errors)) > 1:
        raise OperatorError("--message-id, --trace and --errors each choose lines: give one.")
    start = parse_since(since, datetime.now(UTC))
    pattern = ""
    if message_id is not None:
        pattern = only_containing(message_id, "--message-id")
    if trace is not None:
        pattern = only_containing(trace, "--trace")
    deployed = load_outputs(stack, outputs)
    found = read_errors(deployed, start) if errors else read_lines(deployed, since=start, pattern=pattern)
    if not found:
        tell(f"There is no such line since {since}; a line takes some seconds to arrive.")
    for line in found:
        print(json.dumps(line.as_json(), ensure_ascii=False) if as_json else line.as_text())
