"""docs/event.schema.json beside the validator: where the two disagree, and what no JSON Schema can express."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from handlers.messages import NESTING_MAX, InvalidError, decode_login
from handlers.vocabulary import ErrorCode
from tests.fakes.events import NOW, login

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "event.schema.json").read_text())
Fields = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A rule of the validator that a JSON Schema cannot express: the schema accepts what the validator rejects."""

    name: str
    code: ErrorCode
    example: str
    covers: Callable[[Fields], bool] = lambda fields: True
    """Whether the rule is the one that was violated, where the code is that of other rules too."""


def body(**fields: Any) -> str:
    return json.dumps(login(**fields))


def with_text(text: str) -> str:
    """A valid body in which `text` follows the last field."""
    return body()[:-1] + text + "}"


def _has_second_60(fields: Fields) -> bool:
    return fields["timestamp"][17:19] == "60"


def _is_at_the_end_of_time(fields: Fields) -> bool:
    return fields["timestamp"][:10] in ("0001-01-01", "9999-12-31")


def _has_unassigned_character(fields: Fields) -> bool:
    # `isprintable` is the validator's own rule: with the schema's characters gone, only unassigned ones are left.
    return not (fields["user_id"] + fields["service_id"]).isprintable()


LIMITS = (
    Limit(name="not JSON", code=ErrorCode.BODY_NOT_JSON, example=with_text(', "more": NaN')),
    Limit(name="a key twice", code=ErrorCode.BODY_DUPLICATE_KEY, example=with_text(', "user_id": "v"')),
    Limit(
        name="too deep",
        code=ErrorCode.BODY_TOO_DEEP,
        example=with_text(', "more": ' + "[" * NESTING_MAX + "]" * NESTING_MAX),
    ),
    Limit(name="the future", code=ErrorCode.TIMESTAMP_IN_FUTURE, example=body(timestamp="2022-08-04T12:05:01Z")),
    Limit(
        name="second 60",
        code=ErrorCode.TIMESTAMP_MALFORMED,
        example=body(timestamp="2016-12-31T18:59:60Z"),
        covers=_has_second_60,
    ),
    Limit(
        name="years in UTC",
        code=ErrorCode.TIMESTAMP_MALFORMED,
        example=body(timestamp="0001-01-01T00:00:00+00:01"),
        covers=_is_at_the_end_of_time,
    ),
    Limit(
        name="unassigned characters",
        code=ErrorCode.FIELD_UNPRINTABLE,
        example=body(user_id="\uffff"),
        covers=_has_unassigned_character,
    ),
)


def verdict(text: str) -> ErrorCode | None:
    """The validator's code for a body, None for a valid one."""
    try:
        decode_login(text, NOW)
    except InvalidError as invalid:
        return invalid.code
    return None


def disagreement(text: str, schema: jsonschema_rs.Draft202012Validator, limits: Iterable[Limit] = LIMITS) -> str | None:
    """How schema and validator differ about a body, beyond the limits of JSON Schema; None if they agree."""
    code = verdict(text)
    try:
        instance = json.loads(text, parse_int=float)  # a number of the contract is never an int
        accepted = schema.is_valid(instance)
    except (ValueError, RecursionError) as error:
        # A lone surrogate is in no text that UTF-8 can hold: a schema cannot be asked about it.
        is_no_question = code in (ErrorCode.BODY_NOT_JSON, ErrorCode.BODY_TOO_DEEP) or isinstance(error, UnicodeError)
        return None if is_no_question else f"validator: {code}, schema: {error!r}"
    if accepted == (code is None):
        return None
    if accepted and any(limit.code == code and limit.covers(instance) for limit in limits):
        return None
    return f"validator: {code}, schema: {'valid' if accepted else 'invalid'}, {text!r:.300}"


def corners() -> Iterator[str]:
    """Bodies at the edge of every rule, valid and invalid."""
    yield from (body(), body(more=[]), "[]", "null", '"text"', "7", "{}", "true")
    for field in login():
        yield json.dumps({name: value for name, value in login().items() if name != field})
        for value in (None, 7, 1.5, True, [], ["u"], {}, "", " ", "   ", ".", "..", "...", "a b", " a", "a "):
            yield json.dumps(login() | {field: value})
        for length in (1, 255, 256, 257):
            yield json.dumps(login() | {field: "\U0001f469" * length})
        for character in "\0\t\n\x1f\x7f\x85\xa0\xad\u0600\u1680\u200b\u200d\u2028\u3000\ue000\ufeff\u00e9\U000e0001":
            yield json.dumps(login() | {field: f"a{character}b"})
            yield json.dumps(login() | {field: character})
    yield from (body(timestamp=text) for text in TIMESTAMPS)


TIMESTAMPS = (
    "2022-08-04T08:50:39z", "2022-08-04t08:50:39Z", "2022-08-04 08:50:39Z", "2022-08-04_08:50:39Z",
    "2022-08-04T08:50:39", "2022-08-04T08:50:39.5Z", "2022-08-04T08:50:39,5Z", "2022-08-04T08:50:39.Z",
    "2022-08-04T08:50:39.123456789Z", "2022-08-04T08:50:39+02:00", "2022-08-04T08:50:39-23:59",
    "2022-08-04T08:50:39+24:00", "2022-08-04T08:50:39+02:60", "2022-08-04T08:50:39+0200", "2022-08-04T08:50:39Z\n",
    "2022-08-04T08:50:39Zx", "\n2022-08-04T08:50:39Z", "2022-08-04T24:00:00Z", "2022-08-04T08:60:00Z",
    "2022-08-04T08:50:61Z", "2016-12-31T23:59:60Z", "2022-13-01T00:00:00Z", "2022-00-01T00:00:00Z",
    "2022-01-00T00:00:00Z", "2022-01-31T00:00:00Z", "2022-01-32T00:00:00Z", "2022-04-30T00:00:00Z",
    "2022-04-31T00:00:00Z", "2022-02-28T00:00:00Z", "2022-02-29T00:00:00Z", "2020-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "0000-02-29T00:00:00Z",
    "0001-01-01T00:00:00Z", "1969-12-31T00:00:00Z", "22-08-04T08:50:39Z", "2022-08-04T8:50:39Z", "2022-8-4T08:50:39Z",
    "2022-W31-4T08:50:39Z", "\u0662022-08-04T08:50:39Z", "now",
)  # fmt: skip
