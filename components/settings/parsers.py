"""Parsers of single settings: from raw configuration to a value, or an error that states the requirement.

A raw value is what the Pulumi CLI passes: a string, with JSON for booleans, lists and objects. Plain Python values are
accepted too. An invalid value raises `ValueError` with the requirement, in words that complete "must be ...".
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, cast

from components.monitoring.signals import AlarmOverride

_ROLE = "arn:aws:iam::123456789012:role/ROLE"
_NUMBER = r"-?[0-9]{1,12}(\.[0-9]{1,6})?"


@dataclass(frozen=True, kw_only=True)
class Parser:
    """How a setting is read, and what its value must be."""

    parse: Callable[[object], Any]
    type: str
    """Its type in Pulumi.yaml."""
    example: str
    """Arguments of `pulumi config set` that fix most problems, with `{key}` for the key."""


class InvalidError(ValueError):
    """A value that the example of its parser does not fix; `fix` is a command after `pulumi config`, with `{key}`."""

    def __init__(self, requirement: str, fix: str) -> None:
        super().__init__(requirement)
        self.fix = fix


def boolean() -> Parser:
    """`true` or `false`."""

    def parse(raw: object) -> bool:
        value = {"true": True, "false": False}.get(str(raw).lower())
        if value is None:
            raise ValueError("true or false")
        return value

    return Parser(parse=parse, type="boolean", example="{key} true")


def integer(minimum: int, maximum: int, *, example: int, also: int | None = None) -> Parser:
    """A whole number within bounds, or `also`."""
    words = f"a whole number from {minimum} to {maximum}" + ("" if also is None else f", or {also}")

    def parse(raw: object) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", str(raw)):
            raise ValueError(words)
        value = int(str(raw))
        if value != also and not minimum <= value <= maximum:
            raise ValueError(words)
        return value

    return Parser(parse=parse, type="integer", example=f"{{key}} -- {example}" if example < 0 else f"{{key}} {example}")


def integer_of(*choices: int, example: int) -> Parser:
    """One of the whole numbers given."""

    def parse(raw: object) -> int:
        if str(raw) not in {str(choice) for choice in choices}:
            raise ValueError(f"one of {', '.join(map(str, choices))}")
        return int(str(raw))

    return Parser(parse=parse, type="integer", example=f"{{key}} {example}")


def choice(*choices: str, example: str) -> Parser:
    """One of the words given."""

    def parse(raw: object) -> str:
        for choice in choices:
            if raw == choice:
                return choice
        raise ValueError(f"one of {', '.join(choices)}")

    return Parser(parse=parse, type="string", example=f"{{key}} {example}")


def text(pattern: str, words: str, *, example: str, longest: int = 256, secret: bool = False) -> Parser:
    """A string that matches a pattern as a whole; the fix of a `secret` encrypts it."""

    def parse(raw: object) -> str:
        if not isinstance(raw, str) or len(raw) > longest or not re.fullmatch(pattern, raw):
            raise ValueError(f"{words}, at most {longest} characters")
        return raw

    return Parser(parse=parse, type="string", example=f"{'--secret ' if secret else ''}{{key}} {example}")


def names(pattern: str, words: str, *, example: str, at_least: int = 0) -> Parser:
    """A list of distinct strings that all match a pattern.

    A number is read as its digits, because `pulumi config set --path` stores an account id as a number.
    """
    words = f"a list of {'at least one of ' if at_least else ''}{words}, each once"

    def parse(raw: object) -> tuple[str, ...]:
        found: list[str] = []
        for index, entry in enumerate(_entries(from_json(raw, words), words)):
            name = str(entry) if isinstance(entry, int) and not isinstance(entry, bool) else entry
            if not isinstance(name, str) or not re.fullmatch(pattern, name):
                raise InvalidError(words, f"set --path '{{key}}[{index}]' {example}")
            if name in found:
                raise InvalidError(words, f"rm --path '{{key}}[{index}]'")
            found.append(name)
        if len(found) < at_least:
            raise ValueError(words)
        return tuple(found)

    return Parser(parse=parse, type="array", example=f"--path '{{key}}[0]' {example}")


def assumed_roles() -> Parser:
    """A list of roles to assume, one after the other, as arguments of the provider; other attributes are rejected."""
    words = f'a list such as [{{"roleArn": "{_ROLE}"}}], optionally with sessionName and externalId'
    arguments = {"roleArn": "role_arn", "sessionName": "session_name", "externalId": "external_id"}

    def parse(raw: object) -> tuple[Mapping[str, Any], ...]:
        entries = _entries(from_json(raw, words), words)
        return tuple(parse_role(index, entry) for index, entry in enumerate(entries))

    def parse_role(index: int, entry: object) -> Mapping[str, Any]:
        role = cast("dict[str, object]", entry) if isinstance(entry, dict) else {"": entry}
        if role.keys() - arguments.keys() or not all(isinstance(value, str) for value in role.values()):
            raise InvalidError(words, f"rm --path '{{key}}[{index}]'")
        if not re.fullmatch(r"arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+", str(role.get("roleArn"))):
            raise InvalidError(words, f"set --path '{{key}}[{index}].roleArn' {_ROLE}")
        return MappingProxyType({arguments[name]: str(value) for name, value in role.items()})

    return Parser(parse=parse, type="array", example=f"--path '{{key}}[0].roleArn' {_ROLE}")


def alarm_overrides(known: frozenset[str], without_threshold: frozenset[str]) -> Parser:
    """An object from alarm id to its changes; alarms that combine others have no threshold to change."""
    words = 'an object such as {"queue-age": {"threshold": 600}, "dlq-not-empty": {"enabled": false}}'

    def check_id(alarm_id: str) -> None:
        if alarm_id not in known:
            nearest = get_close_matches(alarm_id, sorted(known), n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else "the ids are the headings of docs/runbook.md"
            raise ValueError(f"{words}, and there is no alarm {alarm_id}: {hint}")

    def parse_override(alarm_id: str, raw: object) -> AlarmOverride:
        check_id(alarm_id)
        override = members(raw, words)
        if not override or override.keys() - {"threshold", "enabled"}:
            raise ValueError(words)
        threshold, enabled = override.get("threshold"), override.get("enabled", True)
        if threshold is not None and alarm_id in without_threshold:
            raise ValueError(f"{words}, and {alarm_id} combines other alarms and has no threshold: change theirs")
        # `pulumi config set --path` stores a fraction as a string.
        is_number = threshold is None or (not isinstance(threshold, bool) and re.fullmatch(_NUMBER, str(threshold)))
        if not is_number or not isinstance(enabled, bool):
            raise ValueError(words)
        return AlarmOverride(threshold=None if threshold is None else float(str(threshold)), enabled=enabled)

    def parse(raw: object) -> Mapping[str, AlarmOverride]:
        found: dict[str, AlarmOverride] = {}
        for alarm_id, value in members(from_json(raw, words), words).items():
            try:
                found[alarm_id] = parse_override(alarm_id, value)
            except ValueError as error:
                raise InvalidError(str(error), f"rm --path {shlex.quote(f'{{key}}{member(alarm_id)}')}") from None
        return MappingProxyType(found)

    return Parser(parse=parse, type="object", example="--path '{key}.queue-age.threshold' 600")


def client_secrets() -> Parser:
    """An object from the ID of a client to its secret, of which no error shows a part."""
    words = "an object from client ID to a secret of 24 to 64 letters and digits"
    example = "--secret --path '{key}.CLIENT_ID'"

    def parse(raw: object) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for client_id, secret in members(from_json(raw, words), words).items():
            if not re.fullmatch(r"[\w+-]{1,128}", client_id, re.ASCII):
                raise InvalidError(words, f"rm --path {shlex.quote(f'{{key}}{member(client_id)}')}")
            if not isinstance(secret, str) or not re.fullmatch(r"[\w+]{24,64}", secret, re.ASCII):
                raise InvalidError(words, f"set {example.replace('CLIENT_ID', client_id)}")
            found[client_id] = secret
        return MappingProxyType(found)

    return Parser(parse=parse, type="object", example=example)


def member(name: str) -> str:
    """Return a member's name as the end of a property path, quoted where it is not a plain word."""
    return f".{name}" if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f"[{json.dumps(name, ensure_ascii=False)}]"


def from_json(raw: object, words: str) -> object:
    """Return what a string of JSON holds, or a value that is no string."""
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except ValueError:
        raise ValueError(words) from None


def _entries(value: object, words: str) -> list[object]:
    if isinstance(value, dict):
        raise InvalidError(words, "rm {key}")  # The CLI cannot put an entry into an object.
    if not isinstance(value, list):
        raise ValueError(words)  # noqa: TRY004 - every parser raises ValueError
    return cast("list[object]", value)


def members(value: object, words: str) -> dict[str, object]:
    """Return an object; anything else must be `words`."""
    if not isinstance(value, dict):
        raise ValueError(words)  # noqa: TRY004 - every parser raises ValueError
    return cast("dict[str, object]", value)
