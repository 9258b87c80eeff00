"""docs/event.schema.json and the validator give the same verdict on every event, in both directions."""

import copy
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import category

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from handlers import messages
from handlers.logins import parse_instant
from handlers.messages import InvalidError
from handlers.vocabulary import ErrorCode
from tests.docs.event_schema import LIMITS, SCHEMA, TIMESTAMPS, Limit, corners, disagreement, verdict
from tests.fakes.events import login
from tests.fuzz.strategies import bodies, json_values, texts, timestamps

VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
CORNERS = list(corners())
TIMESTAMP = SCHEMA["properties"]["timestamp"]["pattern"]
ID = SCHEMA["$defs"]["id"]
BODY_CODES = {code for code in ErrorCode if code.startswith(("body_", "field_", "timestamp_"))}

any_text = (
    st.text(max_size=4)
    | texts
    | st.builds(
        lambda text, length: text * length, st.sampled_from("x\u00e9 \u3000."), st.sampled_from((1, 2, 255, 257))
    )
)
# Everything that the schema accepts, and changes of that.
accepted = st.from_regex(TIMESTAMP, fullmatch=True, alphabet=st.characters(codec="ascii"))
changed = st.builds(
    lambda text, at, inserted, cut: text[:at] + inserted + text[at + cut :],
    st.sampled_from(TIMESTAMPS),
    st.integers(0, 25),
    st.text(max_size=1),
    st.integers(0, 2),
)
any_timestamp = timestamps | accepted | changed
fields = dict.fromkeys(login(), any_text | json_values) | {"timestamp": any_timestamp}
# Most events have a single odd field: with two, the validator's first reason would hide the second.
near_events = st.builds(
    lambda changes, missing: {name: value for name, value in (login() | changes).items() if name not in missing},
    st.one_of([st.fixed_dictionaries({name: values}) for name, values in fields.items()])
    | st.fixed_dictionaries({}, optional=fields),
    st.sampled_from([()] * 9 + [(name,) for name in fields]),
)
events = near_events.map(json.dumps) | bodies


@pytest.mark.parametrize("examples", [300, pytest.param(5_000, marks=pytest.mark.soak)])
def test_generated_events_get_the_same_verdict(examples: int):
    seen: Counter[ErrorCode | None] = Counter()

    def check(text: str) -> None:
        assert disagreement(text, VALIDATOR) is None
        seen[verdict(text)] += 1

    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    profile = settings(max_examples=examples, database=None, deadline=None, suppress_health_check=checks)
    seed(16)(profile(given(events)(check)))()
    # Valid events, and events that break most rules: the control of the generator.
    assert seen[None] > examples / 10
    assert len(seen) > len(BODY_CODES) / 2


def test_corner_cases_get_the_same_verdict():
    assert [problem for text in CORNERS if (problem := disagreement(text, VALIDATOR))] == []
    assert {*map(verdict, CORNERS), *(limit.code for limit in LIMITS)} == {None, *BODY_CODES}


def test_every_character_gets_the_same_verdict():
    name = SCHEMA["properties"]["service_name"]
    # Without what Python's version of Unicode leaves unassigned, which is the limit of that name.
    every = [character for character in map(chr, range(sys.maxunicode + 1)) if category(character) not in ("Cs", "Cn")]
    text = "".join(every)
    # Python's expressions are another engine than that of the schema's library.
    rejected, controls, visible = (
        set(re.findall(pattern, text)) for pattern in (ID["not"]["pattern"], name["not"]["pattern"], name["pattern"])
    )
    assert rejected == {character for character in every if not character.isprintable()}
    assert controls == {character for character in every if category(character) == "Cc"}
    assert visible - controls == {character for character in every if not character.isspace()} - controls


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_schema_cannot_express_exactly_the_limits(limit: Limit):
    assert verdict(limit.example) == limit.code
    assert disagreement(limit.example, VALIDATOR) is None
    others = [other for other in LIMITS if other is not limit]
    assert disagreement(limit.example, VALIDATOR, others)  # the control


def loosened() -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema without one of its rules."""

    def without(*path: str | int) -> tuple[str, dict[str, Any]]:
        schema = copy.deepcopy(SCHEMA)
        part: Any = schema
        for key in path[:-1]:
            part = part[key]
        del part[path[-1]]
        return "/".join(map(str, path)), schema

    yield without("type")
    yield from (without("required", index) for index in range(len(SCHEMA["required"])))
    annotations = ("description", "$comment")
    # Not those that follow from others: no number has a character that is not blank, and nor has an empty string.
    follow = ("type", "minLength")
    for place in (("$defs", "id"), *(("properties", name) for name in SCHEMA["properties"])):
        rules: Any = SCHEMA[place[0]][place[1]]
        yield from (without(*place, rule) for rule in rules if rule not in annotations + follow)
    for old, new in (("[Tt ]", "[T]"), ("|60)", ")"), ("0[13578]", "0[135]"), ("0[469]", "0[2469]"), ("T", "_"),
                     ("[Zz]|", ""), ("[12][0-9]|3[01]", "[12][0-9]|3[012]"), ("[13579][26])00", "[13579][0-9])00"),
                     ("2[0-3]):[0-5][0-9])$", "2[0-4]):[0-5][0-9])$"), ("+)?", "{1,6})?"), ("$", "")):  # fmt: skip
        schema = copy.deepcopy(SCHEMA)
        assert old in TIMESTAMP
        schema["properties"]["timestamp"]["pattern"] = TIMESTAMP.replace(old, new)
        yield f"{old} -> {new}", schema
    for name, number in (("minLength", 2), ("maxLength", 254), ("maxLength", 256)):
        schema = copy.deepcopy(SCHEMA)
        schema["$defs"]["id"][name] = number
        yield f"{name} {number}", schema


LOOSENED = dict(loosened())


@pytest.mark.parametrize("change", LOOSENED)
def test_changed_rule_of_the_schema_is_noticed(change: str):
    schema = jsonschema_rs.Draft202012Validator(LOOSENED[change])
    assert any(disagreement(text, schema) for text in CORNERS)


def _any_length(field: str, value: str, maximum: int) -> None:
    if value.isspace():
        raise InvalidError(ErrorCode.FIELD_BLANK, f"{field} contains only blanks.")


def _any_blank(field: str, value: str, maximum: int) -> None:
    if not 1 <= len(value) <= maximum:
        raise InvalidError(ErrorCode.FIELD_LENGTH, f"{field} has a wrong length.")


def _any_type(fields: Mapping[str, Any], field: str, string: Any = messages._string) -> str:
    return string({name: str(value) for name, value in fields.items()}, field)


def _any_object(body: str, decode: Any = messages._decode_object) -> dict[str, Any]:
    try:
        return decode(body)
    except InvalidError as error:
        if error.code != ErrorCode.BODY_NOT_OBJECT:
            raise
        return login()


LENIENT: dict[str, tuple[str, Any]] = {
    "longer ids": ("ID_LENGTH_MAX", 256),
    "shorter ids": ("ID_LENGTH_MAX", 254),
    "longer names": ("NAME_LENGTH_MAX", 257),
    "any length": ("_check_length", _any_length),
    "blanks": ("_check_length", _any_blank),
    "dot segments": ("valid_user_id", lambda value: messages.valid_id("user_id", value)),
    "unprintable ids": ("valid_id", lambda field, value: value),
    "unprintable names": ("_valid_name", lambda field, value: value),
    "any type": ("_string", _any_type),
    "no field required": ("_string", lambda fields, field, string=messages._string: string(login() | fields, field)),
    "any object": ("_decode_object", _any_object),
    "no offset": ("parse_instant", lambda text: parse_instant(text if text[-1:] in "Zz" else text + "Z")),
}


@pytest.mark.parametrize("rule", LENIENT)
def test_changed_rule_of_the_validator_is_noticed(rule: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(messages, *LENIENT[rule])
    assert any(disagreement(text, VALIDATOR) for text in CORNERS)
