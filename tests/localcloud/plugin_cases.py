"""For each type of the program: a resource, a change in place that boto3 sees, and a change that replaces it."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from localcloud.emulator.process import Emulator
from tests.localcloud.plugin_driver import Driver, Managed, archive
from tests.localcloud.provided import ALLOW, TRUST

BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"

Inputs = dict[str, Any]


class World:
    """What the resources of the cases refer to, made by the plugin when it is first needed."""

    def __init__(self, emulator: Emulator, driver: Driver, directory: Path):
        self._emulator, self.driver, self._directory = emulator, driver, directory

    def client(self, service: str) -> Any:
        return self._emulator.client(service)

    def code(self, name: str, returned: str = "one") -> dict[str, str]:
        """Return an archive with a function that returns a text."""
        path = self._directory / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("code.py", f"def handler(event, context): return {returned!r}\n")
        return archive(str(path))

    def _make(self, kind: str, inputs: Inputs, name: str = "base") -> Managed:
        return self.driver.create(kind, inputs, name)

    @cached_property
    def role(self) -> Managed:
        role = self._make("iam/role", {"assumeRolePolicy": TRUST})
        policy = ALLOW.replace("sqs:SendMessage", "sqs:*")
        self._make("iam/rolePolicy", {"role": role["name"], "policy": policy})
        return role

    @cached_property
    def function(self) -> Managed:
        return self._make("lambda/function", self.program | {"name": "base-function", "publish": True})

    @property
    def program(self) -> Inputs:
        return {
            "role": self.role["arn"],
            "runtime": "python3.13",
            "handler": "code.handler",
            "code": self.code("base"),
        }

    @cached_property
    def other_function(self) -> Managed:
        return self._make("lambda/function", self.program | {"name": "other-function", "publish": True})

    @cached_property
    def rule(self) -> Managed:
        return self._make("cloudwatch/eventRule", {"name": "base-rule", "scheduleExpression": "rate(1 hour)"})

    @cached_property
    def queue(self) -> Managed:
        return self._make("sqs/queue", {"name": "base-queue", "visibilityTimeoutSeconds": 60})

    @cached_property
    def other_queue(self) -> Managed:
        return self._make("sqs/queue", {"name": "other-queue", "visibilityTimeoutSeconds": 60})

    @cached_property
    def topic(self) -> Managed:
        return self._make("sns/topic", {"name": "base-topic"})

    @cached_property
    def other_topic(self) -> Managed:
        return self._make("sns/topic", {"name": "other-topic"})

    @cached_property
    def group(self) -> Managed:
        return self._make("cloudwatch/logGroup", {"name": "/base"})

    @cached_property
    def other_group(self) -> Managed:
        return self._make("cloudwatch/logGroup", {"name": "/other"})

    @cached_property
    def pool(self) -> Managed:
        return self._make("cognito/userPool", {"name": "base-pool"})

    @cached_property
    def other_pool(self) -> Managed:
        return self._make("cognito/userPool", {"name": "other-pool"})

    @cached_property
    def api(self) -> Managed:
        return self._make("apigateway/restApi", {"name": "base-api"})

    @cached_property
    def other_api(self) -> Managed:
        return self._make("apigateway/restApi", {"name": "other-api"})

    @cached_property
    def path(self) -> Managed:
        return self._make("apigateway/resource", self.of_api | {"parentId": self.root, "pathPart": "base"})

    @cached_property
    def method(self) -> Managed:
        return self._make("apigateway/method", self.of_path | {"authorization": "NONE", "httpMethod": "POST"})

    @cached_property
    def deployment(self) -> Managed:
        return self._make("apigateway/deployment", self.of_api)

    @cached_property
    def stage(self) -> Managed:
        return self._make("apigateway/stage", self.of_api | {"stageName": "base", "deployment": self.deployment.id})

    @property
    def of_api(self) -> Inputs:
        return {"restApi": self.api.id}

    @property
    def of_path(self) -> Inputs:
        return self.of_api | {"resourceId": self.path.id}

    @property
    def root(self) -> str:
        return self.api["rootResourceId"]


Seen = Callable[[World, Managed], Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A resource of a type, and what becomes of it."""

    kind: str
    inputs: Callable[[World], Inputs]
    change: Callable[[World], Inputs] | None = None
    """None: nothing changes in place."""
    seen: Seen | None = None
    """What boto3 sees that the change has changed."""
    then: Any = None
    """What it must see afterwards."""
    replace: Callable[[World], Inputs] | None = None
    """None: nothing replaces it."""


def document(action: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _attribute(name: str) -> Seen:
    def seen(world: World, made: Managed) -> Any:
        attributes = world.client("sqs").get_queue_attributes(QueueUrl=made.id, AttributeNames=["All"])["Attributes"]
        return attributes.get(name)

    return seen


def _of_api(operation: str, key: str, **where: str) -> Seen:
    def seen(world: World, made: Managed) -> Any:
        call = getattr(world.client("apigateway"), operation)
        return call(**{name: made[source] for name, source in where.items()}).get(key)

    return seen


def _alarm(kind: str, key: str) -> Seen:
    def seen(world: World, made: Managed) -> Any:
        found = world.client("cloudwatch").describe_alarms(AlarmNames=[made.id], AlarmTypes=[kind])
        return found[f"{kind}s"][0][key]

    return seen


_SAMPLED = {"priority": 1, "version": 1, "fixedRate": 0.05, "reservoirSize": 1} | dict.fromkeys(
    ("host", "httpMethod", "urlPath", "serviceName", "serviceType", "resourceArn"), "*"
)


def _saved_query(world: World, made: Managed) -> str:
    found = world.client("logs").describe_query_definitions()["queryDefinitions"]
    (text,) = (query["queryString"] for query in found if query["queryDefinitionId"] == made.id)
    return text


_THRESHOLD = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "metricName": "Errors",
    "namespace": "AWS/Lambda",
    "period": 60,
    "statistic": "Sum",
    "threshold": 5,
}
_STAGE = {"restApiId": "restApi", "stageName": "stageName"}
_GET = {"restApiId": "restApi", "resourceId": "resourceId", "httpMethod": "httpMethod"}

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
    Case(
        kind="lambda/layerVersion",
        inputs=lambda w: {"layerName": "sample", "code": w.code("layer"), "compatibleRuntimes": ["python3.13"]},
        replace=lambda w: {"code": w.code("layer-2", "two")},
    ),
    Case(
        kind="lambda/function",
        inputs=lambda w: w.program | {"name": "sample", "timeout": 3, "publish": True},
        change=lambda w: {
            "code": w.code("function-2", "two"),
            "timeout": 9,
            "environment": {"variables": {"camelCase": "kept"}},
            "reservedConcurrentExecutions": 2,
        },
        seen=lambda w, made: (
            json.load(w.client("lambda").invoke(FunctionName=made.id)["Payload"]),
            (held := w.client("lambda").get_function_configuration(FunctionName=made.id))["Timeout"],
            held.get("Environment", {}).get("Variables"),
            w.client("lambda").get_function_concurrency(FunctionName=made.id).get("ReservedConcurrentExecutions"),
            made["version"],
            made["qualifiedArn"].rpartition(":")[2],
        ),
        then=("two", 9, {"camelCase": "kept"}, 2, "2", "2"),
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="lambda/alias",
        inputs=lambda w: {"name": "sample", "functionName": w.function["name"], "functionVersion": "$LATEST"},
        change=lambda w: {"functionVersion": w.function["version"]},
        seen=lambda w, made: w.client("lambda").get_alias(FunctionName="base-function", Name="sample")[
            "FunctionVersion"
        ],
        then="1",
        replace=lambda w: {"functionName": w.other_function["name"]},
    ),
    Case(
        kind="lambda/provisionedConcurrencyConfig",
        inputs=lambda w: {
            "functionName": w.function["name"],
            "qualifier": w.function["version"],
            "provisionedConcurrentExecutions": 1,
        },
        change=lambda _: {"provisionedConcurrentExecutions": 2},
        seen=lambda w, made: w.client("lambda").get_provisioned_concurrency_config(
            FunctionName="base-function", Qualifier="1"
        )["RequestedProvisionedConcurrentExecutions"],
        then=2,
        replace=lambda w: {"functionName": w.other_function["name"]},
    ),
    Case(
        kind="lambda/functionEventInvokeConfig",
        inputs=lambda w: {"functionName": w.function["name"], "maximumRetryAttempts": 0},
        change=lambda _: {"maximumRetryAttempts": 1},
        seen=lambda w, made: w.client("lambda").get_function_event_invoke_config(FunctionName="base-function")[
            "MaximumRetryAttempts"
        ],
        then=1,
        replace=lambda w: {"functionName": w.other_function["name"]},
    ),
    Case(
        kind="cloudwatch/eventRule",
        inputs=lambda _: {"name": "sample", "scheduleExpression": "rate(1 hour)"},
        change=lambda _: {"scheduleExpression": "rate(2 hours)"},
        seen=lambda w, made: w.client("events").describe_rule(Name=made.id)["ScheduleExpression"],
        then="rate(2 hours)",
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cloudwatch/eventTarget",
        inputs=lambda w: {"rule": w.rule["name"], "targetId": "sample", "arn": w.function["arn"]},
        change=lambda w: {"arn": w.other_function["arn"]},
        seen=lambda w, made: w.client("events").list_targets_by_rule(Rule="base-rule")["Targets"][0]["Arn"][-14:],
        then="other-function",
        replace=lambda _: {"targetId": "another"},
    ),
    Case(
        kind="ssm/parameter",
        inputs=lambda _: {"name": "/sample/secret", "type": "SecureString", "value": "one"},
        change=lambda _: {"value": "two"},
        seen=lambda w, made: w.client("ssm").get_parameter(Name=made.id, WithDecryption=True)["Parameter"]["Value"],
        then="two",
        replace=lambda _: {"name": "/sample/another"},
    ),
    Case(
        kind="lambda/permission",
        inputs=lambda w: {
            "action": "lambda:InvokeFunction",
            "function": w.function["name"],
            "principal": "sns.amazonaws.com",
        },
        replace=lambda _: {"principal": "apigateway.amazonaws.com"},
    ),
    Case(
        kind="lambda/eventSourceMapping",
        inputs=lambda w: {
            "eventSourceArn": w.queue["arn"],
            "functionName": w.function["arn"],
            "batchSize": 10,
            "scalingConfig": {"maximumConcurrency": 2},
        },
        change=lambda _: {"batchSize": 5, "scalingConfig": {"maximumConcurrency": 4}},
        seen=lambda w, made: (
            (held := w.client("lambda").get_event_source_mapping(UUID=made.id))["BatchSize"],
            held["ScalingConfig"],
        ),
        then=(5, {"MaximumConcurrency": 4}),
        replace=lambda w: {"eventSourceArn": w.other_queue["arn"]},
    ),
    Case(
        kind="sns/topic",
        inputs=lambda _: {"name": "sample", "kmsMasterKeyId": "alias/aws/sns"},
        change=lambda _: {"kmsMasterKeyId": "alias/own"},
        seen=lambda w, made: w.client("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]["KmsMasterKeyId"],
        then="alias/own",
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="sns/topicPolicy",
        inputs=lambda w: {"arn": w.topic.id, "policy": document("sns:Publish")},
        change=lambda _: {"policy": document("sns:Subscribe")},
        seen=lambda w, made: w.client("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]["Policy"],
        then=document("sns:Subscribe"),
        replace=lambda w: {"arn": w.other_topic.id},
    ),
    Case(
        kind="sns/topicSubscription",
        inputs=lambda w: {
            "topic": w.topic.id,
            "protocol": "sqs",
            "endpoint": w.queue["arn"],
            "rawMessageDelivery": False,
        },
        change=lambda _: {"rawMessageDelivery": True},
        seen=lambda w, made: w.client("sns").get_subscription_attributes(SubscriptionArn=made.id)["Attributes"][
            "RawMessageDelivery"
        ],
        then="true",
        replace=lambda w: {"endpoint": w.other_queue["arn"]},
    ),
    Case(
        kind="cloudwatch/logGroup",
        inputs=lambda _: {"name": "/sample", "retentionInDays": 14},
        change=lambda _: {"retentionInDays": 30, "kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/own"},
        seen=lambda w, made: (
            (group := w.client("logs").describe_log_groups(logGroupNamePrefix="/sample")["logGroups"][0])[
                "retentionInDays"
            ],
            group.get("kmsKeyId"),
        ),
        then=(30, "arn:aws:kms:eu-west-1:123456789012:key/own"),
        replace=lambda _: {"name": "/another"},
    ),
    Case(
        kind="cloudwatch/logMetricFilter",
        inputs=lambda w: {
            "name": "sample",
            "logGroupName": w.group["name"],
            "pattern": "{ $.a = 1 }",
            "metricTransformation": {"name": "Refused", "namespace": "Own", "value": "1"},
        },
        change=lambda _: {"pattern": "{ $.a = 2 }"},
        seen=lambda w, made: w.client("logs").describe_metric_filters(logGroupName="/base")["metricFilters"][0][
            "filterPattern"
        ],
        then="{ $.a = 2 }",
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cloudwatch/metricAlarm",
        inputs=lambda _: _THRESHOLD | {"name": "sample"},
        change=lambda _: {"threshold": 7.5},
        seen=_alarm("MetricAlarm", "Threshold"),
        then=7.5,
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cloudwatch/compositeAlarm",
        inputs=lambda _: {"alarmName": "sample-composite", "alarmRule": "TRUE"},
        change=lambda _: {"alarmRule": "FALSE"},
        seen=_alarm("CompositeAlarm", "AlarmRule"),
        then="FALSE",
        replace=lambda _: {"alarmName": "another-composite"},
    ),
    Case(
        kind="cloudwatch/dashboard",
        inputs=lambda _: {"dashboardName": "sample", "dashboardBody": '{"widgets": []}'},
        change=lambda _: {"dashboardBody": '{"widgets": [], "start": "-PT1H"}'},
        seen=lambda w, made: w.client("cloudwatch").get_dashboard(DashboardName=made.id)["DashboardBody"],
        then='{"widgets": [], "start": "-PT1H"}',
        replace=lambda _: {"dashboardName": "another"},
    ),
    Case(
        kind="cloudwatch/queryDefinition",
        inputs=lambda _: {"name": "sample", "queryString": "fields @message"},
        change=lambda _: {"queryString": "fields @timestamp"},
        seen=_saved_query,
        then="fields @timestamp",
    ),
    Case(
        kind="cloudwatch/logIndexPolicy",
        inputs=lambda w: {"logGroupName": w.group["name"], "policyDocument": '{"Fields": ["level"]}'},
        change=lambda _: {"policyDocument": '{"Fields": ["level", "status"]}'},
        seen=lambda w, _: w.client("logs").describe_index_policies(logGroupIdentifiers=[w.group["name"]])[
            "indexPolicies"
        ][0]["policyDocument"],
        then='{"Fields": ["level", "status"]}',
        replace=lambda w: {"logGroupName": w.other_group["name"]},
    ),
    Case(
        kind="xray/group",
        inputs=lambda _: {"groupName": "sample", "filterExpression": "fault"},
        change=lambda _: {"filterExpression": "error"},
        seen=lambda w, made: w.client("xray").get_group(GroupName="sample")["Group"]["FilterExpression"],
        then="error",
        replace=lambda _: {"groupName": "another"},
    ),
    Case(
        kind="xray/samplingRule",
        inputs=lambda _: _SAMPLED | {"ruleName": "sample"},
        change=lambda _: {"fixedRate": 1},
        seen=lambda w, made: next(
            record["SamplingRule"]["FixedRate"]
            for record in w.client("xray").get_sampling_rules()["SamplingRuleRecords"]
            if record["SamplingRule"]["RuleName"] == made.id
        ),
        then=1,
        replace=lambda _: {"ruleName": "another"},
    ),
    Case(
        kind="cognito/userPool",
        inputs=lambda _: {"name": "sample", "deletionProtection": "ACTIVE"},
        change=lambda _: {
            "deletionProtection": "INACTIVE",
            "adminCreateUserConfig": {"allowAdminCreateUserOnly": True},
        },
        seen=lambda w, made: (
            (pool := w.client("cognito-idp").describe_user_pool(UserPoolId=made.id)["UserPool"])["DeletionProtection"],
            pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
        ),
        then=("INACTIVE", True),
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cognito/resourceServer",
        inputs=lambda w: {
            "userPoolId": w.pool.id,
            "identifier": "sample",
            "name": "sample",
            "scopes": [{"scopeName": "read", "scopeDescription": "read it"}],
        },
        change=lambda _: {"scopes": [{"scopeName": "write", "scopeDescription": "write it"}]},
        seen=lambda w, made: (
            [
                scope["ScopeName"]
                for scope in w.client("cognito-idp").describe_resource_server(
                    UserPoolId=made["userPoolId"], Identifier="sample"
                )["ResourceServer"]["Scopes"]
            ],
            made["scopeIdentifiers"],
        ),
        then=(["write"], ["sample/write"]),
        replace=lambda _: {"identifier": "another"},
    ),
    Case(
        kind="cognito/userPoolDomain",
        inputs=lambda w: {"userPoolId": w.pool.id, "domain": "sample-domain"},
        # A pool has one domain.
        replace=lambda w: {"domain": "another-domain", "userPoolId": w.other_pool.id},
    ),
    Case(
        kind="cognito/userPoolClient",
        inputs=lambda w: {"userPoolId": w.pool.id, "name": "sample", "generateSecret": True, "accessTokenValidity": 1},
        change=lambda _: {"accessTokenValidity": 2},
        seen=lambda w, made: (
            (
                held := w.client("cognito-idp").describe_user_pool_client(
                    UserPoolId=made["userPoolId"], ClientId=made.id
                )["UserPoolClient"]
            )["AccessTokenValidity"],
            held["ClientSecret"] == made["clientSecret"],
        ),
        then=(2, True),
        replace=lambda w: {"userPoolId": w.other_pool.id},
    ),
    Case(
        kind="apigateway/restApi",
        inputs=lambda _: {"name": "sample", "endpointConfiguration": {"types": "REGIONAL"}},
        change=lambda _: {"name": "renamed"},
        seen=_of_api("get_rest_api", "name", restApiId="id"),
        then="renamed",
    ),
    Case(
        kind="apigateway/resource",
        inputs=lambda w: w.of_api | {"parentId": w.root, "pathPart": "sample"},
        change=lambda _: {"pathPart": "renamed"},
        seen=lambda w, made: (
            _of_api("get_resource", "path", restApiId="restApi", resourceId="id")(w, made),
            made["path"],
        ),
        then=("/renamed", "/renamed"),
        replace=lambda w: {"restApi": w.other_api.id, "parentId": w.other_api["rootResourceId"]},
    ),
    Case(
        kind="apigateway/method",
        inputs=lambda w: w.of_path | {"httpMethod": "GET", "authorization": "NONE"},
        change=lambda _: {"authorization": "AWS_IAM", "requestParameters": {"method.request.path.user_id": True}},
        seen=lambda w, made: tuple(
            _of_api("get_method", key, **_GET)(w, made) for key in ("authorizationType", "requestParameters")
        ),
        then=("AWS_IAM", {"method.request.path.user_id": True}),
        replace=lambda _: {"httpMethod": "PUT"},
    ),
    Case(
        kind="apigateway/integration",
        inputs=lambda w: (
            w.of_path
            | {"httpMethod": w.method["httpMethod"], "type": "AWS_PROXY", "integrationHttpMethod": "POST"}
            | {"uri": w.function["invokeArn"], "timeoutMilliseconds": 6000}
        ),
        change=lambda _: {"timeoutMilliseconds": 7000},
        seen=_of_api("get_integration", "timeoutInMillis", **_GET),
        then=7000,
        replace=lambda _: {"type": "HTTP_PROXY", "uri": "https://example.com"},
    ),
    Case(
        kind="apigateway/authorizer",
        inputs=lambda w: w.of_api | {"name": "sample", "type": "COGNITO_USER_POOLS", "providerArns": [w.pool["arn"]]},
        change=lambda _: {"name": "renamed"},
        seen=_of_api("get_authorizer", "name", restApiId="restApi", authorizerId="id"),
        then="renamed",
        replace=lambda w: {"restApi": w.other_api.id},
    ),
    Case(
        kind="apigateway/requestValidator",
        inputs=lambda w: w.of_api | {"name": "sample", "validateRequestParameters": False},
        change=lambda _: {"validateRequestParameters": True},
        seen=_of_api(
            "get_request_validator", "validateRequestParameters", restApiId="restApi", requestValidatorId="id"
        ),
        then=True,
        replace=lambda w: {"restApi": w.other_api.id},
    ),
    Case(
        kind="apigateway/response",
        inputs=lambda w: {"restApiId": w.api.id, "responseType": "UNAUTHORIZED", "statusCode": "401"},
        change=lambda _: {"statusCode": "403"},
        seen=_of_api("get_gateway_response", "statusCode", restApiId="restApiId", responseType="responseType"),
        then="403",
        replace=lambda _: {"responseType": "ACCESS_DENIED"},
    ),
    Case(
        kind="apigateway/deployment",
        inputs=lambda w: w.of_api | {"description": "before", "triggers": {"redeployment": "one"}},
        change=lambda _: {"description": "after"},
        seen=_of_api("get_deployment", "description", restApiId="restApi", deploymentId="id"),
        then="after",
        replace=lambda _: {"triggers": {"redeployment": "two"}},
    ),
    Case(
        kind="apigateway/stage",
        inputs=lambda w: (
            w.of_api
            | {"stageName": "sample", "deployment": w.deployment.id, "xrayTracingEnabled": False}
            | {"accessLogSettings": {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/a"}}
        ),
        change=lambda _: {
            "xrayTracingEnabled": True,
            "accessLogSettings": {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/b"},
        },
        seen=lambda w, made: (
            _of_api("get_stage", "tracingEnabled", restApiId="restApi", stageName="stageName")(w, made),
            _of_api("get_stage", "accessLogSettings", restApiId="restApi", stageName="stageName")(w, made),
        ),
        then=(True, {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/b"}),
        replace=lambda _: {"stageName": "another"},
    ),
    Case(
        kind="apigateway/methodSettings",
        inputs=lambda w: (
            w.of_api
            | {"stageName": w.stage["stageName"], "methodPath": "*/*"}
            | {"settings": {"throttlingBurstLimit": 10, "metricsEnabled": True}}
        ),
        change=lambda _: {"settings": {"throttlingBurstLimit": 20}},
        seen=lambda w, made: tuple(
            _of_api("get_stage", "methodSettings", **_STAGE)(w, made)["*/*"].get(setting)
            for setting in ("throttlingBurstLimit", "metricsEnabled")
        ),
        then=(20, None),
        replace=lambda _: {"methodPath": "base/GET"},
    ),
    Case(
        kind="apigateway/account",
        inputs=lambda w: {"cloudwatchRoleArn": w.role["arn"]},
        change=lambda _: {"cloudwatchRoleArn": "arn:aws:iam::123456789012:role/another"},
        seen=lambda w, _: w.client("apigateway").get_account()["cloudwatchRoleArn"],
        then="arn:aws:iam::123456789012:role/another",
    ),
]
