"""What is said about dead letters, before and after; the question that comes before anything is done."""

import base64
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from ops.dead_letters import GAVE_UP, STAMPS, Letter
from ops.output import counted, instant, new_private_file, printable, tell

LOOKED = (
    "Each of these was received once more by this look. After three receives a message no longer counts for the age "
    "of the queue."
)


def describe(letter: Letter, with_body: bool) -> dict[str, Any]:
    """What `show` says of a letter, and what a copy holds."""
    shown: dict[str, Any] = {
        "message_id": letter.message_id,
        "reason": letter.reason,
        "detail": letter.text("error_detail") if letter.reason != GAVE_UP else "",
        "breaks_now": letter.broken_rule or "",
        "source_message_id": letter.source_message_id,
        "sent_at": instant(letter.sent_at),
        "receives": letter.receives,
        "trace": letter.system.get("AWSTraceHeader", ""),
        "attribute_names": sorted(set(letter.attributes) - set(STAMPS)),
        "body_characters": len(letter.body),
    }
    if with_body:
        shown["attributes"] = {name: _value_of(value) for name, value in letter.attributes.items()}
        shown["body"] = letter.body
    return shown


def _value_of(attribute: dict[str, Any]) -> dict[str, str]:
    if "BinaryValue" in attribute:
        return {"DataType": attribute["DataType"], "BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}
    return {"DataType": attribute["DataType"], "StringValue": attribute.get("StringValue", "")}


def lines_of(shown: dict[str, Any]) -> Iterator[str]:
    """What was described, a line each: without what is empty, or said twice."""
    own = {name: value for name, value in shown.get("attributes", {}).items() if name not in STAMPS}
    same = {"breaks_now": "the same rule"} if shown["detail"] and shown["breaks_now"] == shown["detail"] else {}
    for name, value in (shown | same | {"attributes": own}).items():
        if value:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{name:18} {printable(text)}"


def keep_copy(path: Path, letters: Sequence[Letter]) -> None:
    """Write whole messages to a new file that only its owner can read, before anything is deleted."""
    with new_private_file(path) as file:
        for letter in letters:
            print(json.dumps(describe(letter, with_body=True), ensure_ascii=False), file=file)


def print_plan(what: str, letters: Sequence[Letter]) -> None:
    """How many of which reason."""
    counts = Counter(letter.reason for letter in letters)
    by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    print(f"{counted(len(letters), 'message')} {what}" + (f": {by_reason}." if letters else "."))


def print_rules(letters: Sequence[Letter]) -> None:
    """Which rules they break, ten at most."""
    for letter in letters[:10]:
        print(f"  {letter.message_id}: {letter.broken_rule}")
    if len(letters) > 10:
        print("  ...")


def confirmed(yes: bool, question: str) -> bool:
    """Whether it shall be done: by --yes, or because a person at a terminal says so."""
    if yes:
        return True
    if at_a_terminal():
        if typer.confirm(question):
            return True
        print("Nothing was changed.")
        return False
    print("This was a dry run, nothing was changed: --yes does it.")
    tell(LOOKED)
    return False


def at_a_terminal() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()
