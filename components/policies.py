"""Permissions as data: a `Statement` allows or denies actions on resources, `policy_document` renders statements.

An allowed wildcard must state its reason beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

KEY_POLICY_RESOURCE = "in the policy of a key, * is that key and nothing else"

READ_ENCRYPTED = ("kms:Decrypt",)
SEND_ENCRYPTED = ("kms:Decrypt", "kms:GenerateDataKey")
READ_ENCRYPTED_TABLE = ("kms:Decrypt", "kms:DescribeKey")
CRYPTOGRAPHY = (
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
ENCRYPT_AND_DECRYPT = (*CRYPTOGRAPHY, "kms:DescribeKey")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy document; raises ValueError for an allowed wildcard without a reason."""

    sid: str
    """Letters and digits, unique in its document."""
    actions: tuple[str, ...]
    resources: tuple[pulumi.Input[str], ...]
    effect: Literal["Allow", "Deny"] = "Allow"
    principals: Mapping[str, pulumi.Input[str] | Sequence[str]] | None = None
    """Principals by type; only in policies attached to a resource."""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Values by condition key, by operator."""
    wildcard_reason: str = ""
    """Why AWS offers nothing narrower than the wildcard in `actions` or `resources`."""

    def __post_init__(self) -> None:
        if not self.sid.isalnum():
            raise ValueError(f"sid {self.sid!r} of a statement must be letters and digits only: write it in CamelCase")
        wildcard = "*" in self.resources or any("*" in action for action in self.actions)
        if self.effect == "Allow" and wildcard and not self.wildcard_reason:
            raise ValueError(
                f"statement {self.sid} allows {', '.join(self.actions)} with a wildcard: "
                "name actions and resources exactly, or give wildcard_reason when AWS offers nothing narrower"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the statement in the policy language; values can be outputs."""
        document: dict[str, Any] = {"Sid": self.sid, "Effect": self.effect}
        if self.principals is not None:
            document["Principal"] = dict(self.principals)
        document |= {"Action": list(self.actions), "Resource": list(self.resources)}
        if self.conditions:
            document["Condition"] = {operator: dict(values) for operator, values in self.conditions.items()}
        return document


def policy_document(*statements: Statement) -> pulumi.Output[str]:
    """Return the JSON of one policy document; raises ValueError for two statements with the same sid."""
    sids = [statement.sid for statement in statements]
    if len(set(sids)) != len(sids):
        raise ValueError(f"statements of one policy need distinct sids, got {', '.join(sids)}: rename the duplicates")
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [statement.to_dict() for statement in statements]}
    )


def assume_role_document(service: str) -> pulumi.Output[str]:
    """Return the trust policy that lets exactly one AWS service assume a role."""
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
    )


def deny_plain_http(queue_arn: pulumi.Input[str]) -> Statement:
    """Return the statement that denies every access to the queue without TLS."""
    return Statement(
        sid="DenyWithoutTls",
        effect="Deny",
        principals={"AWS": "*"},
        actions=("sqs:*",),
        resources=(queue_arn,),
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


def key_statements(
    key_arn: pulumi.Input[str] | None, *, sid: str, service: str, actions: tuple[str, ...]
) -> tuple[Statement, ...]:
    """Return the permissions for data that `service` encrypts with a customer key: none without such a key.

    Restricted to the service, so that the role cannot call KMS directly with other data.
    """
    if key_arn is None:
        return ()
    return (
        Statement(
            sid=sid,
            actions=actions,
            resources=(key_arn,),
            conditions={"StringLike": {"kms:ViaService": f"{service}.*.amazonaws.com"}},
        ),
    )


def key_administration(account_id: pulumi.Input[str]) -> Statement:
    """Return the statement that lets IAM of the account administer a key, which cannot be changed without it."""
    return Statement(
        sid="AccountAdministersThroughIam",
        principals={"AWS": pulumi.Output.concat("arn:aws:iam::", account_id, ":root")},
        actions=("kms:*",),
        resources=("*",),
        wildcard_reason=KEY_POLICY_RESOURCE,
    )
