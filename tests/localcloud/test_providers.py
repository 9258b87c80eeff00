"""The providers against a running emulator: every input of a resource takes effect or is an error."""

import json
from typing import Any

import pulumi
import pytest

from localcloud.deployer.engine import ResourceFailed
from localcloud.providers import UnknownInvoke, UnknownResourceType, UnknownSetting
from tests.localcloud.provided import ALLOW, TRUST, Cloud, Made, require_whole_file, resource


def test_role_has_its_policies(cloud: Cloud, role: Made):
    iam = cloud.emulator.client("iam")
    names = iam.list_role_policies(RoleName=role["name"])["PolicyNames"]
    assert iam.get_role_policy(RoleName=role["name"], PolicyName=names[0])["PolicyDocument"] == json.loads(ALLOW)
    assert role["arn"] == iam.get_role(RoleName=role["name"])["Role"]["Arn"]
    assert role["name"].startswith("sample-"), "named after the resource, because no name was given"
    aws_owned = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    cloud.make("aws:iam/rolePolicyAttachment:RolePolicyAttachment", role=role["name"], policyArn=aws_owned)
    attached = iam.list_attached_role_policies(RoleName=role["name"])["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [aws_owned]


def test_queue_has_its_settings_and_policies(cloud: Cloud, queue: Made):
    letters = cloud.make("aws:sqs/queue:Queue", name="dead-letters", kmsMasterKeyId="alias/aws/sqs")
    redrive = json.dumps({"deadLetterTargetArn": letters["arn"], "maxReceiveCount": 5})
    fed = cloud.make("aws:sqs/queue:Queue", redrivePolicy=redrive)
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue["arn"]]})
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    cloud.make("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", queueUrl=letters["url"], redriveAllowPolicy=allow)
    cloud.make("aws:sqs/queuePolicy:QueuePolicy", queueUrl=queue["url"], policy=policy)

    def attributes(url: str) -> dict[str, str]:
        return cloud.emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    held = attributes(queue["url"])
    assert held["VisibilityTimeout"] == "60"
    assert held["MessageRetentionPeriod"] == "345600"
    assert held["ReceiveMessageWaitTimeSeconds"] == "20"
    assert held["SqsManagedSseEnabled"] == "true"
    assert json.loads(attributes(fed["url"])["RedrivePolicy"]) == json.loads(redrive)
    assert json.loads(held["Policy"]) == json.loads(policy)
    assert json.loads(attributes(letters["url"])["RedriveAllowPolicy"]) == json.loads(allow)
    assert attributes(letters["url"])["KmsMasterKeyId"] == "alias/aws/sqs"


def test_table_has_its_settings(cloud: Cloud):
    key = cloud.make("aws:kms/key:Key", description="data", enableKeyRotation=True, deletionWindowInDays=30)
    table = cloud.make(
        "aws:dynamodb/table:Table",
        name="records",
        billingMode="PAY_PER_REQUEST",
        attributes=[{"name": "user_id", "type": "S"}],
        hashKey="user_id",
        onDemandThroughput={"maxReadRequestUnits": 1000, "maxWriteRequestUnits": 500},
        pointInTimeRecovery={"enabled": True},
        serverSideEncryption={"enabled": True, "kmsKeyArn": key["arn"]},
        deletionProtectionEnabled=True,
    )
    dynamodb = cloud.emulator.client("dynamodb")
    held = dynamodb.describe_table(TableName="records")["Table"]
    assert table["arn"] == held["TableArn"]
    assert held["TableStatus"] == "ACTIVE"
    assert held["KeySchema"] == [{"AttributeName": "user_id", "KeyType": "HASH"}]
    assert held["DeletionProtectionEnabled"] is True
    assert held["OnDemandThroughput"] == {"MaxReadRequestUnits": 1000, "MaxWriteRequestUnits": 500}
    assert held["SSEDescription"]["KMSMasterKeyArn"] == key["arn"]
    recovery = dynamodb.describe_continuous_backups(TableName="records")["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_key_rotates_and_has_its_policy(cloud: Cloud):
    kms, policy = cloud.emulator.client("kms"), {"Version": "2012-10-17", "Statement": []}
    key = cloud.make("aws:kms/key:Key", description="data", enableKeyRotation=True, policy=json.dumps(policy))
    assert kms.get_key_rotation_status(KeyId=key["keyId"])["KeyRotationEnabled"]
    assert kms.describe_key(KeyId=key["keyId"])["KeyMetadata"]["Arn"] == key["arn"]
    assert json.loads(kms.get_key_policy(KeyId=key["keyId"])["Policy"]) == policy


def test_function_has_its_settings_and_runs(cloud: Cloud, function: Made):
    client = cloud.emulator.client("lambda")
    held = client.get_function_configuration(FunctionName="greeter")
    assert held["State"] == "Active"
    assert (held["MemorySize"], held["Timeout"], held["Runtime"]) == (512, 7, "python3.13")
    assert held["Environment"]["Variables"] == {"GREETING": "hello", "camelCase": "kept"}
    assert len(held["Layers"]) == 1
    assert held["TracingConfig"] == {"Mode": "Active"}
    assert held["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": "/own/group",
        "ApplicationLogLevel": "DEBUG",
        "SystemLogLevel": "INFO",
    }
    assert json.load(client.invoke(FunctionName="greeter")["Payload"]) == "hello"
    assert function["invokeArn"].endswith(f"/functions/{function['arn']}/invocations")


def test_function_has_its_invoke_permission(cloud: Cloud, function: Made):
    source = "arn:aws:execute-api:eu-west-1:123456789012:api/live/GET/*"
    cloud.make(
        "aws:lambda/permission:Permission",
        action="lambda:InvokeFunction",
        function=function["name"],
        principal="apigateway.amazonaws.com",
        sourceArn=source,
    )
    held = json.loads(cloud.emulator.client("lambda").get_policy(FunctionName=function["name"])["Policy"])
    (statement,) = held["Statement"]
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": source}}


def test_function_has_its_reserved_concurrency(cloud: Cloud, role: Made, archive: pulumi.FileArchive):
    made = cloud.make(
        "aws:lambda/function:Function",
        role=role["arn"],
        runtime="python3.13",
        handler="code.handler",
        code=archive,
        reservedConcurrentExecutions=3,
    )
    held = cloud.emulator.client("lambda").get_function_concurrency(FunctionName=made["name"])
    assert held["ReservedConcurrentExecutions"] == 3


def test_alias_has_provisioned_concurrency_and_runs(cloud: Cloud, role: Made, archive: pulumi.FileArchive):
    function = cloud.make(
        "aws:lambda/function:Function",
        name="warm",
        role=role["arn"],
        runtime="python3.13",
        handler="code.handler",
        code=archive,
        environment={"variables": {"GREETING": "hello"}},
        publish=True,
    )
    alias = cloud.make(
        "aws:lambda/alias:Alias", name="live", functionName=function["name"], functionVersion=function["version"]
    )
    cloud.make(
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        functionName=function["name"],
        qualifier=alias["name"],
        provisionedConcurrentExecutions=2,
    )
    assert alias["arn"] == f"{function['arn']}:live"
    client = cloud.emulator.client("lambda")
    held = client.get_provisioned_concurrency_config(FunctionName="warm", Qualifier="live")
    assert held["RequestedProvisionedConcurrentExecutions"] == 2
    assert json.load(client.invoke(FunctionName=alias["arn"])["Payload"]) == "hello"


def test_event_source_mapping_has_its_settings(cloud: Cloud, queue: Made, function: Made):
    cloud.make(
        "aws:iam/rolePolicy:RolePolicy", role=function_role(cloud), policy=ALLOW.replace("sqs:SendMessage", "sqs:*")
    )
    mapping = cloud.make(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        eventSourceArn=queue["arn"],
        functionName=function["arn"],
        batchSize=25,
        maximumBatchingWindowInSeconds=1,
        functionResponseTypes=["ReportBatchItemFailures"],
        scalingConfig={"maximumConcurrency": 2},
        metricsConfig={"metrics": ["EventCount"]},
    )
    held = cloud.emulator.client("lambda").get_event_source_mapping(UUID=mapping["uuid"])
    assert held["EventSourceArn"] == queue["arn"]
    assert (held["BatchSize"], held["MaximumBatchingWindowInSeconds"]) == (25, 1)
    assert held["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert held["ScalingConfig"] == {"MaximumConcurrency": 2}


def function_role(cloud: Cloud) -> str:
    held = cloud.emulator.client("lambda").get_function_configuration(FunctionName="greeter")
    return held["Role"].rpartition("/")[2]


def test_user_pool_client_has_its_scope_and_secret(cloud: Cloud):
    pool = cloud.make(
        "aws:cognito/userPool:UserPool",
        name="callers",
        adminCreateUserConfig={"allowAdminCreateUserOnly": True},
        passwordPolicy={"minimumLength": 20, "requireSymbols": False},
        deletionProtection="ACTIVE",
    )
    server = cloud.make(
        "aws:cognito/resourceServer:ResourceServer",
        userPoolId=pool["id"],
        identifier="api",
        name="api",
        scopes=[{"scopeName": "read", "scopeDescription": "read it"}],
    )
    cloud.make("aws:cognito/userPoolDomain:UserPoolDomain", userPoolId=pool["id"], domain="our-domain")
    client = cloud.make(
        "aws:cognito/userPoolClient:UserPoolClient",
        userPoolId=pool["id"],
        name="program",
        generateSecret=True,
        allowedOauthFlows=["client_credentials"],
        allowedOauthFlowsUserPoolClient=True,
        allowedOauthScopes=["api/read"],
        accessTokenValidity=30,
        tokenValidityUnits={"accessToken": "minutes"},
        explicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"],
    )
    cognito = cloud.emulator.client("cognito-idp")
    held_pool = cognito.describe_user_pool(UserPoolId=pool["id"])["UserPool"]
    assert held_pool["Arn"] == pool["arn"]
    assert held_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert held_pool["DeletionProtection"] == "ACTIVE"
    assert held_pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 20
    held = cognito.describe_user_pool_client(UserPoolId=pool["id"], ClientId=client["id"])["UserPoolClient"]
    assert server["scopeIdentifiers"] == ["api/read"]
    assert held["AllowedOAuthFlows"] == ["client_credentials"]
    assert held["AllowedOAuthScopes"] == ["api/read"]
    assert (held["AccessTokenValidity"], held["TokenValidityUnits"]["AccessToken"]) == (30, "minutes")
    assert held["ClientSecret"] == client["clientSecret"]


def test_no_notification_leaves_this_machine(cloud: Cloud, queue: Made):
    sns = cloud.emulator.client("sns")
    topic = cloud.make("aws:sns/topic:Topic", name="alerts", kmsMasterKeyId="alias/aws/sns")
    cloud.make("aws:sns/topicPolicy:TopicPolicy", arn=topic["arn"], policy=ALLOW)
    for protocol, endpoint in {"https": "https://pager.example", "email": "who@example.com"}.items():
        cloud.make(
            "aws:sns/topicSubscription:TopicSubscription", topic=topic["arn"], protocol=protocol, endpoint=endpoint
        )
    assert sns.list_subscriptions_by_topic(TopicArn=topic["arn"])["Subscriptions"] == []
    kept = cloud.make(
        "aws:sns/topicSubscription:TopicSubscription",
        topic=topic["arn"],
        protocol="sqs",
        endpoint=queue["arn"],
        rawMessageDelivery=True,
    )
    assert sns.get_subscription_attributes(SubscriptionArn=kept["arn"])["Attributes"]["RawMessageDelivery"] == "true"


def test_caller_identity_is_the_emulators_account(cloud: Cloud):
    answer = cloud.providers.invoke("aws:index/getCallerIdentity:getCallerIdentity", {}, None)
    assert answer["accountId"] == cloud.emulator.account_id


def test_unknown_type_is_an_error(cloud: Cloud):
    with pytest.raises(UnknownResourceType, match=r"no provider"):
        cloud.make("aws:s3/bucket:Bucket")


def test_unknown_invoke_is_an_error(cloud: Cloud):
    with pytest.raises(UnknownInvoke, match="does not implement it"):
        cloud.providers.invoke("aws:ssm/getParameter:getParameter", {}, None)


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        ("aws:sqs/queue:Queue", {"unknown": True}),
        ("aws:iam/role:Role", {"assumeRolePolicy": TRUST, "unknown": True}),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"unknown": True}),
        (
            "aws:dynamodb/table:Table",
            {"hashKey": "id", "attributes": [{"name": "id", "type": "S"}], "onDemandThroughput": {"unknown": 1}},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unknown_input_error_names_it(cloud: Cloud, token: str, inputs: dict[str, Any]):
    with pytest.raises(ResourceFailed, match=r"(?i)unknown"):
        cloud.make(token, **inputs)


def test_absent_input_is_not_unknown(cloud: Cloud):
    cloud.make("aws:sqs/queue:Queue", unknown=None, tags={"owner": "us"})


def test_emulator_error_is_one_line(cloud: Cloud):
    cloud.make("aws:iam/role:Role", name="twice", assumeRolePolicy=TRUST)
    with pytest.raises(ResourceFailed, match=r"^[^\n]*AlreadyExists[^\n]*$"):
        cloud.make("aws:iam/role:Role", name="twice", assumeRolePolicy=TRUST)


@pytest.mark.parametrize("code", [None, pulumi.AssetArchive({}), pulumi.FileArchive("/nowhere.zip")])
def test_code_other_than_a_zip_file_is_an_error(cloud: Cloud, role: Made, code: object):
    with pytest.raises(ResourceFailed, match="not a zip file"):
        cloud.make("aws:lambda/layerVersion:LayerVersion", layerName="other", code=code)


def test_resource_of_another_region_is_an_error(cloud: Cloud):
    provider = resource("pulumi:providers:aws", {"region": "us-east-1"})
    with pytest.raises(UnknownSetting, match="us-east-1"):
        cloud.providers.create(resource("aws:sqs/queue:Queue", {}, provider=provider))


def test_every_type_was_created_above(cloud: Cloud, request: pytest.FixtureRequest):
    require_whole_file(request)
    assert cloud.not_made(services=False) == set()
