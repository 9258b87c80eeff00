"""Tables and keys."""

from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created, Inputs, creates, pascal


@creates("aws:dynamodb/table:Table")
def _table(cloud: Account, inputs: Inputs) -> Created:
    dynamodb, name = cloud.client("dynamodb"), inputs.take_name()
    keys = {"HASH": inputs.take("hashKey"), "RANGE": inputs.take("rangeKey")}
    attributes = inputs.take("attributes")
    recovery = inputs.take("pointInTimeRecovery", {})
    encryption = inputs.take("serverSideEncryption")
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for kind, key in keys.items() if key],
        AttributeDefinitions=[{"AttributeName": entry["name"], "AttributeType": entry["type"]} for entry in attributes],
        **({"SSESpecification": encryption_of(encryption)} if encryption else {}),
        **inputs.take_rest(pascal),
    )["TableDescription"]
    if recovery.get("enabled"):
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery_of(recovery))
    return Created(name, {"arn": made["TableArn"], "name": name})


def encryption_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return a table's encryption as AWS names it."""
    key = {"KMSMasterKeyId": given["kmsKeyArn"]} if given.get("kmsKeyArn") else {}
    # Without a customer key, AWS takes no type: the table uses the key that DynamoDB owns.
    return {"Enabled": True, "SSEType": "KMS"} | key if given["enabled"] else {"Enabled": False}


def recovery_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return a table's continuous backups as AWS names them."""
    return {pascal("pointInTimeRecoveryEnabled" if key == "enabled" else key): value for key, value in given.items()}


@creates("aws:kms/key:Key", ignoring="deletionWindowInDays")
def _key(cloud: Account, inputs: Inputs) -> Created:
    kms, rotates = cloud.client("kms"), inputs.take("enableKeyRotation")
    made = kms.create_key(**inputs.take_rest(pascal, customerMasterKeySpec="KeySpec"))["KeyMetadata"]
    if rotates:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return Created(made["KeyId"], {"arn": made["Arn"], "keyId": made["KeyId"]})
