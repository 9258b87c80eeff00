"""A permission is exact, or says why it cannot be."""

from typing import Any

import pytest

from components.policies import Statement, deny_plain_http, key_statements, policy_document

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:events"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/data"


def statement(**changes: Any) -> Statement:
    return Statement(**{"sid": "Read", "actions": ("sqs:ReceiveMessage",), "resources": (QUEUE,)} | changes)


@pytest.mark.parametrize("changes", [{"actions": ("sqs:*",)}, {"resources": ("*",)}])
def test_an_allowed_wildcard_needs_its_reason(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wildcard_reason when AWS offers nothing narrower"):
        statement(**changes)
    assert statement(**changes, wildcard_reason="nothing narrower exists")


def test_a_denied_wildcard_needs_none() -> None:
    assert deny_plain_http(QUEUE).to_dict() == {
        "Sid": "DenyWithoutTls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": ["sqs:*"],
        "Resource": [QUEUE],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_a_sid_aws_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match="letters and digits only"):
        statement(sid="read-queue")


def test_two_statements_of_one_sid_are_refused() -> None:
    with pytest.raises(ValueError, match="distinct sids"):
        policy_document(statement(), statement())


def test_a_key_is_granted_through_its_service_alone_and_only_when_there_is_one() -> None:
    assert key_statements(None, sid="Decrypt", service="sqs", actions=("kms:Decrypt",)) == ()
    (granted,) = key_statements(KEY, sid="Decrypt", service="sqs", actions=("kms:Decrypt",))
    assert granted.resources == (KEY,)
    assert granted.conditions == {"StringLike": {"kms:ViaService": "sqs.*.amazonaws.com"}}
