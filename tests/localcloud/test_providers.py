"""The providers against a running emulator: every input of a resource takes effect or is an error."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import requests

from localcloud.deployer.engine import ResourceFailed
from localcloud.providers.inputs import RESOURCE_TYPES
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.localcloud.provided import ALLOW, TRUST, Cloud, Made, resource

ID = [{"name": "id", "type": "S"}]


def test_role_has_its_policies(cloud: Cloud, role: Made):
    iam = cloud.emulator.client("iam")
    names = iam.list_role_policies(RoleName=role["name"])["PolicyNames"]
    assert iam.get_role_policy(RoleName=role["name"], PolicyName=names[0])["PolicyDocument"] == json.loads(ALLOW)
    assert role["arn"] == iam.get_role(RoleName=role["name"])["Role"]["Arn"]
    assert role["name"].startswith("sample-"), "named after the resource, because no name was given"
    aws_owned = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    cloud.make("iam/rolePolicyAttachment", role=role["name"], policyArn=aws_owned)
    attached = iam.list_attached_role_policies(RoleName=role["name"])["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [aws_owned]


def test_queue_has_its_settings_and_policies(cloud: Cloud, queue: Made):
    letters = cloud.make("sqs/queue", name="dead-letters", kmsMasterKeyId="alias/aws/sqs")
    redrive = json.dumps({"deadLetterTargetArn": letters["arn"], "maxReceiveCount": 5})
    fed = cloud.make("sqs/queue", redrivePolicy=redrive)
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue["arn"]]})
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    cloud.make("sqs/redriveAllowPolicy", queueUrl=letters["url"], redriveAllowPolicy=allow)
    cloud.make("sqs/queuePolicy", queueUrl=queue["url"], policy=policy)

    def attributes(made: Made) -> dict[str, str]:
        sqs = cloud.emulator.client("sqs")
        return sqs.get_queue_attributes(QueueUrl=made["url"], AttributeNames=["All"])["Attributes"]

    held = attributes(queue)
    assert held == held | {"VisibilityTimeout": "60", "MessageRetentionPeriod": "345600"}
    assert held == held | {"ReceiveMessageWaitTimeSeconds": "20", "SqsManagedSseEnabled": "true"}
    assert json.loads(attributes(fed)["RedrivePolicy"]) == json.loads(redrive)
    assert json.loads(held["Policy"]) == json.loads(policy)
    assert json.loads(attributes(letters)["RedriveAllowPolicy"]) == json.loads(allow)
    assert attributes(letters)["KmsMasterKeyId"] == "alias/aws/sqs"


def test_table_has_its_settings(cloud: Cloud):
    key = cloud.make("kms/key", description="data", enableKeyRotation=True, deletionWindowInDays=30)
    table = cloud.make(
        "dynamodb/table",
        {"name": "records", "hashKey": "user_id", "attributes": [{"name": "user_id", "type": "S"}]},
        {"billingMode": "PAY_PER_REQUEST", "deletionProtectionEnabled": True},
        onDemandThroughput={"maxReadRequestUnits": 1000, "maxWriteRequestUnits": 500},
        pointInTimeRecovery={"enabled": True},
        serverSideEncryption={"enabled": True, "kmsKeyArn": key["arn"]},
    )
    dynamodb = cloud.emulator.client("dynamodb")
    held = dynamodb.describe_table(TableName="records")["Table"]
    assert held == held | {"TableArn": table["arn"], "TableStatus": "ACTIVE", "DeletionProtectionEnabled": True}
    assert held["KeySchema"] == [{"AttributeName": "user_id", "KeyType": "HASH"}]
    assert held["OnDemandThroughput"] == {"MaxReadRequestUnits": 1000, "MaxWriteRequestUnits": 500}
    assert held["SSEDescription"]["KMSMasterKeyArn"] == key["arn"]
    recovery = dynamodb.describe_continuous_backups(TableName="records")["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_key_rotates_and_has_its_policy(cloud: Cloud):
    kms, policy = cloud.emulator.client("kms"), {"Version": "2012-10-17", "Statement": []}
    key = cloud.make("kms/key", description="data", enableKeyRotation=True, policy=json.dumps(policy))
    assert kms.get_key_rotation_status(KeyId=key["keyId"])["KeyRotationEnabled"]
    assert kms.describe_key(KeyId=key["keyId"])["KeyMetadata"]["Arn"] == key["arn"]
    assert json.loads(kms.get_key_policy(KeyId=key["keyId"])["Policy"]) == policy


def test_function_has_its_settings_and_runs(cloud: Cloud, function: Made):
    client = cloud.emulator.client("lambda")
    held = client.get_function_configuration(FunctionName="greeter")
    levels = {"ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"}
    assert held == held | {"State": "Active", "MemorySize": 512, "Timeout": 7, "Runtime": "python3.13"}
    assert held["TracingConfig"] == {"Mode": "Active"}
    assert held["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "/own/group"} | levels
    assert held["Environment"]["Variables"] == {"GREETING": "hello", "camelCase": "kept"}
    assert len(held["Layers"]) == 1
    assert json.load(client.invoke(FunctionName="greeter")["Payload"]) == "hello"
    assert function["invokeArn"].endswith(f"/functions/{function['arn']}/invocations")


def test_function_has_its_invoke_permission(cloud: Cloud, function: Made):
    source = "arn:aws:execute-api:eu-west-1:123456789012:api/live/GET/*"
    caller = {"principal": "apigateway.amazonaws.com", "sourceArn": source}
    cloud.make("lambda/permission", caller, action="lambda:InvokeFunction", function=function["name"])
    held = json.loads(cloud.emulator.client("lambda").get_policy(FunctionName=function["name"])["Policy"])
    (statement,) = held["Statement"]
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": source}}


def test_alias_has_provisioned_concurrency_and_runs(cloud: Cloud, program: dict[str, Any]):
    settings = {"environment": {"variables": {"GREETING": "hello"}}, "reservedConcurrentExecutions": 3}
    function = cloud.make("lambda/function", program, settings, name="warm", publish=True)
    alias = cloud.make("lambda/alias", name="live", functionName="warm", functionVersion=function["version"])
    warm = {"functionName": "warm", "qualifier": alias["name"], "provisionedConcurrentExecutions": 2}
    cloud.make("lambda/provisionedConcurrencyConfig", warm)
    assert alias["arn"] == f"{function['arn']}:live"
    client = cloud.emulator.client("lambda")
    assert client.get_function_concurrency(FunctionName="warm")["ReservedConcurrentExecutions"] == 3
    held = client.get_provisioned_concurrency_config(FunctionName="warm", Qualifier="live")
    assert held["RequestedProvisionedConcurrentExecutions"] == 2
    assert json.load(client.invoke(FunctionName=alias["arn"])["Payload"]) == "hello"


def test_event_source_mapping_has_its_settings(cloud: Cloud, queue: Made, function: Made):
    client = cloud.emulator.client("lambda")
    role = client.get_function_configuration(FunctionName="greeter")["Role"].rpartition("/")[2]
    cloud.make("iam/rolePolicy", role=role, policy=ALLOW.replace("sqs:SendMessage", "sqs:*"))
    mapping = cloud.make(
        "lambda/eventSourceMapping",
        {"eventSourceArn": queue["arn"], "functionName": function["arn"]},
        {"batchSize": 25, "maximumBatchingWindowInSeconds": 1, "functionResponseTypes": ["ReportBatchItemFailures"]},
        {"scalingConfig": {"maximumConcurrency": 2}, "metricsConfig": {"metrics": ["EventCount"]}},
    )
    held = client.get_event_source_mapping(UUID=mapping["uuid"])
    assert held == held | {"EventSourceArn": queue["arn"], "BatchSize": 25, "MaximumBatchingWindowInSeconds": 1}
    assert held["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert held["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_user_pool_client_has_its_scope_and_secret(cloud: Cloud):
    pool = cloud.make(
        "cognito/userPool",
        {
            "name": "callers",
            "deletionProtection": "ACTIVE",
            "adminCreateUserConfig": {"allowAdminCreateUserOnly": True},
        },
        passwordPolicy={"minimumLength": 20, "requireSymbols": False},
    )
    scopes = [{"scopeName": "read", "scopeDescription": "read it"}]
    server = cloud.make("cognito/resourceServer", userPoolId=pool["id"], identifier="api", name="api", scopes=scopes)
    cloud.make("cognito/userPoolDomain", userPoolId=pool["id"], domain="our-domain")
    client = cloud.make(
        "cognito/userPoolClient",
        {"userPoolId": pool["id"], "name": "program", "generateSecret": True},
        {"allowedOauthFlows": ["client_credentials"], "allowedOauthFlowsUserPoolClient": True},
        {"allowedOauthScopes": ["api/read"], "explicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]},
        {"accessTokenValidity": 30, "tokenValidityUnits": {"accessToken": "minutes"}},
    )
    cognito = cloud.emulator.client("cognito-idp")
    held_pool = cognito.describe_user_pool(UserPoolId=pool["id"])["UserPool"]
    assert (held_pool["Arn"], held_pool["DeletionProtection"]) == (pool["arn"], "ACTIVE")
    assert held_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert held_pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 20
    held = cognito.describe_user_pool_client(UserPoolId=pool["id"], ClientId=client["id"])["UserPoolClient"]
    assert server["scopeIdentifiers"] == ["api/read"]
    assert held == held | {"AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["api/read"]}
    assert (held["AccessTokenValidity"], held["TokenValidityUnits"]["AccessToken"]) == (30, "minutes")
    assert held["ClientSecret"] == client["clientSecret"]


def test_no_notification_leaves_this_machine(cloud: Cloud, queue: Made):
    sns = cloud.emulator.client("sns")
    topic = cloud.make("sns/topic", name="alerts", kmsMasterKeyId="alias/aws/sns")["arn"]
    cloud.make("sns/topicPolicy", arn=topic, policy=ALLOW)
    made = {
        protocol: cloud.make("sns/topicSubscription", topic=topic, protocol=protocol, endpoint=endpoint)["arn"]
        for protocol, endpoint in {"https": "https://pager.example", "email": "who@example.com"}.items()
    }

    def held() -> dict[str, str]:
        listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return {subscription["Protocol"]: subscription["SubscriptionArn"] for subscription in listed}

    eventually(lambda: held() == made)  # the pager confirms a moment later

    def shown() -> set[str]:
        sns.publish(TopicArn=topic, Message="m")
        pages = requests.get(f"{cloud.emulator.endpoint}/_pager.json", timeout=HANG_SECONDS).json()
        return {page["protocol"] for page in pages}

    # test_pager_live.py proves that no endpoint is contacted.
    eventually(lambda: shown() == {"https", "email"})
    local = {"protocol": "sqs", "endpoint": queue["arn"]}
    kept = cloud.make("sns/topicSubscription", local, topic=topic, rawMessageDelivery=True)
    assert sns.get_subscription_attributes(SubscriptionArn=kept["arn"])["Attributes"]["RawMessageDelivery"] == "true"


def test_caller_identity_is_the_emulators_account(cloud: Cloud):
    answer = cloud.providers.invoke("aws:index/getCallerIdentity:getCallerIdentity", {}, None)
    assert answer["accountId"] == cloud.emulator.account_id


def test_unknown_type_or_invoke_is_an_error(cloud: Cloud):
    with pytest.raises(ResourceFailed, match="no provider"):
        cloud.make("s3/bucket")
    with pytest.raises(ResourceFailed, match="does not implement it"):
        cloud.providers.invoke("aws:ssm/getParameter:getParameter", {}, None)


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("sqs/queue", {"unknown": True}),
        ("iam/role", {"assumeRolePolicy": TRUST, "unknown": True}),
        ("cloudwatch/metricAlarm", {"unknown": True}),
        ("dynamodb/table", {"hashKey": "id", "attributes": ID, "onDemandThroughput": {"unknown": 1}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unknown_input_error_names_it(cloud: Cloud, kind: str, inputs: dict[str, Any]):
    with pytest.raises(ResourceFailed, match=r"(?i)unknown"):
        cloud.make(kind, inputs)


def test_absent_input_is_not_unknown(cloud: Cloud):
    cloud.make("sqs/queue", unknown=None, tags={"owner": "us"})


def test_emulator_error_is_one_line(cloud: Cloud):
    cloud.make("iam/role", name="twice", assumeRolePolicy=TRUST)
    with pytest.raises(ResourceFailed, match=r"^[^\n]*AlreadyExists[^\n]*$"):
        cloud.make("iam/role", name="twice", assumeRolePolicy=TRUST)


@pytest.mark.parametrize("code", [None, pulumi.AssetArchive({}), pulumi.FileArchive("/nowhere.zip")])
def test_code_other_than_a_zip_file_is_an_error(cloud: Cloud, role: Made, code: object):
    with pytest.raises(ResourceFailed, match="not a zip file"):
        cloud.make("lambda/layerVersion", layerName="other", code=code)


def test_resource_of_another_region_is_an_error(cloud: Cloud):
    provider = resource("pulumi:providers:aws", {"region": "us-east-1"})
    with pytest.raises(ResourceFailed, match="its provider is for region us-east-1"):
        cloud.providers.create(resource("aws:sqs/queue:Queue", {}, provider=provider))


def test_every_type_is_created_by_a_test():
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("*.py"))
    made = set(re.findall(r'cloud\.make\(\s*"([\w/]+)"', tests))
    assert made == {token.split(":")[1] for token in RESOURCE_TYPES} | {"s3/bucket"}
