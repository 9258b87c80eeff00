"""The table with one item per user."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.monitoring.coverage import to_be_monitored
from components.policies import ENCRYPT_AND_DECRYPT, READ_ENCRYPTED_TABLE, Statement, key_statements
from components.signals.table import table_signals

KEY_ATTRIBUTE = "user_id"


@dataclass(frozen=True, kw_only=True)
class UserServicesTableArgs:
    """Arguments of `UserServicesTable`."""

    physical_name: str
    max_read_units: int
    """Read units per second above which requests are throttled: a limit of the cost, not a planned capacity."""
    max_write_units: int
    """The same for write units."""
    point_in_time_recovery: bool
    deletion_protection: bool
    """True makes DynamoDB reject the deletion of the table."""
    kms_key_arn: pulumi.Input[str] | None
    """Customer key; None encrypts with the key that DynamoDB owns."""
    protect: bool
    """True makes Pulumi reject the deletion of the table."""


class UserServicesTable(pulumi.ComponentResource):
    """One item per user, found by `user_id` in one read; billed per request, up to a maximum.

    Never retained on delete: an orphaned table would go unnoticed and block the next deployment by its name.
    """

    def __init__(self, name: str, args: UserServicesTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:table:UserServicesTable", name, {}, opts)
        self._kms_key_arn = args.kms_key_arn
        table = aws.dynamodb.Table(
            f"{name}-records",
            name=args.physical_name,
            billing_mode="PAY_PER_REQUEST",
            on_demand_throughput=aws.dynamodb.TableOnDemandThroughputArgs(
                max_read_request_units=args.max_read_units, max_write_request_units=args.max_write_units
            ),
            hash_key=KEY_ATTRIBUTE,
            attributes=[aws.dynamodb.TableAttributeArgs(name=KEY_ATTRIBUTE, type="S")],
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=args.point_in_time_recovery),
            deletion_protection_enabled=args.deletion_protection,
            server_side_encryption=_encryption(args.kms_key_arn),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        self.name, self.arn = table.name, table.arn
        signals = table_signals(
            args.physical_name, max_read_units=args.max_read_units, max_write_units=args.max_write_units
        )
        self.signals = to_be_monitored(name, signals)
        self.register_outputs({"name": self.name})

    def read_statements(self) -> tuple[Statement, ...]:
        """Return the permissions to read one record by its key."""
        return (
            Statement(sid="ReadRecord", actions=("dynamodb:GetItem",), resources=(self.arn,)),
            *key_statements(self._kms_key_arn, sid="DecryptRecords", service="dynamodb", actions=READ_ENCRYPTED_TABLE),
        )

    def write_statements(self) -> tuple[Statement, ...]:
        """Return the permissions to read a batch of records and to write each record by compare-and-set."""
        return (
            Statement(
                sid="FoldRecords", actions=("dynamodb:BatchGetItem", "dynamodb:UpdateItem"), resources=(self.arn,)
            ),
            *key_statements(self._kms_key_arn, sid="EncryptRecords", service="dynamodb", actions=ENCRYPT_AND_DECRYPT),
        )


def _encryption(key_arn: pulumi.Input[str] | None) -> aws.dynamodb.TableServerSideEncryptionArgs:
    # False means the key that DynamoDB owns; True without a key means the AWS-managed key, which costs more. Always
    # said: the provider takes a missing block for "as it is", and the table would stay under a key that was given up.
    # https://github.com/hashicorp/terraform-provider-aws/issues/29811
    return aws.dynamodb.TableServerSideEncryptionArgs(enabled=key_arn is not None, kms_key_arn=key_arn)
