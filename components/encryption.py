"""An optional customer key for data, logs and environment variables."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.policies import (
    CRYPTOGRAPHY,
    ENCRYPT_AND_DECRYPT,
    KEY_POLICY_RESOURCE,
    SEND_ENCRYPTED,
    Statement,
    key_administration,
    policy_document,
)

DELETION_WINDOW_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class DataEncryptionArgs:
    """Arguments of `DataEncryption`."""

    customer_key: bool
    """True creates a customer key; False encrypts with keys that AWS owns."""
    description: str
    """Description of the key in the console."""
    account_id: pulumi.Input[str]
    region: str
    log_group_patterns: tuple[str, ...]
    """Names of log groups, `*` allowed, that CloudWatch Logs can encrypt with the key."""
    producer_principals: tuple[str, ...]
    """Principals that send to the encrypted queue, which requires the key, also from other accounts."""


class DataEncryption(pulumi.ComponentResource):
    """All data at rest is encrypted; with `customer_key`, by a rotated key that outlives everything encrypted with it.

    Pulumi never deletes the key: neither when `customer_key` becomes False nor on destroy. Its policy lets the account
    use it through SQS and DynamoDB, as AWS's own keys do, so that producers and roles can use it before the first
    queue does, and after the last one did. docs/decisions/0014-a-key-outlives-its-data.md says when to delete it.
    """

    key_arn: pulumi.Output[str] | None
    """ARN of the customer key; None without one."""

    def __init__(self, name: str, args: DataEncryptionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:encryption:DataEncryption", name, {}, opts)
        self.key_arn = self._make_key(name, args).arn if args.customer_key else None
        self.register_outputs({"key_arn": self.key_arn})

    def _make_key(self, name: str, args: DataEncryptionArgs) -> aws.kms.Key:
        statements = [key_administration(args.account_id), _logs_statement(args)]
        if args.producer_principals:
            statements.append(_producers_statement(args))
        statements.append(_account_statement(args))
        return aws.kms.Key(
            f"{name}-data",
            description=args.description,
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=policy_document(*statements),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )


def _account_statement(args: DataEncryptionArgs) -> Statement:
    services = [f"{service}.{args.region}.amazonaws.com" for service in ("sqs", "dynamodb")]
    return Statement(
        sid="AccountUsesQueuesAndTable",
        principals={"AWS": "*"},
        actions=ENCRYPT_AND_DECRYPT,
        resources=("*",),
        conditions={"StringEquals": {"kms:CallerAccount": args.account_id, "kms:ViaService": services}},
        wildcard_reason=KEY_POLICY_RESOURCE,
    )


def _logs_statement(args: DataEncryptionArgs) -> Statement:
    groups = [
        pulumi.Output.concat("arn:aws:logs:", args.region, ":", args.account_id, ":log-group:", pattern)
        for pattern in args.log_group_patterns
    ]
    return Statement(
        sid="CloudWatchLogsEncryptsOurGroups",
        principals={"Service": f"logs.{args.region}.amazonaws.com"},
        # AWS documents kms:Describe* among them, which this condition never lets through: only cryptographic operations
        # have an encryption context.
        actions=CRYPTOGRAPHY,
        resources=("*",),
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        wildcard_reason=KEY_POLICY_RESOURCE,
    )


def _producers_statement(args: DataEncryptionArgs) -> Statement:
    return Statement(
        sid="ProducersSendEncrypted",
        principals={"AWS": list(args.producer_principals)},
        actions=SEND_ENCRYPTED,
        resources=("*",),
        conditions={"StringEquals": {"kms:ViaService": f"sqs.{args.region}.amazonaws.com"}},
        wildcard_reason=KEY_POLICY_RESOURCE,
    )
