"""Updates: put again, patch by a call, or an error that names the input that no call changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.deployer.engine import ResourceFailed
from localcloud.emulator.connection import Account
from localcloud.providers.functions import function_outputs, invoke_arn, zip_bytes
from localcloud.providers.inputs import RESOURCE_TYPES, Inputs, pascal
from localcloud.providers.messaging import queue_attributes
from localcloud.providers.observability import SAMPLING_RULE
from localcloud.providers.schedules import put_parameter
from localcloud.providers.storage import encryption_of, recovery_of


@dataclass(kw_only=True)
class Change:
    """A resource whose inputs differ from those that it was last given."""

    type: str
    name: str
    id: str
    old: Mapping[str, Any] = field(repr=False)
    """The state: inputs and outputs."""
    new: Mapping[str, Any] = field(repr=False)
    """The program's inputs."""
    changed: frozenset[str]
    """Names of inputs that are given, removed or have another value."""

    def __post_init__(self) -> None:
        self.changed -= RESOURCE_TYPES[self.type].ignored
        self.clear({})

    def clear(self, cleared: Mapping[str, Any]) -> None:
        """Give each input that was taken out its value for AWS; without such a value it stays unhandled."""
        values = {name: self.new[name] for name in self.changed if self.new.get(name) is not None}
        removed = self.changed - values.keys()
        self.inputs = Inputs(self.name, values | {name: cleared[name] for name in removed & cleared.keys()})
        self._without_undo = removed - cleared.keys()

    def all_inputs(self) -> Inputs:
        """Return every input, for calls that reset what they are not given."""
        self.inputs.take_rest()
        self._without_undo = frozenset()
        return Inputs(self.name, self.new, RESOURCE_TYPES[self.type].ignored)

    @property
    def unhandled(self) -> list[str]:
        """The changed inputs that no call has taken."""
        return sorted({*self.inputs.left, *self._without_undo})


Update = Callable[[Account, Change], dict[str, Any]]
"""Applies a change by taking its inputs, and returns the outputs that it changed."""


def put_again(cloud: Account, change: Change) -> dict[str, Any]:
    """Repeat the creation, where AWS puts a whole document under a name."""
    inputs = change.all_inputs()
    made = RESOURCE_TYPES[change.type].create(cloud, inputs)
    if made.id != change.id:
        raise ResourceFailed(f"put again as {made.id}, but it was {change.id}")
    if inputs.left:
        raise ResourceFailed(f"the embedded cloud does nothing with {', '.join(inputs.left)}")
    return made.outputs


def queue(cloud: Account, change: Change) -> dict[str, Any]:
    """Set the attributes that changed."""
    attributes = queue_attributes(change.inputs)
    if attributes:
        cloud.client("sqs").set_queue_attributes(QueueUrl=change.id, Attributes=attributes)
    return {}


def topic(cloud: Account, change: Change) -> dict[str, Any]:
    """Set the attributes that changed."""
    for name, value in change.inputs.take_attributes("displayName", "kmsMasterKeyId", "policy").items():
        cloud.client("sns").set_topic_attributes(TopicArn=change.id, AttributeName=name, AttributeValue=value)
    return {}


def topic_subscription(cloud: Account, change: Change) -> dict[str, Any]:
    """Set the attributes that changed."""
    names = ("filterPolicy", "filterPolicyScope", "rawMessageDelivery", "redrivePolicy")
    for name, value in change.inputs.take_attributes(*names).items():
        arguments = {"SubscriptionArn": change.id, "AttributeName": name, "AttributeValue": value}
        cloud.client("sns").set_subscription_attributes(**arguments)
    return {}


def table(cloud: Account, change: Change) -> dict[str, Any]:
    """Change encryption, limits, protection and backups of a table."""
    dynamodb, inputs = cloud.client("dynamodb"), change.inputs
    if recovery := inputs.take("pointInTimeRecovery"):
        specification = recovery_of(recovery)
        dynamodb.update_continuous_backups(TableName=change.id, PointInTimeRecoverySpecification=specification)
    call = {}
    if encryption := inputs.take("serverSideEncryption"):
        call["SSESpecification"] = encryption_of(encryption)
    for name in ("billingMode", "deletionProtectionEnabled"):
        if (value := inputs.take(name)) is not None:
            call[pascal(name)] = value
    if throughput := inputs.take("onDemandThroughput"):
        call["OnDemandThroughput"] = {pascal(name): value for name, value in throughput.items()}
    if call:
        dynamodb.update_table(TableName=change.id, **call)
    return {}


def key(cloud: Account, change: Change) -> dict[str, Any]:
    """Change policy, description and rotation of a key."""
    kms, inputs = cloud.client("kms"), change.inputs
    if policy := inputs.take("policy"):
        kms.put_key_policy(KeyId=change.id, PolicyName="default", Policy=policy)
    if (description := inputs.take("description")) is not None:
        kms.update_key_description(KeyId=change.id, Description=description)
    if (rotates := inputs.take("enableKeyRotation")) is not None:
        (kms.enable_key_rotation if rotates else kms.disable_key_rotation)(KeyId=change.id)
    return {}


def role(cloud: Account, change: Change) -> dict[str, Any]:
    """Change who can assume a role, its permissions boundary, description and session duration."""
    iam = cloud.client("iam")
    boundary = change.inputs.take("permissionsBoundary")
    if boundary:
        iam.put_role_permissions_boundary(RoleName=change.id, PermissionsBoundary=boundary)
    elif boundary is not None:
        iam.delete_role_permissions_boundary(RoleName=change.id)
    if trust := change.inputs.take("assumeRolePolicy"):
        iam.update_assume_role_policy(RoleName=change.id, PolicyDocument=trust)
    names = ("description", "maxSessionDuration")
    settings = {pascal(name): value for name in names if (value := change.inputs.take(name)) is not None}
    if settings:
        iam.update_role(RoleName=change.id, **settings)
    return {}


def function(cloud: Account, change: Change) -> dict[str, Any]:
    """Change code, configuration and reserved concurrency, and publish a version as the program says."""
    client, inputs, named = cloud.client("lambda"), change.inputs, {"FunctionName": change.id}
    code, reserved = inputs.take("code"), inputs.take("reservedConcurrentExecutions")
    published = inputs.take("publish") is not None and change.new.get("publish")
    architectures = inputs.take("architectures")
    if reserved is not None and reserved < 0:
        client.delete_function_concurrency(**named)
    elif reserved is not None:
        client.put_function_concurrency(**named, ReservedConcurrentExecutions=reserved)
    environment = inputs.take("environment")
    call = {} if environment is None else {"Environment": {"Variables": environment.get("variables") or {}}}
    call |= inputs.take_rest(pascal, kmsKeyArn="KMSKeyArn")
    if call:
        client.update_function_configuration(**named, **call)
        _wait_until_updated(client, change.id)
    if code is not None or architectures is not None:
        # The architecture belongs to the code.
        built = {"Architectures": change.new["architectures"]} if change.new.get("architectures") else {}
        client.update_function_code(**named, ZipFile=zip_bytes(change.new["code"]), **built)
        _wait_until_updated(client, change.id)
    if published or (change.new.get("publish") and (call or code is not None or architectures is not None)):
        return function_outputs(cloud, client.publish_version(**named))
    return {}


def _wait_until_updated(client: Any, name: str) -> None:
    waiter = client.get_waiter("function_updated_v2")
    waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})


def alias(cloud: Account, change: Change) -> dict[str, Any]:
    """Point an alias at a version, and clear the weights that the program does not give, as the AWS provider does."""
    inputs = change.all_inputs()
    call = {"RoutingConfig": {}, "Description": ""} | inputs.take_rest(pascal)
    made = cloud.client("lambda").update_alias(**call)
    return {"invokeArn": invoke_arn(cloud, made["AliasArn"])}


def event_source_mapping(cloud: Account, change: Change) -> dict[str, Any]:
    """Change the settings of a mapping."""
    made = cloud.client("lambda").update_event_source_mapping(UUID=change.id, **change.inputs.take_rest(pascal))
    return {"functionArn": made["FunctionArn"]}


def log_group(cloud: Account, change: Change) -> dict[str, Any]:
    """Change retention, key and protection of a log group."""
    logs, inputs = cloud.client("logs"), change.inputs
    if (retention := inputs.take("retentionInDays")) is not None:
        if retention:
            logs.put_retention_policy(logGroupName=change.id, retentionInDays=retention)
        else:
            logs.delete_retention_policy(logGroupName=change.id)
    if (kms_key := inputs.take("kmsKeyId")) is not None:
        if kms_key:
            logs.associate_kms_key(logGroupName=change.id, kmsKeyId=kms_key)
        else:
            logs.disassociate_kms_key(logGroupName=change.id)
    if (protected := inputs.take("deletionProtectionEnabled")) is not None:
        logs.put_log_group_deletion_protection(logGroupIdentifier=change.id, deletionProtectionEnabled=protected)
    return {}


def query_definition(cloud: Account, change: Change) -> dict[str, Any]:
    """Put the saved query again, under its ID: two may have one name."""
    rest = change.all_inputs().take_rest()
    cloud.client("logs").put_query_definition(queryDefinitionId=change.id, **rest)
    return {}


def user_pool(cloud: Account, change: Change) -> dict[str, Any]:
    """Put every setting of a pool again, because AWS resets those that it is not given."""
    inputs = change.all_inputs()
    inputs.take("name")
    passwords = inputs.take("passwordPolicy")
    policies = {"Policies": {"PasswordPolicy": {pascal(k): v for k, v in passwords.items()}}} if passwords else {}
    cloud.client("cognito-idp").update_user_pool(UserPoolId=change.id, **policies, **inputs.take_rest(pascal))
    return {}


def user_pool_client(cloud: Account, change: Change) -> dict[str, Any]:
    """Put every setting of a client again, because AWS resets those that it is not given."""
    inputs = change.all_inputs()
    inputs.take("generateSecret")
    call = inputs.take_rest(
        pascal,
        name="ClientName",
        allowedOauthFlows="AllowedOAuthFlows",
        allowedOauthFlowsUserPoolClient="AllowedOAuthFlowsUserPoolClient",
        allowedOauthScopes="AllowedOAuthScopes",
        callbackUrls="CallbackURLs",
        logoutUrls="LogoutURLs",
    )
    cloud.client("cognito-idp").update_user_pool_client(ClientId=change.id, **call)
    return {}


def resource_server(cloud: Account, change: Change) -> dict[str, Any]:
    """Change the scopes of a resource server."""
    call = change.all_inputs().take_rest(pascal)
    made = cloud.client("cognito-idp").update_resource_server(**call)["ResourceServer"]
    return {"scopeIdentifiers": [f"{made['Identifier']}/{scope['ScopeName']}" for scope in made.get("Scopes", [])]}


def parameter(cloud: Account, change: Change) -> dict[str, Any]:
    """Overwrite the parameter; AWS keeps what it is not given."""
    inputs = change.all_inputs()
    inputs.take("overwrite")
    return put_parameter(cloud, inputs.take("name"), inputs, overwrite=True)


def xray_group(cloud: Account, change: Change) -> dict[str, Any]:
    """Change the filter expression of a group."""
    cloud.client("xray").update_group(GroupARN=change.id, **change.inputs.take_rest(pascal))
    return {}


def sampling_rule(cloud: Account, change: Change) -> dict[str, Any]:
    """Change what a rule matches, and how much it samples."""
    update = {"RuleName": change.id} | change.inputs.take_rest(pascal, **SAMPLING_RULE)
    cloud.client("xray").update_sampling_rule(SamplingRuleUpdate=update)
    return {}
