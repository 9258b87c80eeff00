"""`python -m ops smoke` against a deployed stack."""

from pathlib import Path
from typing import Any

import pytest

from ops import smoke
from tests.e2e.conftest import Stack
from tests.e2e.operator import Operator


@pytest.fixture
def operator(stack: Stack, tmp_path: Path) -> Operator:
    return Operator(stack, tmp_path)


def users(stack: Stack) -> set[str]:
    """Test users with a record."""
    items = stack.client("dynamodb").scan(TableName=stack.outputs["tableName"], ConsistentRead=True)["Items"]
    return {item["user_id"]["S"] for item in items if item["user_id"]["S"].startswith("smoke-test-")}


def test_the_whole_path_is_tried_and_nothing_is_left(stack: Stack, operator: Operator):
    answer = operator.run("smoke")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.endswith("All as expected.\n")
    assert "Alarms are not evaluated in the embedded cloud" in answer.stdout
    assert users(stack) == set()


def test_an_api_that_does_not_answer_with_the_logins_is_noticed(
    stack: Stack, operator: Operator, monkeypatch: pytest.MonkeyPatch
):
    """The control: a late login that wins, as with handlers that store whatever comes last."""
    write = smoke._write_story

    def expecting_the_last(*arguments: Any) -> tuple[list[str], list[tuple[str, str]]]:
        bodies, (newest, _) = write(*arguments)
        return bodies, [newest]

    monkeypatch.setattr(smoke, "_write_story", expecting_the_last)
    answer = operator.run("smoke", "--timeout", "2")
    assert answer.exit_code == 1
    assert "After 2 s the API should answer [('mail', " in answer.stderr
    assert "ops logs --errors" in answer.stderr
    assert users(stack) == set()
