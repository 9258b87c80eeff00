"""`pulumi import`: the inputs and outputs of resources that exist, for types whose name blocks a deployment."""

import json
from collections.abc import Callable
from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created
from localcloud.providers.messaging import QUEUE_ATTRIBUTES

UNSET = ("", "0", "false")
QUEUE_DEFAULTS = {"maxMessageSize": "1048576", "messageRetentionSeconds": "345600", "visibilityTimeoutSeconds": "30"}

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


def queue(cloud: Account, id_: str) -> tuple[dict[str, Any], Created]:
    """Describe a queue as the program would have given it; its policies are resources of their own."""
    held = cloud.client("sqs").get_queue_attributes(QueueUrl=id_, AttributeNames=["All"])["Attributes"]
    arn = held["QueueArn"]
    inputs = {
        name: json.loads(value) if value.isdecimal() or value == "true" else value
        for name, theirs in QUEUE_ATTRIBUTES.items()
        if name not in ("policy", "redriveAllowPolicy")
        and (value := held.get(theirs, "")) not in (*UNSET, QUEUE_DEFAULTS.get(name))
    }
    named = {"name": arn.rpartition(":")[2]}
    return named | inputs, Created(id_, named | {"arn": arn, "url": id_})


def log_group(cloud: Account, id_: str) -> tuple[dict[str, Any], Created] | None:
    """Describe a log group as the program would have given it."""
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=id_)["logGroups"]
    for held in groups:
        if held["logGroupName"] == id_:
            inputs = {"name": id_, "retentionInDays": held.get("retentionInDays"), "kmsKeyId": held.get("kmsKeyId")}
            inputs["deletionProtectionEnabled"] = held["deletionProtectionEnabled"]
            return _given(inputs), Created(id_, {"arn": held["arn"].removesuffix(":*"), "name": id_})
    return None


def _given(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if value is not None}
