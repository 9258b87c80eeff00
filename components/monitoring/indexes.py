"""Field indexes: a query with `field = value` or `field in [...]` skips lines that are known not to match."""

import json

import pulumi
import pulumi_aws as aws

# Every field that a saved query compares in this way (tests/graph/test_indexes.py), and two that engineers search for:
# the ID of an API request and a reason for giving up. AWS accepts 20 fields for each log group.
INDEXED_FUNCTION_FIELDS = (
    *("level", "log_level", "type", "record.status"),
    *("message", "outcome", "error_code"),
    *("message_id", "correlation_id", "xray_trace_id"),
)
INDEXED_ACCESS_LOG_FIELDS = ("status", "xray_trace_id")


def make_index(
    name: str, log_group: aws.cloudwatch.LogGroup, fields: tuple[str, ...], opts: pulumi.ResourceOptions
) -> None:
    """Index fields of a log group."""
    document = json.dumps({"Fields": list(fields)})
    aws.cloudwatch.LogIndexPolicy(name, log_group_name=log_group.name, policy_document=document, opts=opts)
