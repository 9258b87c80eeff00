"""The functions of values: strings, numbers, times, JSON and addresses.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
A function of a missing value has none, except those that ask whether it is missing.
"""

import base64
import ipaddress
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import quote, unquote

from localcloud.insights.values import Timestamp, Value, is_true, number_of, text_of

MILLISECONDS = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1_000),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60_000),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3_600_000),
    **dict.fromkeys(("d", "day", "days"), 86_400_000),
    **dict.fromkeys(("w", "week", "weeks"), 604_800_000),
}
"""The units of periods. Months, quarters and years have no fixed length and are not supported."""
ARGUMENTS_MAX = 20


@dataclass(frozen=True)
class Function:
    """A function, and the numbers of arguments that it takes."""

    call: Callable[..., Value]
    least: int
    most: int
    period_at: int | None = None
    """The place of an argument that is a period, such as 5m."""


FUNCTIONS: dict[str, Function] = {}


def _of(
    name: str, least: int, most: int | None = None, *, period_at: int | None = None
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    def register(call: Callable[..., Value]) -> Callable[..., Value]:
        FUNCTIONS[name] = Function(call, least, least if most is None else most, period_at)
        return call

    return register


def _numbers(call: Callable[..., Value]) -> Callable[..., Value]:
    @wraps(call)
    def with_numbers(*values: Value) -> Value:
        numbers = [number_of(value) for value in values]
        if any(number is None for number in numbers):
            return None
        try:
            return call(*numbers)
        except (ArithmeticError, ValueError):
            return None

    return with_numbers


def _texts(call: Callable[..., Value]) -> Callable[..., Value]:
    @wraps(call)
    def with_texts(*values: Value) -> Value:
        if any(value is None for value in values):
            return None
        try:
            return call(*map(text_of, values))
        except ValueError:
            return None

    return with_texts


for _name, _call in (("abs", abs), ("ceil", math.ceil), ("floor", math.floor), ("log", math.log), ("sqrt", math.sqrt)):
    _of(_name, 1)(_numbers(_call))
_of("greatest", 1, ARGUMENTS_MAX)(_numbers(lambda *numbers: max(numbers)))
_of("least", 1, ARGUMENTS_MAX)(_numbers(lambda *numbers: min(numbers)))

# Times


@_of("datefloor", 2, period_at=1)
@_numbers
def _datefloor(at: float, period: float) -> Value:
    return Timestamp(at // period * period)


@_of("dateceil", 2, period_at=1)
@_numbers
def _dateceil(at: float, period: float) -> Value:
    return Timestamp(-(-at // period) * period)


_of("frommillis", 1)(_numbers(lambda number: Timestamp(number)))
_of("tomillis", 1)(_numbers(lambda number: int(number)))

# Whatever the type


@_of("ispresent", 1)
def _is_present(value: Value) -> Value:
    return value is not None


@_of("coalesce", 1, ARGUMENTS_MAX)
def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


@_of("if", 3)
def _if(condition: Value, then: Value, other: Value) -> Value:
    return then if is_true(condition) else other


@_of("case", 2, 21)
def _case(*values: Value) -> Value:
    pairs = zip(values[::2], values[1::2], strict=False)
    default = values[-1] if len(values) % 2 else None
    return next((value for condition, value in pairs if is_true(condition)), default)


@_of("isnumeric", 1)
def _is_numeric(value: Value) -> Value:
    return number_of(value) is not None


_of("messagesize", 1)(_texts(lambda text: len(text.encode())))

# Texts


@_of("isempty", 1)
def _is_empty(value: Value) -> Value:
    return int(value is None or value == "")


@_of("isblank", 1)
def _is_blank(value: Value) -> Value:
    return int(value is None or not text_of(value).strip())


_of("concat", 1, ARGUMENTS_MAX)(_texts(lambda *texts: "".join(texts)))
_of("ltrim", 1, 2)(_texts(lambda text, characters=None: text.lstrip(characters)))
_of("rtrim", 1, 2)(_texts(lambda text, characters=None: text.rstrip(characters)))
_of("trim", 1, 2)(_texts(lambda text, characters=None: text.strip(characters)))
_of("strlen", 1)(_texts(len))
_of("toupper", 1)(_texts(str.upper))
_of("tolower", 1)(_texts(str.lower))
_of("replace", 3)(_texts(lambda text, old, new: text.replace(old, new) if old else text))
_of("startswith", 2)(_texts(lambda text, start: int(text.startswith(start))))
_of("endswith", 2)(_texts(lambda text, end: int(text.endswith(end))))
_of("urlencode", 1)(_texts(lambda text: quote(text, safe="")))
_of("urldecode", 1)(_texts(unquote))
_of("base64encode", 1)(_texts(lambda text: base64.b64encode(text.encode()).decode()))
_of("base64decode", 1)(_texts(lambda text: base64.b64decode(text, validate=True).decode()))
_of("hextoascii", 1)(_texts(lambda text: bytes.fromhex(text).decode("ascii")))
_of("hextodec", 1)(_texts(lambda text: int(text, 16)))
_of("dectohex", 1)(_numbers(lambda number: hex(int(number))))


@_of("strcontains", 2, 3)
def _strcontains(text: Value, part: Value, ignoring_case: Value = False) -> Value:
    if text is None or part is None:
        return None
    text, part = text_of(text), text_of(part)
    if is_true(ignoring_case):
        text, part = text.lower(), part.lower()
    return int(part in text)


@_of("substr", 2, 3)
def _substr(text: Value, start: Value, length: Value = math.inf) -> Value:
    begin, count = number_of(start), length if length == math.inf else number_of(length)
    if text is None or begin is None or count is None or begin < 0 or count < 0:
        return None
    return text_of(text)[int(begin) :][: None if count == math.inf else int(count)]


# JSON


def _parsed(value: Value) -> Any:
    if isinstance(value, dict | list):
        return value
    try:
        found = json.loads(text_of(value)) if value is not None else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


_of("jsonparse", 1)(_parsed)


@_of("jsonstringify", 1)
def _json_stringify(value: Value) -> Value:
    return text_of(value) if isinstance(value, dict | list) else None


@_of("jsonarraysize", 1)
def _json_array_size(value: Value) -> Value:
    found = _parsed(value)
    return len(found) if isinstance(found, list) else None


@_of("jsonarraycontains", 2)
def _json_array_contains(value: Value, wanted: Value) -> Value:
    found = _parsed(value)
    return isinstance(found, list) and wanted is not None and text_of(wanted) in map(text_of, found)


# Addresses


def _address(value: Value) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text_of(value))
    except ValueError:
        return None


def _versions(name: str, *versions: int) -> None:
    @_of(f"isvalidip{name}", 1)
    def _is_valid(value: Value) -> Value:
        found = _address(value)
        return found is not None and found.version in versions

    @_of(f"isip{name}insubnet", 2)
    def _is_in(value: Value, subnet: Value) -> Value:
        found = _address(value)
        try:
            network = ipaddress.ip_network(text_of(subnet), strict=False)
        except ValueError:
            return False
        return found is not None and found.version in versions and found in network


_versions("", 4, 6)
_versions("v4", 4)
_versions("v6", 6)


@_of("ipv4tonumber", 1)
def _ipv4_to_number(value: Value) -> Value:
    found = _address(value)
    return int(found) if isinstance(found, ipaddress.IPv4Address) else None
