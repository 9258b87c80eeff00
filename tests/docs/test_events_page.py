"""docs/events.md: its example, limits, error codes and alarms are those of the program."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from components.queue import MESSAGE_BYTES_MAX
from handlers import messages
from handlers.quarantine import ATTRIBUTES_MAX
from handlers.vocabulary import ErrorCode
from localcloud.deployer.recorder import Graph
from tests.docs.event_schema import LIMITS, SCHEMA, verdict
from tests.docs.test_readme import severities_in, severities_of

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
VALID = SCHEMA["examples"][0]
# The record decides this one, and not the event.
OF_THE_RECORD = {ErrorCode.RECORD_TOO_LARGE}


def section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def codes_raised() -> set[ErrorCode]:
    """The error codes that the module of the validator names."""
    nodes = ast.walk(ast.parse(inspect.getsource(messages)))
    named = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    return {code for code in ErrorCode if f"ErrorCode.{code.name}" in named} | OF_THE_RECORD


def codes_in(text: str) -> set[str]:
    return set(re.findall(r"\| `([a-z_]+)` \|", text))


def example_problems(page: str) -> Iterator[str]:
    """Yield examples of error codes that are valid or have another code."""
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(.+)` \|$", section(page, "What the stack rejects"), re.MULTILINE)
    assert rows
    for code, example in rows:
        is_change = code.startswith(("field_", "timestamp_")) and example != "{}"
        text = json.dumps(VALID | json.loads(example)) if is_change else example
        if verdict(text) != code:
            yield f"{example}: {verdict(text)}, not {code}"


def limit_problems(page: str) -> Iterator[str]:
    """Yield limits of the program that the page does not name."""
    text = " ".join(page.split())
    limits = (
        f"`user_id` | string | 1 to {messages.ID_LENGTH_MAX} characters",
        f"`service_id` | string | 1 to {messages.ID_LENGTH_MAX} characters",
        f"`service_name` | string | 1 to {messages.NAME_LENGTH_MAX} characters",
        f"at most {messages.CLOCK_SKEW_MAX // timedelta(minutes=1)} minutes in the future",
        f"at most {MESSAGE_BYTES_MAX // 1024} KiB, its attributes included",
        f"A body nests at most {messages.NESTING_MAX} levels",
        # error_code, error_detail, source_message_id and quarantined_at
        f"at most {ATTRIBUTES_MAX - 4}: a dead letter has room for {ATTRIBUTES_MAX}",
    )
    yield from (limit for limit in limits if limit not in text)


def test_example_is_valid_and_that_of_the_schema():
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert json.loads(shown) == VALID
    assert verdict(shown) is ErrorCode.TIMESTAMP_IN_FUTURE  # the tests' clock is of 2022
    assert verdict(json.dumps(VALID | {"timestamp": "2022-08-04T08:50:39Z"})) is None


def test_fields_are_those_of_the_schema():
    rows = re.findall(r"^\| `(\w+)` \| string \|", PAGE, re.MULTILINE)
    assert rows == SCHEMA["required"] == list(SCHEMA["properties"])


def test_error_codes_are_those_of_the_validator():
    table = section(PAGE, "What the stack rejects").replace("\n|", "\n| |")
    assert codes_in(table) == codes_raised()
    assert codes_in(table.replace("`field_blank`", "`field_empty`")) != codes_raised()  # the control


def test_rules_beyond_the_schema_are_the_limits_of_the_test():
    expected = {limit.code for limit in LIMITS} | OF_THE_RECORD
    assert codes_in(section(PAGE, "The schema")) == expected


def test_examples_of_error_codes_have_these_codes():
    assert list(example_problems(PAGE)) == []
    assert list(example_problems(PAGE.replace('{"service_name": " "}', '{"service_name": "x"}')))  # the control


def test_limits_are_those_of_the_program():
    assert list(limit_problems(PAGE)) == []


@pytest.mark.parametrize("limit", ["255 characters, printable", "256", "5 minutes", "64", "500 levels", "most 6"])
def test_other_limit_is_noticed(limit: str):
    assert list(limit_problems(PAGE.replace(limit, "9")))


def test_alarms_have_their_severities(prod_graph: Graph, extended_graph: Graph):
    named = severities_in(PAGE)
    deployed = severities_of(prod_graph, extended_graph)
    assert named.items() <= deployed.items()
    # Every alarm on invalid events and dead letters.
    assert {
        "ingest-invalid",
        "ingest-contract",
        *(name for name in deployed if name.startswith("dlq-")),
    } <= named.keys()
