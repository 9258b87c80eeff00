"""The values of a query: how they compare, sort and are written."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Value = Any
"""None, bool, int, float, str, Timestamp, or what jsonParse returns: a dict or a list."""
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_CHUNKS = re.compile(r"(\d+)", re.ASCII)
NUMBER_LENGTH_MAX = 300


class Timestamp(int):
    """Milliseconds since 1970, written as a time."""

    def __str__(self) -> str:
        try:
            at = datetime.fromtimestamp(int(self) // 1000, UTC)
        except (OverflowError, OSError, ValueError):
            return str(int(self))
        return f"{at:%Y-%m-%d %H:%M:%S}.{int(self) % 1000:03d}"


def number_of(value: Value) -> float | int | None:
    """The value as a number, if it is one or a text that looks like one."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) < NUMBER_LENGTH_MAX and _NUMBER.fullmatch(value):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return None


def text_of(value: Value) -> str:
    """The value as a text, as results have it: a boolean is 1 or 0."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Timestamp | str):
        return str(value)
    if isinstance(value, float):
        return format(value, ".15g")
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else str(value)


def is_true(value: Value) -> bool:
    """Whether a condition holds; a text or a missing value is no condition that does."""
    return bool(value) if isinstance(value, bool | int | float) else False


def compare(symbol: str, left: Value, right: Value) -> bool:
    """Whether the comparison holds: of numbers if both sides are numbers, else of texts; never of a missing value."""
    if left is None or right is None:
        return False
    one, other = number_of(left), number_of(right)
    if one is None or other is None:
        one, other = text_of(left), text_of(right)
    match symbol:
        case "=":
            return one == other
        case "!=":
            return one != other
        case "<":
            return one < other  # pyrefly: ignore[unsupported-operation]
        case "<=":
            return one <= other  # pyrefly: ignore[unsupported-operation]
        case ">":
            return one > other  # pyrefly: ignore[unsupported-operation]
    return one >= other  # pyrefly: ignore[unsupported-operation]


def sort_key(value: Value) -> tuple[int, Any]:
    """The place of a value in ascending order: missing values, then texts, then numbers.

    Digits within a text count as a number, so that `item9` comes before `item10`.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Sort.html
    """
    if value is None:
        return 0, ()
    number = number_of(value)
    if number is not None:
        return 2, number
    parts = _CHUNKS.split(text_of(value))
    return 1, tuple((1, len(part.lstrip("0")), part) if at % 2 else (0, 0, part) for at, part in enumerate(parts))


def member(document: Any, parts: tuple[str, ...]) -> Value:
    """The value at a path of names and of positions in lists; None if there is none, or only null."""
    for part in parts:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and part.isascii() and part.isdigit():
            document = document[int(part)] if int(part) < len(document) else None
        else:
            return None
    return document
