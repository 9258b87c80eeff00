"""`python -m ops logs`, and log lines as the commands print them."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from components.durations import SECONDS_PER_DAY
from handlers.logins import parse_instant
from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.output import print_note
from ops.errors import OperatorError
from ops.logs import Line, containing, read_errors, read_lines
from ops.stack import load_outputs

SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": SECONDS_PER_DAY}
# Fields that the printed line contains anyway, and fields that are the same in every line.
OMITTED_FIELDS = {
    "timestamp", "level", "message", "service", "stack", "version", "location", "cold_start", "function_name",
    "function_memory_size", "function_arn", "function_request_id", "time", "type", "record",
}  # fmt: skip


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


def to_json(line: Line) -> dict[str, Any]:
    """Return the line for programs."""
    return {"timestamp": line.timestamp.isoformat(), "log_group": line.group, "message": line.fields or line.text}


def to_text(line: Line) -> str:
    """Return the line for people: time, source, level, message, and the fields that differ between lines."""
    fields = line.fields
    message, level, shown = line.text, "", {}
    if fields:
        message = fields.get("message") or fields.get("errorMessage") or fields.get("type") or ""
        level = fields.get("level", "")
        shown = {name: value for name, value in fields.items() if name not in OMITTED_FIELDS}
        if str(fields.get("type", "")).startswith("platform."):
            record = fields.get("record", {})
            shown = {"requestId": record.get("requestId"), "status": record.get("status")}
            shown |= record.get("metrics", {})
    values = (f"{name}={_format(value)}" for name, value in shown.items() if value not in (None, "", "-"))
    time = line.timestamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{line.timestamp.microsecond // 1000:03d}Z"
    source = line.group.rpartition("/")[2]
    text = " ".join(part for part in (time, f"{source:<13}", f"{level:<7}", str(message), *values) if part)
    # A terminal obeys control characters, and clients choose some of the logged text.
    return "".join(character if character.isprintable() else " " for character in text).rstrip()


def _format(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, ensure_ascii=False)


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
