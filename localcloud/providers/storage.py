"""Tables and keys."""

from localcloud.emulator.process import Emulator
from localcloud.providers.inputs import Inputs, Made, pascal, provides


@provides("aws:dynamodb/table:Table")
def _table(cloud: Emulator, given: Inputs) -> Made:
    dynamodb, name = cloud.client("dynamodb"), given.take_name()
    keys = {"HASH": given.take("hashKey"), "RANGE": given.take("rangeKey")}
    attributes = given.take("attributes")
    recovery = given.take("pointInTimeRecovery", {})
    encryption = given.take("serverSideEncryption")
    if encryption:
        encryption = {"Enabled": encryption["enabled"], "SSEType": "KMS"} | (
            {"KMSMasterKeyId": encryption["kmsKeyArn"]} if encryption.get("kmsKeyArn") else {}
        )
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for kind, key in keys.items() if key],
        AttributeDefinitions=[{"AttributeName": one["name"], "AttributeType": one["type"]} for one in attributes],
        **({"SSESpecification": encryption} if encryption else {}),
        **given.take_rest(pascal),
    )["TableDescription"]
    if recovery.get("enabled"):
        dynamodb.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={
                pascal("pointInTimeRecoveryEnabled" if key == "enabled" else key): value
                for key, value in recovery.items()
            },
        )
    return name, {"arn": made["TableArn"], "name": name}


@provides("aws:kms/key:Key", ignoring="deletionWindowInDays")
def _key(cloud: Emulator, given: Inputs) -> Made:
    kms, rotates = cloud.client("kms"), given.take("enableKeyRotation")
    made = kms.create_key(**given.take_rest(pascal, customerMasterKeySpec="KeySpec"))["KeyMetadata"]
    if rotates:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return made["KeyId"], {"arn": made["Arn"], "keyId": made["KeyId"]}
