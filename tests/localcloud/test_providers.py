"""The providers against a running emulator: what a resource says is what the emulator then holds, or it is an error."""

import io
import json
import zipfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest

from localcloud.emulator import Emulator
from localcloud.engine import Resource, ResourceFailed
from localcloud.providers import Providers, UnknownInvoke, UnknownResourceType, UnknownSetting
from localcloud.providers.inputs import PROVIDERS

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
)
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
)


def resource(token: str, inputs: dict[str, Any], provider: Resource | None = None) -> Resource:
    """As much of a resource as a provider may look at."""
    return cast(Resource, SimpleNamespace(type=token, name="sample", inputs=inputs, provider=provider))


class Made(dict[str, Any]):
    """Outputs of one resource, its id among them."""


class Cloud:
    """An emulator whose resources are made by the providers."""

    def __init__(self, emulator: Emulator):
        self.emulator = emulator
        self.providers = Providers(emulator)
        self.made_types: set[str] = set()

    def make(self, token: str, /, **inputs: Any) -> Made:
        created = self.providers.create(resource(token, inputs))
        self.made_types.add(token)
        return Made(created.outputs, id=created.id)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Emulator.start() as emulator:
        yield Cloud(emulator)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> pulumi.FileArchive:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as code:
        code.writestr("code.py", "import os\ndef handler(event, context): return os.environ['GREETING']\n")
        code.writestr("python/extra.py", "")
    path = tmp_path_factory.mktemp("archive") / "code.zip"
    path.write_bytes(content.getvalue())
    return pulumi.FileArchive(str(path))


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> Made:
    made = cloud.make("aws:iam/role:Role", assumeRolePolicy=TRUST, description="a role", tags={"owner": "us"})
    cloud.make("aws:iam/rolePolicy:RolePolicy", role=made["id"], policy=ALLOW)
    return made


@pytest.fixture(scope="module")
def queue(cloud: Cloud) -> Made:
    return cloud.make(
        "aws:sqs/queue:Queue",
        name="events",
        visibilityTimeoutSeconds=60,
        messageRetentionSeconds=345600,
        receiveWaitTimeSeconds=20,
        sqsManagedSseEnabled=True,
    )


@pytest.fixture(scope="module")
def function(cloud: Cloud, role: Made, archive: pulumi.FileArchive) -> Made:
    group = cloud.make("aws:cloudwatch/logGroup:LogGroup", name="/own/group", retentionInDays=14, skipDestroy=False)
    layer = cloud.make(
        "aws:lambda/layerVersion:LayerVersion",
        layerName="dependencies",
        code=archive,
        compatibleRuntimes=["python3.13"],
        compatibleArchitectures=["arm64"],
    )
    made = cloud.make(
        "aws:lambda/function:Function",
        name="greeter",
        role=role["arn"],
        runtime="python3.13",
        handler="code.handler",
        code=archive,
        layers=[layer["arn"]],
        architectures=["arm64"],
        memorySize=512,
        timeout=7,
        reservedConcurrentExecutions=-1,
        environment={"variables": {"GREETING": "hello", "camelCase": "kept"}},
        tracingConfig={"mode": "Active"},
        loggingConfig={
            "logFormat": "JSON",
            "logGroup": group["name"],
            "applicationLogLevel": "DEBUG",
            "systemLogLevel": "INFO",
        },
    )
    groups = cloud.emulator.client("logs").describe_log_groups(logGroupNamePrefix="/own/group")["logGroups"]
    assert groups[0]["retentionInDays"] == 14
    assert group["arn"] == groups[0]["arn"].removesuffix(":*")
    return made


def test_a_role_may_do_what_its_policy_says(cloud: Cloud, role: Made):
    iam = cloud.emulator.client("iam")
    names = iam.list_role_policies(RoleName=role["name"])["PolicyNames"]
    assert iam.get_role_policy(RoleName=role["name"], PolicyName=names[0])["PolicyDocument"] == json.loads(ALLOW)
    assert role["arn"] == iam.get_role(RoleName=role["name"])["Role"]["Arn"]
    assert role["name"].startswith("sample-"), "named after the resource, as nothing else was said"
    aws_owned = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    cloud.make("aws:iam/rolePolicyAttachment:RolePolicyAttachment", role=role["name"], policyArn=aws_owned)
    attached = iam.list_attached_role_policies(RoleName=role["name"])["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [aws_owned]


def test_a_queue_holds_its_settings_and_policies(cloud: Cloud, queue: Made):
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


def test_a_table_holds_its_settings(cloud: Cloud):
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


def test_a_key_rotates_and_has_its_policy(cloud: Cloud):
    kms, policy = cloud.emulator.client("kms"), {"Version": "2012-10-17", "Statement": []}
    key = cloud.make("aws:kms/key:Key", description="data", enableKeyRotation=True, policy=json.dumps(policy))
    assert kms.get_key_rotation_status(KeyId=key["keyId"])["KeyRotationEnabled"]
    assert kms.describe_key(KeyId=key["keyId"])["KeyMetadata"]["Arn"] == key["arn"]
    assert json.loads(kms.get_key_policy(KeyId=key["keyId"])["Policy"]) == policy


def test_a_function_holds_its_settings_and_runs(cloud: Cloud, function: Made):
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


def test_a_reservation_reaches_the_function(cloud: Cloud, role: Made, archive: pulumi.FileArchive):
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


def test_an_alias_is_kept_warm_and_runs(cloud: Cloud, role: Made, archive: pulumi.FileArchive):
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


def test_a_mapping_holds_its_settings(cloud: Cloud, queue: Made, function: Made):
    cloud.make(
        "aws:iam/rolePolicy:RolePolicy",
        role=function_role(cloud),
        policy=ALLOW.replace("sqs:SendMessage", "sqs:*"),
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


def test_a_client_can_have_one_scope_with_its_credentials_only(cloud: Cloud):
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


def test_an_api_holds_its_settings(cloud: Cloud, function: Made):
    pool = cloud.make("aws:cognito/userPool:UserPool", name="of-the-api")
    api = cloud.make("aws:apigateway/restApi:RestApi", name="api", endpointConfiguration={"types": "REGIONAL"})
    users = cloud.make(
        "aws:apigateway/resource:Resource", restApi=api["id"], parentId=api["rootResourceId"], pathPart="{user_id}"
    )
    authorizer = cloud.make(
        "aws:apigateway/authorizer:Authorizer",
        restApi=api["id"],
        name="tokens",
        type="COGNITO_USER_POOLS",
        providerArns=[pool["arn"]],
        identitySource="method.request.header.Authorization",
    )
    validator = cloud.make(
        "aws:apigateway/requestValidator:RequestValidator",
        restApi=api["id"],
        name="parameters",
        validateRequestParameters=True,
        validateRequestBody=False,
    )
    where = {"restApi": api["id"], "resourceId": users["id"], "httpMethod": "GET"}
    cloud.make(
        "aws:apigateway/method:Method",
        **where,
        authorization="COGNITO_USER_POOLS",
        authorizerId=authorizer["id"],
        authorizationScopes=["api/read"],
        requestValidatorId=validator["id"],
        requestParameters={"method.request.path.user_id": True},
    )
    cloud.make(
        "aws:apigateway/integration:Integration",
        **where,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=function["invokeArn"],
        timeoutMilliseconds=6000,
    )
    cloud.make(
        "aws:lambda/permission:Permission",
        action="lambda:InvokeFunction",
        function=function["name"],
        principal="apigateway.amazonaws.com",
        sourceArn=f"{api['executionArn']}/live/GET/*",
    )
    cloud.make(
        "aws:apigateway/response:Response",
        restApiId=api["id"],
        responseType="UNAUTHORIZED",
        statusCode="401",
        responseTemplates={"application/json": '{"message": "no token"}'},
    )
    deployment = cloud.make(
        "aws:apigateway/deployment:Deployment", restApi=api["id"], triggers={"redeployment": "hash"}
    )
    logs = "arn:aws:logs:eu-west-1:123456789012:log-group:/access"
    stage = cloud.make(
        "aws:apigateway/stage:Stage",
        restApi=api["id"],
        deployment=deployment["id"],
        stageName="live",
        xrayTracingEnabled=True,
        accessLogSettings={"destinationArn": logs, "format": "$context.requestId"},
    )
    cloud.make(
        "aws:apigateway/methodSettings:MethodSettings",
        restApi=api["id"],
        stageName="live",
        methodPath="*/*",
        settings={
            "metricsEnabled": True,
            "dataTraceEnabled": False,
            "loggingLevel": "ERROR",
            "throttlingRateLimit": 10,
            "throttlingBurstLimit": 20,
        },
    )
    client = cloud.emulator.client("apigateway")
    method = client.get_method(restApiId=api["id"], resourceId=users["id"], httpMethod="GET")
    assert method["authorizationScopes"] == ["api/read"]
    assert method["authorizerId"] == authorizer["id"]
    assert method["requestValidatorId"] == validator["id"]
    assert method["requestParameters"] == {"method.request.path.user_id": True}
    assert method["methodIntegration"]["timeoutInMillis"] == 6000
    held = client.get_stage(restApiId=api["id"], stageName="live")
    assert held["deploymentId"] == deployment["id"]
    assert held["tracingEnabled"] is True
    assert held["accessLogSettings"] == {"destinationArn": logs, "format": "$context.requestId"}
    settings = held["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (10, 20)
    assert (settings["metricsEnabled"], settings["dataTraceEnabled"]) == (True, False)
    assert settings["loggingLevel"] == "ERROR"
    assert stage["invokeUrl"] == cloud.emulator.api_url(api["id"], "live")


def test_the_setting_of_api_gateway_for_the_account_is_held(cloud: Cloud, role: Made):
    cloud.make("aws:apigateway/account:Account", cloudwatchRoleArn=role["arn"])
    assert cloud.emulator.client("apigateway").get_account()["cloudwatchRoleArn"] == role["arn"]


def test_nobody_outside_this_machine_is_ever_notified(cloud: Cloud, queue: Made):
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


def test_alarms_dashboards_and_queries_are_held(cloud: Cloud):
    cloudwatch = cloud.emulator.client("cloudwatch")
    plain = cloud.make(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        name="one-metric",
        comparisonOperator="GreaterThanThreshold",
        evaluationPeriods=3,
        datapointsToAlarm=2,
        metricName="Errors",
        namespace="AWS/Lambda",
        dimensions={"FunctionName": "greeter"},
        statistic="Sum",
        period=60,
        threshold=0,
        treatMissingData="notBreaching",
        okActions=["arn:aws:sns:eu-west-1:123456789012:alerts"],
    )
    cloud.make(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        name="a-ratio",
        comparisonOperator="GreaterThanThreshold",
        evaluationPeriods=1,
        threshold=0.5,
        metricQueries=[
            {"id": "ratio", "expression": "bad / 2", "label": "share", "returnData": True},
            {
                "id": "bad",
                "metric": {
                    "metricName": "Errors",
                    "namespace": "AWS/Lambda",
                    "period": 60,
                    "stat": "Sum",
                    "dimensions": {"FunctionName": "greeter"},
                },
            },
        ],
    )
    cloud.make(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        alarmName="either",
        alarmRule="ALARM(one-metric) OR ALARM(a-ratio)",
        actionsSuppressor={"alarm": plain["arn"], "extensionPeriod": 60, "waitPeriod": 60},
    )
    cloud.make("aws:cloudwatch/dashboard:Dashboard", dashboardName="board", dashboardBody='{"widgets": []}')
    cloud.make(
        "aws:cloudwatch/queryDefinition:QueryDefinition",
        name="failures",
        queryString="fields @message",
        logGroupNames=["/own/group"],
    )
    logs = cloud.emulator.client("logs")
    cloud.make("aws:cloudwatch/logGroup:LogGroup", name="/own/access")
    cloud.make("aws:cloudwatch/logIndexPolicy:LogIndexPolicy", logGroupName="/own/access", policyDocument="{}")
    cloud.make(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        name="refused",
        logGroupName="/own/access",
        pattern='{ $.status = "401" }',
        metricTransformation={
            "name": "Refused",
            "namespace": "Own",
            "value": "1",
            "dimensions": {"stack": "$.stack"},
        },
    )
    (kept,) = logs.describe_metric_filters(logGroupName="/own/access")["metricFilters"]
    assert (kept["filterName"], kept["filterPattern"]) == ("refused", '{ $.status = "401" }')
    assert kept["metricTransformations"][0]["metricName"] == "Refused"
    cloud.make("aws:xray/group:Group", groupName="own", filterExpression="fault = true")
    cloud.make("aws:xray/samplingRule:SamplingRule", ruleName="own", priority=1, version=1, fixedRate=0.05)
    held = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    one, ratio = sorted(held["MetricAlarms"], key=lambda alarm: alarm["AlarmName"], reverse=True)
    assert one["AlarmArn"] == plain["arn"]
    assert one["Dimensions"] == [{"Name": "FunctionName", "Value": "greeter"}]
    assert (one["DatapointsToAlarm"], one["TreatMissingData"]) == (2, "notBreaching")
    assert one["OKActions"] == ["arn:aws:sns:eu-west-1:123456789012:alerts"]
    # The emulator answers no metric math; that the call was right is what boto3 checked on its way.
    assert (ratio["AlarmName"], ratio["Threshold"]) == ("a-ratio", 0.5)
    assert held["CompositeAlarms"][0]["AlarmRule"] == "ALARM(one-metric) OR ALARM(a-ratio)"
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == '{"widgets": []}'


def test_the_program_learns_whose_account_it_is(cloud: Cloud):
    answer = cloud.providers.invoke("aws:index/getCallerIdentity:getCallerIdentity", {}, None)
    assert answer["accountId"] == cloud.emulator.account_id


def test_an_unknown_type_is_an_error(cloud: Cloud):
    with pytest.raises(UnknownResourceType, match=r"no provider"):
        cloud.make("aws:s3/bucket:Bucket")


def test_an_unknown_question_is_an_error(cloud: Cloud):
    with pytest.raises(UnknownInvoke, match="no answer"):
        cloud.providers.invoke("aws:ssm/getParameter:getParameter", {}, None)


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        ("aws:sqs/queue:Queue", {"wishes": True}),
        ("aws:iam/role:Role", {"assumeRolePolicy": TRUST, "wishes": True}),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"wishes": True}),
        (
            "aws:dynamodb/table:Table",
            {"hashKey": "id", "attributes": [{"name": "id", "type": "S"}], "onDemandThroughput": {"wishes": 1}},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unknown_input_is_an_error_that_names_it(cloud: Cloud, token: str, inputs: dict[str, Any]):
    with pytest.raises(ResourceFailed, match=r"(?i)wishes"):
        cloud.make(token, **inputs)


def test_what_is_not_said_is_not_an_unknown_input(cloud: Cloud):
    cloud.make("aws:sqs/queue:Queue", wishes=None, tags={"owner": "us"})


def test_a_refusal_of_the_emulator_is_one_line(cloud: Cloud):
    cloud.make("aws:iam/role:Role", name="twice", assumeRolePolicy=TRUST)
    with pytest.raises(ResourceFailed, match=r"^[^\n]*AlreadyExists[^\n]*$"):
        cloud.make("aws:iam/role:Role", name="twice", assumeRolePolicy=TRUST)


@pytest.mark.parametrize("code", [None, pulumi.AssetArchive({}), pulumi.FileArchive("/nowhere.zip")])
def test_code_that_is_not_a_zip_file_is_an_error(cloud: Cloud, role: Made, code: object):
    with pytest.raises(ResourceFailed, match="not a zip file"):
        cloud.make("aws:lambda/layerVersion:LayerVersion", layerName="other", code=code)


def test_a_resource_of_another_region_is_an_error(cloud: Cloud):
    provider = resource("pulumi:providers:aws", {"region": "us-east-1"})
    with pytest.raises(UnknownSetting, match="us-east-1"):
        cloud.providers.create(resource("aws:sqs/queue:Queue", {}, provider=provider))


def test_every_type_was_made_above(cloud: Cloud, request: pytest.FixtureRequest):
    if len(request.session.items) < 20:
        pytest.skip("only when the whole file runs")
    assert PROVIDERS.keys() - cloud.made_types == set()
