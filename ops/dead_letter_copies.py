"""Dead letters as lines of a file, from which `python -m ops send --file` sends them as their producers did."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from ops.dead_letters import ADDED_ATTRIBUTES, GAVE_UP, DeadLetter

# Every version wrote this member first. An event can begin with it too, so the other members decide.
FIRST_MEMBER = "message_id"
STARTS = tuple(f'{{{blank}"{FIRST_MEMBER}"' for blank in ("", " "))
MEMBERS = {FIRST_MEMBER, "source_message_id", "reason", "body", "attributes"}


def describe(letter: DeadLetter, *, with_body: bool) -> dict[str, Any]:
    """Return what there is to say about a letter: what `show` prints, and a copy contains."""
    shown: dict[str, Any] = {
        FIRST_MEMBER: letter.message_id,
        "reason": letter.reason,
        "detail": letter.attribute_text("error_detail") if letter.reason != GAVE_UP else "",
        "violation_now": letter.violation or "",
        "source_message_id": letter.source_message_id,
        "sent_at": f"{letter.sent_at:%Y-%m-%dT%H:%M:%SZ}",
        "version": letter.version,
        "receives": letter.receive_count,
        "trace": letter.system_attributes.get("AWSTraceHeader", ""),
        "attribute_names": sorted(set(letter.attributes) - set(ADDED_ATTRIBUTES)),
        "body_characters": len(letter.body),
    }
    if with_body:
        shown["attributes"] = {name: _to_json(value) for name, value in letter.attributes.items()}
        shown["body"] = letter.body
    return shown


def copy_line(letter: DeadLetter) -> bytes:
    """Return the whole letter as a line."""
    return json.dumps(describe(letter, with_body=True), ensure_ascii=False).encode() + b"\n"


def event_line(letter: DeadLetter) -> bytes:
    """Return the event of the letter as a line, which is easy to edit; if a line cannot hold it, the whole letter."""
    is_line = letter.body.strip() and not any(end in letter.body for end in "\r\n\ufeff") and not _starts(letter.body)
    if not is_line or letter.as_sent()["MessageAttributes"]:
        return copy_line(letter)
    return letter.body.encode() + b"\n"


def parse_copy(line: str) -> DeadLetter | None:
    """Return the letter of a line that `copy_line` wrote, in this version or an older one; None for any other line."""
    if not _starts(line):  # so that an event is not parsed
        return None
    try:
        copy = json.loads(line)
        copy["body"].encode()  # raises UnicodeEncodeError, a ValueError, for half of a surrogate pair
        # No event has these members and no user.
        if not MEMBERS.issubset(copy) or "user_id" in copy:
            return None
        message = {
            "MessageId": copy[FIRST_MEMBER],
            "ReceiptHandle": "",
            "Body": copy["body"],
            "MessageAttributes": {name: _from_json(value) for name, value in copy["attributes"].items()},
            "Attributes": {"AWSTraceHeader": copy["trace"]} if copy.get("trace") else {},
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return DeadLetter(message)


def _starts(line: str) -> bool:
    return line.startswith(STARTS)


def _to_json(attribute: Mapping[str, Any]) -> dict[str, str]:
    if "BinaryValue" in attribute:
        return {"DataType": attribute["DataType"], "BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}
    return {"DataType": attribute["DataType"], "StringValue": attribute.get("StringValue", "")}


def _from_json(attribute: Mapping[str, str]) -> dict[str, Any]:
    if "BinaryValue" not in attribute:
        return {"DataType": attribute["DataType"], "StringValue": attribute["StringValue"]}
    # binascii.Error is a ValueError.
    return {"DataType": attribute["DataType"], "BinaryValue": base64.b64decode(attribute["BinaryValue"], validate=True)}
