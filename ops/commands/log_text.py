"""Log lines as the commands print them: aligned for people, complete for programs."""

import json
from typing import Any

from ops.commands.output import paint
from ops.logs import API_ACCESS, TRACEBACK, Line

COLORS = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow"}
INDENT = "    "
# So wide that most sources, levels and messages leave the fields aligned.
SOURCE_WIDTH, LEVEL_WIDTH, MESSAGE_WIDTH = 13, 8, 15
# Fields that the printed line contains anyway, fields that are the same in every line, and rows below the line.
OMITTED_FIELDS = {
    "timestamp", "level", "log_level", "message", "service", "stack", "version", "location", "cold_start",
    "function_name", "function_memory_size", "function_arn", "function_request_id", "time", "type", "record",
    "errorType", "errorMessage", "stackTrace", "where",
}  # fmt: skip
IN_MESSAGE_OF_API = {"method", "resource_path", "status"}


def to_json(line: Line) -> dict[str, Any]:
    """Return the line for programs."""
    return {"timestamp": line.timestamp.isoformat(), "log_group": line.group, "message": line.fields or line.text}


def to_text(line: Line) -> str:
    """Return the line for people: time, source, level, message, and the fields that differ between lines."""
    level = str(line.fields.get("level") or line.fields.get("log_level") or ("ERROR" if line.is_error else ""))
    shown = _shown(line)
    values = [f"{name}={_format(value)}" for name, value in shown.items() if value not in (None, "", "-")]
    time = line.timestamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{line.timestamp.microsecond // 1000:03d}Z"
    message = printable(_message(line))
    parts = [f"{message:<{MESSAGE_WIDTH}}" if values else message, *map(printable, values)]
    aligned = paint(f"{printable(level):<{LEVEL_WIDTH}}", COLORS.get(level, ""))
    return f"{time} {printable(line.source):<{SOURCE_WIDTH}} {aligned} {' '.join(parts)}".rstrip()


def to_rows(line: Line) -> list[str]:
    """Return the line for people, with the frames of its traceback in rows below."""
    fields = line.fields
    frames = fields.get("stackTrace") or fields.get("where") or []
    if not fields and line.text.startswith(TRACEBACK):
        frames = line.text.splitlines()[1:-1]
    rows = [row for frame in frames for row in str(frame).splitlines()] if isinstance(frames, list) else []
    return [to_text(line), *(f"{INDENT}{printable(row)}".rstrip() for row in rows)]


def printable(text: str) -> str:
    """Return the text without what a terminal would obey: clients choose some of the logged text."""
    return "".join(character if character.isprintable() else " " for character in text)


def _message(line: Line) -> str:
    fields = line.fields
    if not fields:
        return line.text.splitlines()[-1] if line.text.startswith(TRACEBACK) else line.text
    if fields.get("errorType"):
        return f"{fields['errorType']}: {fields.get('errorMessage', '')}"
    if line.source == API_ACCESS and "status" in fields:
        return " ".join(str(fields.get(name, "-")) for name in ("method", "resource_path", "status"))
    return str(fields.get("message") or fields.get("type") or "")


def _shown(line: Line) -> dict[str, Any]:
    if line.fields and line.is_platform:
        record = line.record
        names = ("requestId", "status", "errorType")
        return {name: record.get(name) for name in names} | dict(record.get("metrics") or {})
    omitted = OMITTED_FIELDS | (IN_MESSAGE_OF_API if line.source == API_ACCESS else set())
    return {name: value for name, value in line.fields.items() if name not in omitted}


def _format(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, ensure_ascii=False)
