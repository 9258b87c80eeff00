"""`pulumi import`: the inputs and outputs of resources that exist, for types whose name blocks a deployment."""

from collections.abc import Callable
from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created

Adopt = Callable[[Account, str], tuple[dict[str, Any], Created] | None]
"""Returns the inputs and the outputs of a resource with that ID, or None when it does not exist."""


def table(cloud: Account, id_: str) -> tuple[dict[str, Any], Created]:
    """Describe a table as the program would have given it."""
    dynamodb = cloud.client("dynamodb")
    held = dynamodb.describe_table(TableName=id_)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=id_)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    keys = {key["KeyType"]: key["AttributeName"] for key in held["KeySchema"]}
    throughput = held.get("OnDemandThroughput", {})
    inputs = {
        "name": id_,
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "attributes": [{"name": a["AttributeName"], "type": a["AttributeType"]} for a in held["AttributeDefinitions"]],
        "billingMode": held.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "deletionProtectionEnabled": held["DeletionProtectionEnabled"],
        "onDemandThroughput": {name[0].lower() + name[1:]: value for name, value in throughput.items()} or None,
        "pointInTimeRecovery": {"enabled": recovery},
    }
    return _given(inputs), Created(id_, {"arn": held["TableArn"], "name": id_})


def log_group(cloud: Account, id_: str) -> tuple[dict[str, Any], Created] | None:
    """Describe a log group as the program would have given it."""
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=id_)["logGroups"]
    for held in groups:
        if held["logGroupName"] == id_:
            inputs = {"name": id_, "retentionInDays": held.get("retentionInDays"), "kmsKeyId": held.get("kmsKeyId")}
            return _given(inputs), Created(id_, {"arn": held["arn"].removesuffix(":*"), "name": id_})
    return None


def _given(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if value is not None}
