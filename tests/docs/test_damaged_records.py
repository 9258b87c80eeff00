"""The runbook's commands under record-damaged find every damaged record and repair it, and no login is lost."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from handlers.stored import StoredRecord
from tests.fakes.aws import create_table, entry, key, session
from tests.fakes.runbook import RUNBOOK, commands

COMMANDS = [command.line for command in commands(RUNBOOK) if command.heading == "record-damaged"]
TABLE = "event-processing-dev-user-services"
GARBAGE = {"S": "DAMAGED"}
LOGIN = entry()
# Attributes of an item beside its key, and whether it is damaged.
ITEMS: dict[str, tuple[dict[str, Any], bool]] = {
    "last entry": ({"services": {"L": [LOGIN, GARBAGE]}}, True),
    "time that is none": ({"services": {"L": [LOGIN, entry("t", at="yesterday")]}}, True),
    "entry without a name": ({"services": {"L": [{"M": {"service_id": {"S": "t"}}}]}}, True),
    "no list": ({"services": {"S": "text"}}, True),
    "no services": ({}, True),
    "whole": ({"services": {"L": [LOGIN, entry("t")]}}, False),
    "whole and empty": ({"services": {"L": []}}, False),
}


def command(operation: str) -> dict[str, str]:
    """The options of the command in the section, by parameter of boto3."""
    (line,) = (line for line in COMMANDS if line.startswith(f"aws dynamodb {operation} "))
    words = shlex.split(line)[3:]
    return {option.removeprefix("--"): value for option, value in zip(words[::2], words[1::2], strict=True)}


def run(client: Any, operation: str, **replaced: str) -> Any:
    """Run the command with some of its texts replaced, as the AWS CLI would."""
    given = command(operation)
    query = given.pop("query", "@")
    parameters = {}
    for option, value in given.items():
        for old, new in replaced.items():
            value = value.replace(old, new)
        name = "".join(part.title() for part in option.split("-"))
        parameters[name] = json.loads(value) if value.startswith("{") else value
    response = getattr(client, xform_name(operation.title().replace("-", "")))(**parameters)
    return jmespath.search(query, response)


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = session().client("dynamodb")
        create_table(client, TABLE)
        for user, (attributes, _) in ITEMS.items():
            client.put_item(TableName=TABLE, Item=key(user) | attributes)
        yield client


def damaged(client: Any) -> set[str]:
    """The users whose answers are partial."""
    items = client.scan(TableName=TABLE)["Items"]
    return {item["user_id"]["S"] for item in items if StoredRecord.of(item["user_id"]["S"], item).is_partial}


def test_command_finds_every_damaged_record(dynamodb: Any) -> None:
    found = {user for user, (_, is_damaged) in ITEMS.items() if is_damaged}
    assert set(run(dynamodb, "scan")) == found == damaged(dynamodb)


def test_damaged_entry_is_removed_and_the_logins_stay(dynamodb: Any) -> None:
    assert run(dynamodb, "get-item", USER="last entry")["Item"]["services"]["L"][1] == GARBAGE
    run(dynamodb, "update-item", USER="last entry")
    assert "last entry" not in damaged(dynamodb)
    assert run(dynamodb, "get-item", USER="last entry")["Item"]["services"]["L"] == [LOGIN]


def test_entry_that_moved_meanwhile_is_not_removed(dynamodb: Any) -> None:
    moved = {"L": [LOGIN, entry("t"), GARBAGE]}
    dynamodb.put_item(TableName=TABLE, Item=key("last entry") | {"services": moved})
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        run(dynamodb, "update-item", USER="last entry")
    assert run(dynamodb, "get-item", USER="last entry")["Item"]["services"] == moved


@pytest.mark.parametrize("user", ["no list", "no services"])
def test_record_without_a_list_is_deleted(dynamodb: Any, user: str) -> None:
    run(dynamodb, "delete-item", USER=user)
    assert user not in damaged(dynamodb)


@pytest.mark.parametrize("user", ["whole", "last entry"])
def test_record_with_a_list_is_not_deleted(dynamodb: Any, user: str) -> None:
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        run(dynamodb, "delete-item", USER=user)
