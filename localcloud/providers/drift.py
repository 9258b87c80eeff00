"""What is in the account: the inputs that are compared with the program, or None for a resource that is gone.

The runbook relies on `pulumi up --refresh` to undo what was changed by hand. An input that the program does not set is
returned only when it is not AWS's default.
"""

import json
from collections.abc import Mapping
from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.calls import State
from localcloud.providers.inputs import pascal
from localcloud.providers.messaging import QUEUE_ATTRIBUTES
from localcloud.providers.observability import SAMPLING_RULE

_FUNCTION = ("handler", "memorySize", "timeout", "runtime", "role", "kmsKeyArn", "tracingConfig", "loggingConfig")
_MAPPING = ("batchSize", "maximumBatchingWindowInSeconds", "functionResponseTypes", "scalingConfig")
# Metric math and the dimensions of its parts are not compared.
_ALARM = (
    *("threshold", "evaluationPeriods", "datapointsToAlarm", "comparisonOperator", "treatMissingData", "period"),
    *("statistic", "alarmActions", "alarmDescription"),
)
_TABLE = (
    "billingMode",
    "deletionProtectionEnabled",
    "onDemandThroughput",
    "pointInTimeRecovery",
    "serverSideEncryption",
)


def queue(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the attributes that the program sets."""
    held = _queue_attributes(cloud, state)
    return {
        name: _like_attribute(state[name], held.get(theirs, ""))
        for name, theirs in QUEUE_ATTRIBUTES.items()
        if name in state
    }


def queue_attribute(name: str, cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare a policy of a queue that is a resource of its own."""
    held = _queue_attributes(cloud, state).get(QUEUE_ATTRIBUTES[name])
    return {name: _like_json(state.get(name), held)} if held else None


def topic_policy(cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare the policy of a topic."""
    held = cloud.client("sns").get_topic_attributes(TopicArn=state["id"])["Attributes"].get("Policy")
    return {"policy": _like_json(state.get("policy"), held)} if held else None


def topic_subscription(cloud: Account, state: State) -> dict[str, Any]:
    """Read nothing but existence."""
    cloud.client("sns").get_subscription_attributes(SubscriptionArn=state["id"])
    return {}


def role_policy(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the document of a role's policy."""
    held = cloud.client("iam").get_role_policy(RoleName=state["role"], PolicyName=state["name"])["PolicyDocument"]
    return {"policy": _like_json(state.get("policy"), json.dumps(held))}


def function(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the configuration of a function, but not its code."""
    client = cloud.client("lambda")
    held = client.get_function_configuration(FunctionName=state["id"])
    found = _like_all(_FUNCTION, state, held)
    if "environment" in state:
        found["environment"] = {"variables": held.get("Environment", {}).get("Variables", {})}
    if "layers" in state:
        found["layers"] = [layer["Arn"] for layer in held.get("Layers", [])]
    if "reservedConcurrentExecutions" in state:
        reserved = client.get_function_concurrency(FunctionName=state["id"]).get("ReservedConcurrentExecutions", -1)
        found["reservedConcurrentExecutions"] = reserved
    return found


def alias(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the version and the weights of an alias, which a release or rollback changes."""
    held = cloud.client("lambda").get_alias(FunctionName=state["functionName"], Name=state["name"])
    weights = held.get("RoutingConfig", {}).get("AdditionalVersionWeights")
    routing = {"additionalVersionWeights": weights} if weights else None
    return {"functionVersion": held["FunctionVersion"], "routingConfig": routing}


def permission(cloud: Account, state: State) -> dict[str, Any] | None:
    """Read nothing but existence."""
    qualifier = {"Qualifier": state["qualifier"]} if state.get("qualifier") else {}
    policy = cloud.client("lambda").get_policy(FunctionName=state["function"], **qualifier)["Policy"]
    return {} if any(entry["Sid"] == state["id"] for entry in json.loads(policy)["Statement"]) else None


def event_source_mapping(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the settings of a mapping, and whether it is enabled."""
    held = cloud.client("lambda").get_event_source_mapping(UUID=state["id"])
    found = _like_all(_MAPPING, state, held)
    if held["State"] in ("Disabled", "Disabling"):
        found["enabled"] = False
    return found


def event_rule(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the schedule of a rule, and whether it is enabled."""
    held = cloud.client("events").describe_rule(Name=state["id"])
    found = {"scheduleExpression": held.get("ScheduleExpression")}
    return found if held["State"] == "ENABLED" else found | {"state": held["State"]}


def parameter(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the value of a parameter."""
    held = cloud.client("ssm").get_parameter(Name=state["id"], WithDecryption=True)
    return {"value": held["Parameter"]["Value"]}


def metric_alarm(cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare the settings of an alarm, and whether it notifies."""
    return _alarm(cloud, state, "MetricAlarm", _ALARM)


def composite_alarm(cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare the settings of a composite alarm, and whether it notifies."""
    return _alarm(cloud, state, "CompositeAlarm", ("alarmRule", "alarmActions", "alarmDescription"))


def table(cloud: Account, state: State) -> dict[str, Any]:
    """Compare encryption, limits, protection and backups of a table."""
    dynamodb = cloud.client("dynamodb")
    held = dynamodb.describe_table(TableName=state["id"])["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=state["id"])["ContinuousBackupsDescription"]
    recovery, encryption = backups["PointInTimeRecoveryDescription"], held.get("SSEDescription", {})
    objects = {
        "PointInTimeRecovery": recovery | {"Enabled": recovery["PointInTimeRecoveryStatus"] == "ENABLED"},
        "ServerSideEncryption": {
            "Enabled": encryption.get("Status") == "ENABLED",
            "KmsKeyArn": encryption.get("KMSMasterKeyArn"),
        },
    }
    return _like_all(_TABLE, state, held | held.get("BillingModeSummary", {}) | objects)


def log_group(cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare retention, key and protection of a log group."""
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=state["id"])["logGroups"]
    defaults = {"retentionInDays": 0, "kmsKeyId": "", "deletionProtectionEnabled": False}
    for held in groups:
        if held["logGroupName"] == state["id"]:
            return {
                name: held.get(name, default) for name, default in defaults.items() if name in state or held.get(name)
            }
    return None


def log_index_policy(cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare the fields that a log group indexes."""
    found = cloud.client("logs").describe_index_policies(logGroupIdentifiers=[state["logGroupName"]])["indexPolicies"]
    return {"policyDocument": _like_json(state.get("policyDocument"), found[0]["policyDocument"])} if found else None


def role(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the permissions boundary of a role."""
    held = cloud.client("iam").get_role(RoleName=state["id"])["Role"]
    boundary = held.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return {"permissionsBoundary": boundary} if boundary or "permissionsBoundary" in state else {}


def method_settings(cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare the settings that the program gives."""
    stage = cloud.client("apigateway").get_stage(restApiId=state["restApi"], stageName=state["stageName"])
    held = stage.get("methodSettings", {}).get(state["methodPath"])
    return held and {"settings": {name: held.get(name) for name in state["settings"]}}


def gateway_response(cloud: Account, state: State) -> dict[str, Any] | None:
    """Read nothing but existence; AWS has a default for each type."""
    where = {name: state[name] for name in ("restApiId", "responseType")}
    return None if cloud.client("apigateway").get_gateway_response(**where)["defaultResponse"] else {}


def user_pool_domain(cloud: Account, state: State) -> dict[str, Any] | None:
    """Read nothing but existence."""
    found = cloud.client("cognito-idp").describe_user_pool_domain(Domain=state["id"])["DomainDescription"]
    return {} if found else None


def key(cloud: Account, state: State) -> dict[str, Any] | None:
    """Read nothing but existence; a key that will be deleted is gone."""
    metadata = cloud.client("kms").describe_key(KeyId=state["id"])["KeyMetadata"]
    return None if metadata["KeyState"] == "PendingDeletion" else {}


def _queue_attributes(cloud: Account, state: State) -> dict[str, str]:
    return cloud.client("sqs").get_queue_attributes(QueueUrl=state["id"], AttributeNames=["All"]).get("Attributes", {})


def _alarm(cloud: Account, state: State, kind: str, compared: tuple[str, ...]) -> dict[str, Any] | None:
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNames=[state["id"]], AlarmTypes=[kind])[f"{kind}s"]
    if not alarms:
        return None
    found = _like_all(compared, state, alarms[0])
    if "okActions" in state:
        found["okActions"] = alarms[0].get("OKActions", [])
    return found if alarms[0].get("ActionsEnabled", True) else found | {"actionsEnabled": False}


def xray_group(cloud: Account, state: State) -> dict[str, Any]:
    """Compare the filter expression of a group."""
    held = cloud.client("xray").get_group(GroupARN=state["id"])["Group"]
    return {"filterExpression": held["FilterExpression"]}


def sampling_rule(cloud: Account, state: State) -> dict[str, Any] | None:
    """Compare everything that a rule says."""
    for record in cloud.client("xray").get_sampling_rules()["SamplingRuleRecords"]:
        held = record["SamplingRule"]
        if held["RuleName"] == state["id"]:
            theirs = {name: held.get(SAMPLING_RULE.get(name, pascal(name))) for name in state}
            return {name: value for name, value in theirs.items() if value is not None}
    return None


def _like_all(names: tuple[str, ...], state: State, held: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the inputs that the state has and AWS returned, as AWS has them."""
    theirs = {name: held.get("KMSKeyArn" if name == "kmsKeyArn" else pascal(name)) for name in names if name in state}
    return {name: _like(state[name], value) for name, value in theirs.items() if value is not None}


def _like(given: Any, held: Any) -> Any:
    """Return the account's value in the form of the program's: an object has only the keys that the program gives."""
    if isinstance(given, Mapping) and isinstance(held, Mapping):
        return {name: _like(value, held.get(pascal(name))) for name, value in given.items()}
    return held


def _like_attribute(given: Any, held: str) -> Any:
    match given:
        case bool():
            return held == "true"
        case int() | float():
            return int(held or 0)
    return _like_json(given, held)


def _like_json(given: Any, held: Any) -> Any:
    """Return the program's text while the account has an equal document, whatever its spelling."""
    try:
        return given if json.loads(given) == json.loads(held) else held
    except (TypeError, ValueError):
        return held
