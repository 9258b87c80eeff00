"""What the deploying role must be allowed to do for a resource of each type.

The actions are those that the AWS provider calls (terraform-provider-aws, which Pulumi's provider wraps) and that AWS's
Service Authorization Reference lists; `tests/localcloud/deploy_rights.py` says of each how that is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REGIONAL = "{region}:{account}"
QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"
TABLE = "aws:dynamodb/table:Table"
FUNCTION = "aws:lambda/function:Function"
LAYER = "aws:lambda/layerVersion:LayerVersion"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
TRACE_GROUP = "aws:xray/group:Group"
SAMPLING_RULE = "aws:xray/samplingRule:SamplingRule"
ROLE = "aws:iam/role:Role"
KEY = "aws:kms/key:Key"
RULE = "aws:cloudwatch/eventRule:EventRule"
PARAMETER = "aws:ssm/parameter:Parameter"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
OF_API = ("authorizer", "deployment", "integration", "method", "methodSettings", "requestValidator", "resource")

FUNCTION_ARNS = (f"arn:aws:lambda:{REGIONAL}:function:{{name}}", f"arn:aws:lambda:{REGIONAL}:function:{{name}}:*")
"""With a qualifier, the resource is the version or the alias."""
# AWS chooses the ID of a mapping, so its function is what tells this stack's mapping from others.
OF_OWN_FUNCTIONS = {"ArnLike": {"lambda:FunctionArn": list(FUNCTION_ARNS)}}


def _apigateway(*names: str) -> tuple[str, ...]:
    return tuple(f"aws:apigateway/{name}:{name[0].upper()}{name[1:]}" for name in names)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A statement of the policy, for stacks with a resource of one of the types."""

    sid: str
    types: tuple[str, ...]
    actions: str
    """Separated by blanks, without the service."""
    service: str
    resources: tuple[str, ...] = ("*",)
    """ARNs with `{region}` and `{account}`, `{prefix}` of the stack's physical names, and `{name}`: one for each."""
    named_by: str = ""
    """The type whose physical names are `{name}`."""
    condition: Mapping[str, Any] = field(default_factory=dict)
    """With placeholders too; a list with `{name}` gets a value for each."""
    encrypts: bool = False
    """Only for stacks whose functions and table use a key of the customer."""


GRANTS = (
    Grant(
        sid="Queues",
        types=(QUEUE, "aws:sqs/queuePolicy:QueuePolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"),
        service="sqs",
        actions="CreateQueue DeleteQueue GetQueueAttributes SetQueueAttributes ListQueueTags TagQueue UntagQueue",
        resources=(f"arn:aws:sqs:{REGIONAL}:{{name}}",),
        named_by=QUEUE,
    ),
    Grant(
        sid="Topics",
        types=(TOPIC, "aws:sns/topicPolicy:TopicPolicy"),
        service="sns",
        actions="CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes ListTagsForResource TagResource "
        "UntagResource",
        resources=(f"arn:aws:sns:{REGIONAL}:{{name}}",),
        named_by=TOPIC,
    ),
    Grant(
        sid="Subscribe",
        types=("aws:sns/topicSubscription:TopicSubscription",),
        service="sns",
        actions="Subscribe",
        resources=(f"arn:aws:sns:{REGIONAL}:{{name}}",),
        named_by=TOPIC,
    ),
    Grant(
        sid="Subscriptions",
        types=("aws:sns/topicSubscription:TopicSubscription",),
        service="sns",
        actions="GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe",
    ),
    Grant(
        sid="Table",
        types=(TABLE,),
        service="dynamodb",
        actions="CreateTable DeleteTable DescribeTable UpdateTable DescribeContinuousBackups UpdateContinuousBackups "
        "DescribeTimeToLive ListTagsOfResource TagResource UntagResource",
        resources=(f"arn:aws:dynamodb:{REGIONAL}:table/{{name}}",),
        named_by=TABLE,
    ),
    Grant(
        sid="Functions",
        types=(FUNCTION, "aws:lambda/alias:Alias", "aws:lambda/permission:Permission"),
        service="lambda",
        actions="CreateFunction DeleteFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig "
        "UpdateFunctionCode UpdateFunctionConfiguration PublishVersion ListVersionsByFunction PutFunctionConcurrency "
        "DeleteFunctionConcurrency CreateAlias UpdateAlias DeleteAlias GetAlias AddPermission "
        "RemovePermission GetPolicy ListTags TagResource UntagResource",
        resources=FUNCTION_ARNS,
        named_by=FUNCTION,
    ),
    Grant(
        sid="InvokeConfigs",
        types=("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",),
        service="lambda",
        actions="PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig",
        resources=FUNCTION_ARNS,
        named_by=FUNCTION,
    ),
    Grant(
        sid="ProvisionedConcurrency",
        types=("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",),
        service="lambda",
        actions="PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig",
        resources=(f"arn:aws:lambda:{REGIONAL}:function:{{name}}:*",),
        named_by=FUNCTION,
    ),
    Grant(
        sid="Layers",
        types=(LAYER,),
        service="lambda",
        actions="PublishLayerVersion GetLayerVersion DeleteLayerVersion",
        resources=(f"arn:aws:lambda:{REGIONAL}:layer:{{name}}", f"arn:aws:lambda:{REGIONAL}:layer:{{name}}:*"),
        named_by=LAYER,
    ),
    Grant(
        sid="EventSourceMappings",
        types=(MAPPING,),
        service="lambda",
        # The creation takes no resource.
        actions="CreateEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping",
        named_by=FUNCTION,
        condition=OF_OWN_FUNCTIONS,
    ),
    Grant(
        sid="EventSourceMappingTags",
        types=(MAPPING,),
        service="lambda",
        actions="ListTags TagResource UntagResource",
        resources=(f"arn:aws:lambda:{REGIONAL}:event-source-mapping:*",),
    ),
    Grant(
        sid="LogGroups",
        types=(LOG_GROUP, "aws:cloudwatch/logMetricFilter:LogMetricFilter"),
        service="logs",
        actions="CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey "
        "DisassociateKmsKey ListTagsForResource TagResource UntagResource PutMetricFilter DeleteMetricFilter "
        "DescribeMetricFilters PutLogGroupDeletionProtection",
        # Tags are on the group, everything else is on its streams.
        resources=(f"arn:aws:logs:{REGIONAL}:log-group:{{name}}", f"arn:aws:logs:{REGIONAL}:log-group:{{name}}:*"),
        named_by=LOG_GROUP,
    ),
    Grant(
        sid="LogGroupsOfAccount",
        types=(LOG_GROUP,),
        service="logs",
        actions="DescribeLogGroups",
    ),
    Grant(
        sid="SavedQueries",
        types=("aws:cloudwatch/queryDefinition:QueryDefinition",),
        service="logs",
        actions="PutQueryDefinition DeleteQueryDefinition DescribeQueryDefinitions",
    ),
    Grant(
        sid="FieldIndexes",
        types=("aws:cloudwatch/logIndexPolicy:LogIndexPolicy",),
        service="logs",
        actions="PutIndexPolicy DeleteIndexPolicy DescribeIndexPolicies",
    ),
    Grant(
        sid="Alarms",
        types=("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm"),
        service="cloudwatch",
        actions="PutMetricAlarm PutCompositeAlarm DeleteAlarms ListTagsForResource TagResource UntagResource",
        resources=(f"arn:aws:cloudwatch:{REGIONAL}:alarm:{{prefix}}-*",),
    ),
    Grant(
        sid="AlarmsOfAccount",
        types=("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm"),
        service="cloudwatch",
        # With a narrower resource, AWS describes no composite alarm.
        actions="DescribeAlarms",
    ),
    Grant(
        sid="Dashboards",
        types=(DASHBOARD,),
        service="cloudwatch",
        actions="PutDashboard GetDashboard DeleteDashboards",
        resources=("arn:aws:cloudwatch::{account}:dashboard/{name}",),
        named_by=DASHBOARD,
    ),
    Grant(
        sid="TraceGroup",
        types=(TRACE_GROUP,),
        service="xray",
        actions="CreateGroup UpdateGroup DeleteGroup GetGroup ListTagsForResource TagResource UntagResource",
        resources=(f"arn:aws:xray:{REGIONAL}:group/{{name}}/*",),
        named_by=TRACE_GROUP,
    ),
    Grant(
        sid="SamplingRule",
        types=(SAMPLING_RULE,),
        service="xray",
        actions="CreateSamplingRule UpdateSamplingRule DeleteSamplingRule ListTagsForResource TagResource "
        "UntagResource",
        resources=(f"arn:aws:xray:{REGIONAL}:sampling-rule/{{name}}",),
        named_by=SAMPLING_RULE,
    ),
    Grant(sid="SamplingRulesOfAccount", types=(SAMPLING_RULE,), service="xray", actions="GetSamplingRules"),
    Grant(
        sid="Roles",
        types=(ROLE, "aws:iam/rolePolicy:RolePolicy"),
        service="iam",
        actions="CreateRole DeleteRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy TagRole "
        "UntagRole PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies "
        "ListInstanceProfilesForRole",
        resources=("arn:aws:iam::{account}:role/{name}",),
        named_by=ROLE,
    ),
    Grant(
        sid="RoleBoundaries",
        types=(ROLE,),
        service="iam",
        actions="PutRolePermissionsBoundary DeleteRolePermissionsBoundary",
        resources=("arn:aws:iam::{account}:role/{name}",),
        named_by=ROLE,
    ),
    Grant(
        sid="AttachLogsPolicy",
        types=(ATTACHMENT,),
        service="iam",
        actions="AttachRolePolicy",
        resources=("arn:aws:iam::{account}:role/{name}",),
        named_by=ROLE,
        condition={
            "ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"}
        },
    ),
    Grant(
        sid="Schedules",
        types=(RULE, "aws:cloudwatch/eventTarget:EventTarget"),
        service="events",
        actions="PutRule DescribeRule DeleteRule PutTargets ListTargetsByRule RemoveTargets ListTagsForResource "
        "TagResource UntagResource",
        resources=(f"arn:aws:events:{REGIONAL}:rule/{{name}}",),
        named_by=RULE,
    ),
    Grant(
        sid="Parameters",
        types=(PARAMETER,),
        service="ssm",
        actions="PutParameter GetParameter DeleteParameter ListTagsForResource AddTagsToResource "
        "RemoveTagsFromResource",
        # The name begins with a slash.
        resources=(f"arn:aws:ssm:{REGIONAL}:parameter{{name}}",),
        named_by=PARAMETER,
    ),
    Grant(sid="ParametersOfAccount", types=(PARAMETER,), service="ssm", actions="DescribeParameters"),
    Grant(
        sid="CreateKeys",
        types=(KEY,),
        service="kms",
        actions="CreateKey",
    ),
    Grant(
        sid="Keys",
        types=(KEY,),
        service="kms",
        actions="DescribeKey GetKeyPolicy PutKeyPolicy GetKeyRotationStatus EnableKeyRotation DisableKeyRotation "
        "UpdateKeyDescription ScheduleKeyDeletion ListResourceTags TagResource UntagResource",
        resources=(f"arn:aws:kms:{REGIONAL}:key/*",),
    ),
    Grant(
        sid="GrantKeysToServices",
        types=(FUNCTION, TABLE),
        service="kms",
        actions="CreateGrant",
        resources=(f"arn:aws:kms:{REGIONAL}:key/*",),
        condition={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        encrypts=True,
    ),
    Grant(
        sid="EncryptVariables",
        types=(FUNCTION,),
        service="kms",
        actions="Encrypt Decrypt GenerateDataKey",
        resources=(f"arn:aws:kms:{REGIONAL}:key/*",),
        condition={"StringEquals": {"kms:ViaService": "lambda.{region}.amazonaws.com"}},
        encrypts=True,
    ),
    Grant(
        sid="EncryptParameters",
        types=(PARAMETER,),
        service="kms",
        actions="Encrypt Decrypt",
        resources=(f"arn:aws:kms:{REGIONAL}:key/*",),
        condition={"StringEquals": {"kms:ViaService": "ssm.{region}.amazonaws.com"}},
        encrypts=True,
    ),
    Grant(
        sid="UserPools",
        types=(
            "aws:cognito/userPool:UserPool",
            "aws:cognito/userPoolClient:UserPoolClient",
            "aws:cognito/resourceServer:ResourceServer",
            "aws:cognito/userPoolDomain:UserPoolDomain",
        ),
        service="cognito-idp",
        actions="DescribeUserPool UpdateUserPool DeleteUserPool GetUserPoolMfaConfig SetUserPoolMfaConfig "
        "CreateUserPoolClient DescribeUserPoolClient UpdateUserPoolClient DeleteUserPoolClient CreateResourceServer "
        "DescribeResourceServer UpdateResourceServer DeleteResourceServer CreateUserPoolDomain DeleteUserPoolDomain "
        "ListTagsForResource TagResource UntagResource",
        resources=(f"arn:aws:cognito-idp:{REGIONAL}:userpool/*",),
    ),
    Grant(
        sid="UserPoolsOfAccount",
        types=("aws:cognito/userPool:UserPool",),
        service="cognito-idp",
        actions="CreateUserPool DescribeUserPoolDomain",
    ),
    Grant(
        sid="Apis",
        types=_apigateway("restApi", "response", "stage", *OF_API),
        service="apigateway",
        actions="GET POST PUT PATCH DELETE",
        resources=(
            "arn:aws:apigateway:{region}::/restapis",
            "arn:aws:apigateway:{region}::/restapis/*",
        ),
    ),
    Grant(
        sid="ApiTags",
        types=_apigateway("restApi", "stage"),
        service="apigateway",
        actions="GET PUT DELETE",
        resources=("arn:aws:apigateway:{region}::/tags/arn%3Aaws%3Aapigateway%3A{region}%3A%3A%2Frestapis%2F*",),
    ),
    Grant(
        sid="ApiAccount",
        types=_apigateway("account"),
        service="apigateway",
        actions="GET PATCH",
        resources=("arn:aws:apigateway:{region}::/account",),
    ),
)
