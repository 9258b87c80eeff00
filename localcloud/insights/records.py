"""A log line as a query sees it: the fields that every line has, and those that are found in its JSON."""

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from localcloud.insights.values import Timestamp, Value, member, text_of


@dataclass(frozen=True, kw_only=True)
class LogRecord:
    """A line of a log group."""

    at: int
    """Milliseconds since 1970."""
    message: str
    stream: str
    group: str
    account: str
    ingested: int

    @cached_property
    def pointer(self) -> str:
        """Names the line, as @ptr: with its group and its time, and a sum of the rest."""
        rest = zlib.crc32(f"{self.stream}\n{self.message}".encode())
        return base64.urlsafe_b64encode(f"{self.at} {rest} {self.group}".encode()).decode()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON object that the line is; an empty one if it is none."""
        if self.message.lstrip()[:1] != "{":
            return {}
        try:
            found = json.loads(self.message)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def pointed_at(pointer: str) -> tuple[str, int] | None:
    """The group and the time of the line that a pointer names; None if it is none."""
    try:
        at, _, group = base64.urlsafe_b64decode(pointer).decode().split(" ", 2)
        return group, int(at)
    except ValueError:
        return None


_SYSTEM: dict[str, Callable[[LogRecord], Value]] = {
    "@timestamp": lambda record: Timestamp(record.at),
    "@ingestionTime": lambda record: Timestamp(record.ingested),
    "@message": lambda record: record.message,
    "@logStream": lambda record: record.stream,
    "@log": lambda record: f"{record.account}:{record.group}",
    "@ptr": lambda record: record.pointer,
}


@dataclass(eq=False)
class Row:
    """What the commands of a query have made of a line, or of a group of lines."""

    record: LogRecord | None
    made: dict[str, Value] = field(default_factory=dict)
    """Fields that commands made; of a group, all that there are."""
    aggregates: tuple[Value, ...] = ()

    def value(self, name: str, parts: tuple[str, ...]) -> Value:
        """The value of a field; None if the line has none of that name."""
        if name in self.made:
            return self.made[name]
        if len(parts) > 1 and parts[0] in self.made:
            return member(self.made[parts[0]], parts[1:])
        if self.record is None:
            return None
        if name in _SYSTEM:
            return _SYSTEM[name](self.record)
        document = self.record.document
        # A field of the line whose name begins with @ gets another @, because those with one are of Logs Insights.
        if name.startswith("@"):
            return _leaf(member(document, _own_path(parts))) if name.startswith("@@") else None
        return _leaf(document[name] if name in document else member(document, parts))


def _own_path(parts: Sequence[str]) -> tuple[str, ...]:
    """The path of a field of the line whose first name begins with @, without the @ that was added."""
    return (parts[0][1:], *parts[1:])


def _leaf(found: Value) -> Value:
    return None if isinstance(found, dict | list) else found


def all_fields(record: LogRecord) -> dict[str, str]:
    """Every field of a line, those of its JSON by their paths."""
    found = {name: text_of(read(record)) for name, read in _SYSTEM.items()}

    def add(path: str, value: Value) -> None:
        if isinstance(value, dict | list):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            for name, inner in pairs:
                add(f"{path}.{name}" if path else f"@{name}" if str(name).startswith("@") else str(name), inner)
        elif value is not None:
            found[path] = text_of(value)

    add("", record.document)
    return found
