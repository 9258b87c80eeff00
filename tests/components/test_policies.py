"""A permission is exact, or says why it cannot be."""

from typing import Any

import pytest

from components.policies import Statement, policy_document

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:events"


def statement(**changes: Any) -> Statement:
    usual: dict[str, Any] = {"sid": "Read", "actions": ("sqs:ReceiveMessage",), "resources": (QUEUE,)}
    return Statement(**usual | changes)


@pytest.mark.parametrize("changes", [{"actions": ("sqs:*",)}, {"resources": ("*",)}])
def test_an_allowed_wildcard_needs_its_reason(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wildcard_reason when AWS offers nothing narrower"):
        statement(**changes)
    assert statement(**changes, wildcard_reason="nothing narrower exists")


def test_a_sid_aws_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match="letters and digits only"):
        statement(sid="read-queue")


def test_two_statements_of_one_sid_are_refused() -> None:
    with pytest.raises(ValueError, match="distinct sids"):
        policy_document(statement(), statement())
