"""Queues, the table, keys and rights."""

import json
from typing import Any

from tests.localcloud.plugin_driver import Managed
from tests.localcloud.plugin_world import BOUNDARY, Case, Seen, World, document
from tests.localcloud.provided import TRUST


def _attribute(name: str) -> Seen:
    def seen(world: World, made: Managed) -> Any:
        attributes = world.client("sqs").get_queue_attributes(QueueUrl=made.id, AttributeNames=["All"])["Attributes"]
        return attributes.get(name)

    return seen


CASES = [
    Case(
        kind="sqs/queue",
        inputs=lambda _: {"name": "sample", "visibilityTimeoutSeconds": 60, "kmsMasterKeyId": "alias/aws/sqs"},
        change=lambda _: {"visibilityTimeoutSeconds": 90, "kmsMasterKeyId": None, "sqsManagedSseEnabled": True},
        seen=lambda w, made: (
            _attribute("VisibilityTimeout")(w, made),
            _attribute("KmsMasterKeyId")(w, made) or None,
            _attribute("SqsManagedSseEnabled")(w, made),
        ),
        then=("90", None, "true"),
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="sqs/queuePolicy",
        inputs=lambda w: {"queueUrl": w.queue.id, "policy": document("sqs:SendMessage")},
        change=lambda _: {"policy": document("sqs:ReceiveMessage")},
        seen=_attribute("Policy"),
        then=document("sqs:ReceiveMessage"),
        replace=lambda w: {"queueUrl": w.other_queue.id},
    ),
    Case(
        kind="sqs/redriveAllowPolicy",
        inputs=lambda w: {"queueUrl": w.queue.id, "redriveAllowPolicy": '{"redrivePermission": "allowAll"}'},
        change=lambda _: {"redriveAllowPolicy": '{"redrivePermission": "denyAll"}'},
        seen=_attribute("RedriveAllowPolicy"),
        then='{"redrivePermission": "denyAll"}',
        replace=lambda w: {"queueUrl": w.other_queue.id},
    ),
    Case(
        kind="dynamodb/table",
        inputs=lambda _: {
            "name": "sample",
            "hashKey": "id",
            "attributes": [{"name": "id", "type": "S"}],
            "billingMode": "PAY_PER_REQUEST",
            "pointInTimeRecovery": {"enabled": False},
            "deletionProtectionEnabled": False,
            "onDemandThroughput": {"maxReadRequestUnits": 10, "maxWriteRequestUnits": 10},
        },
        change=lambda _: {
            "pointInTimeRecovery": {"enabled": True},
            "onDemandThroughput": {"maxReadRequestUnits": 20, "maxWriteRequestUnits": 10},
            "serverSideEncryption": {"enabled": True},
        },
        seen=lambda w, made: (
            (table := w.client("dynamodb").describe_table(TableName=made.id)["Table"])["OnDemandThroughput"][
                "MaxReadRequestUnits"
            ],
            table.get("SSEDescription", {}).get("SSEType"),
            w.client("dynamodb").describe_continuous_backups(TableName=made.id)["ContinuousBackupsDescription"][
                "PointInTimeRecoveryDescription"
            ]["PointInTimeRecoveryStatus"],
        ),
        then=(20, "KMS", "ENABLED"),
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="kms/key",
        inputs=lambda _: {
            "description": "before",
            "policy": document("kms:*"),
            "enableKeyRotation": True,
            "deletionWindowInDays": 7,
        },
        change=lambda _: {
            "description": "after",
            "policy": document("kms:Decrypt"),
            "enableKeyRotation": False,
            "deletionWindowInDays": 30,
        },
        seen=lambda w, made: (
            w.client("kms").describe_key(KeyId=made.id)["KeyMetadata"]["Description"],
            w.client("kms").get_key_policy(KeyId=made.id)["Policy"],
            w.client("kms").get_key_rotation_status(KeyId=made.id)["KeyRotationEnabled"],
        ),
        then=("after", document("kms:Decrypt"), False),
        replace=lambda _: {"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "RSA_2048", "enableKeyRotation": None},
    ),
    Case(
        kind="iam/role",
        inputs=lambda _: {"assumeRolePolicy": TRUST},
        change=lambda _: {"assumeRolePolicy": TRUST.replace("lambda", "apigateway"), "permissionsBoundary": BOUNDARY},
        seen=lambda w, made: (
            (role := w.client("iam").get_role(RoleName=made.id)["Role"])["AssumeRolePolicyDocument"],
            role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        ),
        then=(json.loads(TRUST.replace("lambda", "apigateway")), BOUNDARY),
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="iam/rolePolicy",
        inputs=lambda w: {"role": w.role.id, "policy": document("sqs:SendMessage")},
        change=lambda _: {"policy": document("sqs:ReceiveMessage")},
        # Every permission that the role then has: a second policy would keep the old one.
        seen=lambda w, made: [
            w.client("iam").get_role_policy(RoleName=made["role"], PolicyName=name)["PolicyDocument"]
            for name in w.client("iam").list_role_policies(RoleName=made["role"])["PolicyNames"]
            if name.startswith("sample")
        ],
        then=[json.loads(document("sqs:ReceiveMessage"))],
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="iam/rolePolicyAttachment",
        inputs=lambda w: {"role": w.role.id, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        replace=lambda _: {"policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"},
    ),
]
