"""A queue record is either a valid login event, or is rejected with a sentence that says why it can never be valid.

No sentence quotes the value of a field: values are personal, and the sentences end up in logs, queues and mail.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from handlers.logins import LoginEvent, parse_instant
from handlers.vocabulary import ErrorCode

ID_LENGTH_MAX: Final = 255
NAME_LENGTH_MAX: Final = 256
# A login dated ahead by a fast clock would hide every real login until that date.
CLOCK_SKEW_MAX: Final = timedelta(minutes=5)
# Well below what the parser of any supported Python takes (3.11: 994, minus the caller's frames; 3.13: 9,998), so that
# an event is valid or invalid whatever runs it.
NESTING_MAX: Final = 500
# Strings, whose brackets do not nest, and brackets. A string without an end extends to the end, so that no text is
# scanned twice.
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_FIELDS: Final = frozenset({"user_id", "service_id", "service_name", "timestamp"})
_JSON_TYPES: Final[dict[type[object], str]] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


class InvalidError(Exception):
    """The input violates the contract and always will; `detail` is a sentence without values."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One record of a batch as the queue delivered it, read leniently: only the body can make it invalid."""

    record: Mapping[str, Any]
    message_id: str
    receive_count: int
    sent_at_milliseconds: int | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Message":
        """The message in an SQS record of a Lambda event."""
        attributes: Mapping[str, Any] = record.get("attributes") or {}
        return cls(
            record=record,
            message_id=record["messageId"],
            receive_count=_whole_number(attributes.get("ApproximateReceiveCount")) or 1,
            sent_at_milliseconds=_whole_number(attributes.get("SentTimestamp")),
        )


def _whole_number(text: Any) -> int | None:
    # Text that is not a number, or is too long for a count or timestamp, counts as missing: it must not fail the batch.
    plausible = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if plausible else None


def decode_login(body: str, now: datetime) -> LoginEvent:
    """The login event in a message body; InvalidError names the first rule that the body violates."""
    fields = _decode_object(body)
    return LoginEvent(
        user_id=valid_user_id(_string(fields, "user_id")),
        service_id=valid_id("service_id", _string(fields, "service_id")),
        service_name=_valid_name("service_name", _string(fields, "service_name")),
        occurred_at=_valid_timestamp("timestamp", _string(fields, "timestamp"), now),
    )


def valid_id(field: str, value: str) -> str:
    """`value`, if it is an identifier: 1 to 255 printable characters, not all of them blank."""
    _check_length(field, value, ID_LENGTH_MAX)
    if not value.isprintable():
        raise InvalidError(ErrorCode.FIELD_UNPRINTABLE, f"{field} contains unprintable characters.")
    return value


def valid_user_id(value: str) -> str:
    """`value`, if it is an identifier that can be a segment of a URL's path, in which the API receives it."""
    if value in (".", ".."):
        # RFC 3986, 5.2.4: clients remove dot segments, percent-encoded ones too, so no client could query this user.
        raise InvalidError(ErrorCode.FIELD_DOT_SEGMENT, "user_id is . or .., which clients remove from the path.")
    return valid_id("user_id", value)


def _valid_name(field: str, value: str) -> str:
    # People write names: no-break spaces and joiners are legitimate in them, although Python calls them unprintable.
    _check_length(field, value, NAME_LENGTH_MAX)
    if not value.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidError(ErrorCode.FIELD_UNPRINTABLE, f"{field} contains control characters or lone surrogates.")
    return value


def _check_length(field: str, value: str, maximum: int) -> None:
    if not 1 <= len(value) <= maximum:
        raise InvalidError(ErrorCode.FIELD_LENGTH, f"{field} has {len(value)} characters; it must have 1 to {maximum}.")
    if value.isspace():
        raise InvalidError(ErrorCode.FIELD_BLANK, f"{field} contains only blanks.")


def _characters(text: str) -> str:
    return "1 character" if len(text) == 1 else f"{len(text)} characters"


def _valid_timestamp(field: str, value: str, now: datetime) -> datetime:
    try:
        instant = parse_instant(value)
    except ValueError:
        raise InvalidError(
            ErrorCode.TIMESTAMP_MALFORMED,
            f"{field} has {_characters(value)} that {'is' if len(value) == 1 else 'are'} not an RFC 3339 date-time "
            "with an offset, like 2022-08-04T08:50:39Z.",
        ) from None
    if instant - now > CLOCK_SKEW_MAX:
        raise InvalidError(
            ErrorCode.TIMESTAMP_IN_FUTURE,
            f"{field} is {int((instant - now).total_seconds())} s in the future; "
            f"at most {int(CLOCK_SKEW_MAX.total_seconds())} s are allowed.",
        )
    return instant


def _string(fields: Mapping[str, Any], field: str) -> str:
    if field not in fields:
        raise InvalidError(ErrorCode.FIELD_MISSING, f"{field} is missing.")
    value: object = fields[field]
    if not isinstance(value, str):
        raise InvalidError(ErrorCode.FIELD_NOT_STRING, f"{field} is {_JSON_TYPES[type(value)]}; it must be a string.")
    return value


def _decode_object(body: str) -> dict[str, Any]:
    if _is_too_deep(body):
        raise InvalidError(ErrorCode.BODY_TOO_DEEP, f"The body nests deeper than {NESTING_MAX} levels.")
    try:
        decoded: object = json.loads(
            body,
            object_pairs_hook=_object_of_unique_keys,
            parse_constant=_reject_constant,
            parse_int=float,  # int rejects more than 4,300 digits, and no field of the contract is a number
        )
    except ValueError:
        raise InvalidError(ErrorCode.BODY_NOT_JSON, f"The body of {_characters(body)} is not JSON.") from None
    if not isinstance(decoded, dict):
        raise InvalidError(
            ErrorCode.BODY_NOT_OBJECT, f"The body is {_JSON_TYPES[type(decoded)]}; it must be a JSON object."
        )
    return cast("dict[str, Any]", decoded)


def _is_too_deep(body: str) -> bool:
    if body.count("[") + body.count("{") <= NESTING_MAX:  # nearly every body, at the cost of two scans in C
        return False
    depth = 0
    for token in _BRACKETS.finditer(body):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > NESTING_MAX:
            return True
    return False


def _object_of_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Parsers disagree on which of two values counts, so the sender's intent cannot be known.
    decoded = dict(pairs)
    if len(decoded) != len(pairs):
        keys = [key for key, _ in pairs]
        known = sorted(key for key in _FIELDS if keys.count(key) > 1)
        raise InvalidError(
            ErrorCode.BODY_DUPLICATE_KEY,
            f"The body contains {' and '.join(known) or 'a key'} more than once in one object.",
        )
    return decoded


def _reject_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
