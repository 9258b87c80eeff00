"""Tables and keys."""

from localcloud.emulator.process import Emulator
from localcloud.providers.inputs import Created, Inputs, creates, pascal


@creates("aws:dynamodb/table:Table")
def _table(cloud: Emulator, inputs: Inputs) -> Created:
    dynamodb, name = cloud.client("dynamodb"), inputs.take_name()
    keys = {"HASH": inputs.take("hashKey"), "RANGE": inputs.take("rangeKey")}
    attributes = inputs.take("attributes")
    recovery = inputs.take("pointInTimeRecovery", {})
    encryption = inputs.take("serverSideEncryption")
    if encryption:
        key = {"KMSMasterKeyId": encryption["kmsKeyArn"]} if encryption.get("kmsKeyArn") else {}
        # Without a customer key, AWS takes no type: the table uses the key that DynamoDB owns.
        encryption = {"Enabled": True, "SSEType": "KMS"} | key if encryption["enabled"] else {"Enabled": False}
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for kind, key in keys.items() if key],
        AttributeDefinitions=[{"AttributeName": entry["name"], "AttributeType": entry["type"]} for entry in attributes],
        **({"SSESpecification": encryption} if encryption else {}),
        **inputs.take_rest(pascal),
    )["TableDescription"]
    if recovery.get("enabled"):
        given = {"pointInTimeRecoveryEnabled" if key == "enabled" else key: value for key, value in recovery.items()}
        specification = {pascal(key): value for key, value in given.items()}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
    return Created(name, {"arn": made["TableArn"], "name": name})


@creates("aws:kms/key:Key", ignoring="deletionWindowInDays")
def _key(cloud: Emulator, inputs: Inputs) -> Created:
    kms, rotates = cloud.client("kms"), inputs.take("enableKeyRotation")
    made = kms.create_key(**inputs.take_rest(pascal, customerMasterKeySpec="KeySpec"))["KeyMetadata"]
    if rotates:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return Created(made["KeyId"], {"arn": made["Arn"], "keyId": made["KeyId"]})
