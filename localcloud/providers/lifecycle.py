"""How a resource of each type is updated, deleted and read; its creation is in the module of its service.

No type has a default: a type of the program that is missing here fails `tests/localcloud/test_plugin.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers import adoption, api_updates, drift, updates
from localcloud.providers.adoption import Adopt
from localcloud.providers.calls import Call, State, call
from localcloud.providers.updates import Update

Read = Callable[[Account, State], dict[str, Any] | None]
"""Returns the inputs that are compared, with the values they have in the account; None: the resource is gone."""


@dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """What happens to a resource after its creation."""

    update: Update | None
    """None: every input that can change replaces the resource, so an update is an error."""
    delete: Call
    read: Read
    cleared: Mapping[str, Any] = field(default_factory=dict)
    """The value that an input has for AWS after it is taken out of the program."""
    renews: frozenset[str] = frozenset()
    """Outputs that an update may change, and that a preview therefore cannot know."""
    renews_without: frozenset[str] = frozenset()
    """Inputs whose change renews nothing."""
    adopt: Adopt | None = None
    """None: `pulumi import` is not possible here."""
    skip_if: str = ""
    """The input or output that, when true, leaves the resource in the account: `skipDestroy`."""


def _exists(lookup: Call) -> Read:
    """Read nothing but existence, by a call that fails when the resource is gone."""

    def read(cloud: Account, state: State) -> dict[str, Any]:
        lookup.run(cloud, state)
        return {}

    return read


def _listed(lookup: Call, entries: str, name: str = "", key: str = "id") -> Read:
    """Read nothing but existence, by a call that lists entries of which `name` must equal the state's `key`."""

    def read(cloud: Account, state: State) -> dict[str, Any] | None:
        found = lookup.run(cloud, state)[entries]
        return {} if any(not name or entry[name] == state[key] for entry in found) else None

    return read


_api, _logs, _pool = partial(call, "apigateway"), partial(call, "logs"), partial(call, "cognito-idp")
_lambda, _iam, _metrics = partial(call, "lambda"), partial(call, "iam"), partial(call, "cloudwatch")

_REST = {"restApiId": "restApi"}
_METHOD = _REST | {"resourceId": "resourceId", "httpMethod": "httpMethod"}
_STAGE = _REST | {"stageName": "stageName"}
_OF_POOL = {"UserPoolId": "userPoolId"}
_ALARM = {"AlarmNames": ["id"]}
_WARM = {"FunctionName": "functionName", "Qualifier": "qualifier"}
_QUALIFIED = {"FunctionName": "functionName", "Qualifier": "?qualifier"}
_RULE = {"Rule": "rule"}

LIFECYCLES: dict[str, Lifecycle] = {
    "aws:apigateway/restApi:RestApi": Lifecycle(
        update=api_updates.rest_api,
        delete=_api("delete_rest_api", restApiId="id"),
        read=_exists(_api("get_rest_api", restApiId="id")),
    ),
    "aws:apigateway/resource:Resource": Lifecycle(
        update=api_updates.api_resource,
        delete=_api("delete_resource", **_REST, resourceId="id"),
        read=_exists(_api("get_resource", **_REST, resourceId="id")),
    ),
    "aws:apigateway/method:Method": Lifecycle(
        update=api_updates.method,
        delete=_api("delete_method", **_METHOD),
        read=_exists(_api("get_method", **_METHOD)),
    ),
    "aws:apigateway/integration:Integration": Lifecycle(
        update=updates.put_again,
        delete=_api("delete_integration", **_METHOD),
        read=_exists(_api("get_integration", **_METHOD)),
    ),
    "aws:apigateway/authorizer:Authorizer": Lifecycle(
        update=api_updates.authorizer,
        delete=_api("delete_authorizer", **_REST, authorizerId="id"),
        read=_exists(_api("get_authorizer", **_REST, authorizerId="id")),
    ),
    "aws:apigateway/requestValidator:RequestValidator": Lifecycle(
        update=api_updates.request_validator,
        delete=_api("delete_request_validator", **_REST, requestValidatorId="id"),
        read=_exists(_api("get_request_validator", **_REST, requestValidatorId="id")),
    ),
    "aws:apigateway/response:Response": Lifecycle(
        update=updates.put_again,
        delete=_api("delete_gateway_response", restApiId="restApiId", responseType="responseType"),
        read=drift.gateway_response,
    ),
    "aws:apigateway/deployment:Deployment": Lifecycle(
        update=api_updates.api_deployment,
        delete=_api("delete_deployment", **_REST, deploymentId="id"),
        read=_exists(_api("get_deployment", **_REST, deploymentId="id")),
    ),
    "aws:apigateway/stage:Stage": Lifecycle(
        update=api_updates.stage, delete=_api("delete_stage", **_STAGE), read=_exists(_api("get_stage", **_STAGE))
    ),
    "aws:apigateway/methodSettings:MethodSettings": Lifecycle(
        update=api_updates.method_settings,
        delete=_api("update_stage", **_STAGE, patchOperations=[{"op": "=remove", "path": "/methodPath"}]),
        read=drift.method_settings,
    ),
    "aws:apigateway/account:Account": Lifecycle(
        update=updates.put_again,
        delete=_api("update_account", patchOperations=[{"op": "=remove", "path": "=/cloudwatchRoleArn"}]),
        read=_exists(_api("get_account")),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Lifecycle(
        update=updates.put_again, delete=_metrics("delete_alarms", **_ALARM), read=drift.metric_alarm
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": Lifecycle(
        update=updates.put_again, delete=_metrics("delete_alarms", **_ALARM), read=drift.composite_alarm
    ),
    "aws:cloudwatch/dashboard:Dashboard": Lifecycle(
        update=updates.put_again,
        delete=_metrics("delete_dashboards", DashboardNames=["id"]),
        read=_exists(_metrics("get_dashboard", DashboardName="id")),
    ),
    "aws:cloudwatch/eventRule:EventRule": Lifecycle(
        update=updates.put_again, delete=call("events", "delete_rule", Name="id"), read=drift.event_rule
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Lifecycle(
        update=updates.put_again,
        delete=call("events", "remove_targets", **_RULE, Ids=["targetId"]),
        read=_listed(call("events", "list_targets_by_rule", **_RULE), "Targets", "Id", "targetId"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Lifecycle(
        update=updates.log_group,
        delete=_logs("delete_log_group", logGroupName="id"),
        read=drift.log_group,
        adopt=adoption.log_group,
        cleared={"kmsKeyId": "", "retentionInDays": 0},
        skip_if="skipDestroy",
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Lifecycle(
        update=updates.put_again,
        delete=_logs("delete_metric_filter", logGroupName="logGroupName", filterName="id"),
        read=_listed(_logs("describe_metric_filters", logGroupName="logGroupName"), "metricFilters", "filterName"),
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": Lifecycle(
        update=updates.query_definition,
        delete=_logs("delete_query_definition", queryDefinitionId="id"),
        read=_listed(_logs("describe_query_definitions"), "queryDefinitions", "queryDefinitionId"),
    ),
    "aws:cloudwatch/logIndexPolicy:LogIndexPolicy": Lifecycle(
        update=updates.put_again,
        delete=_logs("delete_index_policy", logGroupIdentifier="logGroupName"),
        read=drift.log_index_policy,
    ),
    "aws:xray/group:Group": Lifecycle(
        update=updates.xray_group, delete=call("xray", "delete_group", GroupARN="id"), read=drift.xray_group
    ),
    "aws:xray/samplingRule:SamplingRule": Lifecycle(
        update=updates.sampling_rule,
        delete=call("xray", "delete_sampling_rule", RuleName="id"),
        read=drift.sampling_rule,
    ),
    "aws:cognito/userPool:UserPool": Lifecycle(
        update=updates.user_pool,
        delete=_pool("delete_user_pool", UserPoolId="id"),
        read=_exists(_pool("describe_user_pool", UserPoolId="id")),
    ),
    "aws:cognito/userPoolClient:UserPoolClient": Lifecycle(
        update=updates.user_pool_client,
        delete=_pool("delete_user_pool_client", **_OF_POOL, ClientId="id"),
        read=_exists(_pool("describe_user_pool_client", **_OF_POOL, ClientId="id")),
    ),
    "aws:cognito/userPoolDomain:UserPoolDomain": Lifecycle(
        update=None,
        delete=_pool("delete_user_pool_domain", **_OF_POOL, Domain="id"),
        read=drift.user_pool_domain,
    ),
    "aws:cognito/resourceServer:ResourceServer": Lifecycle(
        update=updates.resource_server,
        delete=_pool("delete_resource_server", **_OF_POOL, Identifier="identifier"),
        read=_exists(_pool("describe_resource_server", **_OF_POOL, Identifier="identifier")),
        renews=frozenset({"scopeIdentifiers"}),
    ),
    "aws:dynamodb/table:Table": Lifecycle(
        update=updates.table,
        delete=call("dynamodb", "delete_table", TableName="id"),
        read=drift.table,
        adopt=adoption.table,
    ),
    "aws:iam/role:Role": Lifecycle(
        update=updates.role,
        delete=_iam("delete_role", RoleName="id"),
        read=drift.role,
        cleared={"description": "", "permissionsBoundary": ""},
    ),
    "aws:iam/rolePolicy:RolePolicy": Lifecycle(
        update=updates.put_again,
        delete=_iam("delete_role_policy", RoleName="role", PolicyName="name"),
        read=drift.role_policy,
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Lifecycle(
        update=None,
        delete=_iam("detach_role_policy", RoleName="role", PolicyArn="policyArn"),
        read=_listed(
            _iam("list_attached_role_policies", RoleName="role"), "AttachedPolicies", "PolicyArn", "policyArn"
        ),
    ),
    "aws:kms/key:Key": Lifecycle(
        update=updates.key,
        delete=call("kms", "schedule_key_deletion", KeyId="id", PendingWindowInDays="?deletionWindowInDays"),
        read=drift.key,
        cleared={"enableKeyRotation": False},
    ),
    "aws:lambda/layerVersion:LayerVersion": Lifecycle(
        update=None,
        delete=_lambda("delete_layer_version", LayerName="layerName", VersionNumber="#version"),
        read=_exists(_lambda("get_layer_version_by_arn", Arn="id")),
        skip_if="skipDestroy",
    ),
    "aws:lambda/function:Function": Lifecycle(
        update=updates.function,
        delete=_lambda("delete_function", FunctionName="id"),
        read=drift.function,
        cleared={"kmsKeyArn": "", "reservedConcurrentExecutions": -1, "layers": [], "description": ""},
        renews=frozenset({"version", "qualifiedArn", "qualifiedInvokeArn"}),
        # A published version does not have it.
        renews_without=frozenset({"reservedConcurrentExecutions"}),
        skip_if="skipDestroy",
    ),
    "aws:lambda/alias:Alias": Lifecycle(
        update=updates.alias,
        delete=_lambda("delete_alias", FunctionName="functionName", Name="name"),
        read=drift.alias,
    ),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": Lifecycle(
        update=updates.put_again,
        delete=_lambda("delete_provisioned_concurrency_config", **_WARM),
        read=_exists(_lambda("get_provisioned_concurrency_config", **_WARM)),
        skip_if="skipDestroy",
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Lifecycle(
        update=updates.put_again,
        delete=_lambda("delete_function_event_invoke_config", **_QUALIFIED),
        read=_exists(_lambda("get_function_event_invoke_config", **_QUALIFIED)),
    ),
    "aws:lambda/permission:Permission": Lifecycle(
        update=None,
        delete=_lambda("remove_permission", FunctionName="function", StatementId="id", Qualifier="?qualifier"),
        read=drift.permission,
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Lifecycle(
        update=updates.event_source_mapping,
        delete=_lambda("delete_event_source_mapping", UUID="id"),
        read=drift.event_source_mapping,
        cleared={"enabled": True, "scalingConfig": {}, "metricsConfig": {"metrics": []}, "functionResponseTypes": []},
    ),
    "aws:ssm/parameter:Parameter": Lifecycle(
        update=updates.parameter,
        delete=call("ssm", "delete_parameter", Name="id"),
        read=drift.parameter,
        cleared={"description": ""},
        renews=frozenset({"version"}),
    ),
    "aws:sns/topic:Topic": Lifecycle(
        update=updates.topic,
        delete=call("sns", "delete_topic", TopicArn="id"),
        read=_exists(call("sns", "get_topic_attributes", TopicArn="id")),
        cleared={"kmsMasterKeyId": "", "displayName": ""},
    ),
    "aws:sns/topicPolicy:TopicPolicy": Lifecycle(
        update=updates.put_again,
        delete=call("sns", "set_topic_attributes", TopicArn="id", AttributeName="=Policy", AttributeValue="="),
        read=drift.topic_policy,
    ),
    "aws:sns/topicSubscription:TopicSubscription": Lifecycle(
        update=updates.topic_subscription,
        delete=call("sns", "unsubscribe", SubscriptionArn="id"),
        read=drift.topic_subscription,
    ),
    "aws:sqs/queue:Queue": Lifecycle(
        update=updates.queue,
        delete=call("sqs", "delete_queue", QueueUrl="id"),
        read=drift.queue,
        adopt=adoption.queue,
        cleared={"kmsMasterKeyId": "", "redrivePolicy": "", "delaySeconds": 0, "receiveWaitTimeSeconds": 0},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Lifecycle(
        update=updates.put_again,
        delete=call("sqs", "set_queue_attributes", QueueUrl="id", Attributes={"Policy": "="}),
        read=partial(drift.queue_attribute, "policy"),
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Lifecycle(
        update=updates.put_again,
        delete=call("sqs", "set_queue_attributes", QueueUrl="id", Attributes={"RedriveAllowPolicy": "="}),
        read=partial(drift.queue_attribute, "redriveAllowPolicy"),
    ),
}
