"""`python -m ops logs`."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from components.durations import SECONDS_PER_DAY
from handlers.logins import parse_instant
from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.log_text import to_json, to_rows
from ops.commands.output import print_note
from ops.errors import OperatorError
from ops.logs import Line, containing, read_errors, read_lines, unseen
from ops.signals import Stopped
from ops.stack import StackOutputs, load_outputs

SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": SECONDS_PER_DAY}
FOLLOW_SECONDS = 2


@handle_errors
def logs(
    message_id: Annotated[str | None, typer.Option(help="Lines about one event, by the ID of its SQS message.")] = None,
    trace: Annotated[str | None, typer.Option(help="Lines of one trace, by its ID: 1-xxxxxxxx-...")] = None,
    errors: Annotated[
        bool,
        typer.Option("--errors", help="Lines that report a failure: ERROR, failed events, crashes, timeouts, 5XX."),
    ] = False,
    platform: Annotated[
        bool,
        typer.Option("--platform", help="Also Lambda's own lines about each invocation, where `platformLogs` is all."),
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Print new lines as they arrive, until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(help="The oldest line: an age (90s, 15m, 1h, 2d) or an RFC 3339 time.")] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Read the functions' logs and the API's access log as one stream, oldest line first.

    Lines that only carry metrics are omitted, and so are Lambda's own lines unless they report a failure. An event that
    is stored at the first attempt logs no line of its own. The frames of a traceback are indented below its line.

    --errors shows what failed, whoever reports it: events that failed and will be retried, events given up, queries
    answered with 500 or in part, crashes (also at the start), timeouts, tracebacks, and 5XX responses. Events that
    violate the contract are no failure of the stack.

    Examples:

    - python -m ops logs --errors --since 1d
    - python -m ops logs --errors --follow
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
    read = partial(_read, deployed, errors=errors, pattern=pattern, platform=platform)
    lines = read(start)
    if not lines and not follow:
        print_note(f"No matching line since {since}. A new line takes some seconds to arrive.")
    _print(lines, as_json=as_json)
    if follow:
        _follow(lambda since: read(max(start, since)), lines, as_json=as_json)


def _read(outputs: StackOutputs, since: datetime, *, errors: bool, pattern: str, platform: bool) -> list[Line]:
    if errors:
        return read_errors(outputs, since)
    wanted = (lambda _: True) if platform else lambda line: line.is_error or not line.is_platform
    return read_lines(outputs, since=since, pattern=pattern, wanted=wanted)


def _follow(read: Callable[[datetime], list[Line]], lines: list[Line], *, as_json: bool) -> None:
    """Print what arrives after `lines` until Ctrl-C."""
    try:
        for new in unseen(read, lines, lambda: time.sleep(FOLLOW_SECONDS), lambda: datetime.now(UTC)):
            _print(new, as_json=as_json)
    except Stopped as stopped:
        if stopped.number != signal.SIGINT:
            raise


def _print(lines: Iterable[Line], *, as_json: bool) -> None:
    for line in lines:
        rows = [json.dumps(to_json(line), ensure_ascii=False)] if as_json else to_rows(line)
        print("\n".join(rows), flush=True)


def parse_since(text: str, now: datetime) -> datetime:
    """Return the time that `--since` names: an age such as 15m, or an RFC 3339 time; or raise OperatorError."""
    age = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if age:
        seconds = int(age[1]) * SECONDS_PER_UNIT[age[2]]
        # CloudWatch accepts no time before the epoch.
        return datetime.fromtimestamp(max(0.0, now.timestamp() - seconds), UTC)
    try:
        return max(parse_instant(text), datetime.fromtimestamp(0, UTC))
    except ValueError:
        raise OperatorError(
            f"--since {text!r} is neither an age such as 15m, 1h or 2d nor an RFC 3339 time with an offset such as "
            "2026-01-31T09:00:00Z."
        ) from None


def parse_id(text: str, option: str) -> str:
    """Return the ID given with `option`; raises OperatorError unless it is 8 to 200 characters that IDs consist of."""
    if not re.fullmatch(r"[A-Za-z0-9=;:_-]{8,200}", text):
        raise OperatorError(f"{option} {text!r} is not an ID. IDs have 8 to 200 letters, digits and hyphens.")
    return text
