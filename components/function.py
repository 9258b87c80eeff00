"""A Python Lambda function with its versions, alias, role, log group, layer and signals."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from components.monitoring.coverage import to_be_monitored
from components.monitoring.indexes import INDEXED_FUNCTION_FIELDS, make_index
from components.monitoring.metrics import newest_version
from components.monitoring.platform_logs import PlatformLogs
from components.packaging.artifact import Artifact, ArtifactError, build_artifact, target_from_environment
from components.policies import READ_ENCRYPTED, Statement, assume_role_document, key_statements, policy_document
from components.signals.function import FunctionProfile, canary_signals, function_signals
from handlers.vocabulary import LIVE_ALIAS, METRICS_NAMESPACE, Environment

ARCHITECTURE = "arm64"
TRACING_MODE = "Active"
LOG_SETTINGS = {
    "log_format": "JSON",
    # Lambda takes a line without a level, such as a metric, for INFO: a higher level drops metrics. DEBUG would
    # override the level of our logger, and libraries' debug lines contain requests.
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    "application_log_level": "INFO",
}
RELEASE_CHARACTERS = 12


def artifact_for(python_version: str) -> Artifact:
    """Build the code and the layer of the functions, or end the program with one sentence that says why it cannot."""
    try:
        target = target_from_environment(python_version, os.environ)
        return build_artifact(Path(__file__).resolve().parent.parent, target, progress=pulumi.log.info)
    except ArtifactError as error:
        raise pulumi.RunError(str(error)) from None


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What every function of the stack runs: Python, the code, and the layer with the dependencies."""

    python_version: str
    archive: Path
    version: str
    """Version of the archive and the layer."""
    layer_arn: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class DependencyLayerArgs:
    """Arguments of `DependencyLayer`."""

    physical_name: str
    artifact: Artifact
    python_version: str


class DependencyLayer(pulumi.ComponentResource):
    """One layer with the locked dependencies; `runtime` is what every function runs."""

    def __init__(self, name: str, args: DependencyLayerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:function:DependencyLayer", name, {}, opts)
        layer = aws.lambda_.LayerVersion(
            f"{name}-layer",
            layer_name=args.physical_name,
            code=pulumi.FileArchive(str(args.artifact.layer)),
            compatible_runtimes=[f"python{args.python_version}"],
            compatible_architectures=[ARCHITECTURE],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.runtime = Runtime(
            python_version=args.python_version,
            archive=args.artifact.code,
            version=args.artifact.version,
            layer_arn=layer.arn,
        )
        self.register_outputs({"arn": layer.arn})


@dataclass(frozen=True, kw_only=True)
class PythonFunctionArgs:
    """Arguments of `PythonFunction`."""

    physical_name: str
    log_group_name: str
    handler: str
    """`module.function` inside the archive."""
    runtime: Runtime
    memory_mb: int
    timeout_seconds: int
    reserved_concurrency: int = -1
    """-1 reserves nothing, because small accounts have nothing to reserve."""
    provisioned_concurrency: int = 0
    """Environments of the live version that are kept warm."""
    moved_by_operator: bool
    """Whether a deployment publishes only, and leaves the alias where the operator's release or rollback has put it."""
    environment: Mapping[str, pulumi.Input[str]]
    """Variables in addition to those that every handler reads: `handlers.settings`, checked by a test."""
    statements: tuple[Statement, ...]
    """Permissions in addition to writing its own logs and traces."""
    platform_logs: PlatformLogs
    log_retention_days: int
    log_deletion_protection: bool
    """Whether AWS rejects the deletion of the log group."""
    kms_key_arn: pulumi.Input[str] | None
    """Customer key of environment and logs; None encrypts both with keys that AWS owns."""
    permissions_boundary: str | None
    """ARN of the policy that limits what the statements can allow; None: no limit."""
    stack: str
    profile: FunctionProfile
    """Its name on boards, and its alarms."""

    def of_release(self, release: pulumi.Input[str]) -> "PythonFunctionArgs":
        """Return these arguments for a function that belongs to a release; see `release_of`."""
        return replace(self, environment={**self.environment, Environment.RELEASE: release})

    def behaviour(self) -> dict[str, Any]:
        """Return everything whose change makes AWS publish another version of the function."""
        return {
            "handler": self.handler,
            "python": self.runtime.python_version,
            "architecture": ARCHITECTURE,
            "layer": self.runtime.layer_arn,
            "memory": self.memory_mb,
            "timeout": self.timeout_seconds,
            "environment": {**self.environment, **_shared_environment(self)},
            "key": self.kms_key_arn,
            "tracing": TRACING_MODE,
            "logging": [self.log_group_name, self.log_settings],
        }

    @property
    def log_settings(self) -> dict[str, str]:
        """Return the format of the function's lines, and the levels from which lines are written."""
        return LOG_SETTINGS | {"system_log_level": self.platform_logs.system_log_level}


def release_of(*functions: PythonFunctionArgs) -> pulumi.Output[str]:
    """Return a hash that changes when any of these functions behaves differently, and stays otherwise.

    As a variable of all of them it makes AWS publish all of them together, and shows which versions belong together.
    """
    behaviours = pulumi.Output.json_dumps([function.behaviour() for function in functions], sort_keys=True)
    return behaviours.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()[:RELEASE_CHARACTERS])


class PythonFunction(pulumi.ComponentResource):
    """The function has the permissions in its statements, can write its own logs and traces, and nothing else.

    Each change publishes a version, which keeps code and configuration together, and callers invoke the alias `live`:
    AWS updates first the configuration, then the code, and between the two only the unpublished function runs.

    It cannot create log groups: lines that arrive after `destroy` would create the group again, without retention, and
    block the next deployment.
    """

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:function:PythonFunction", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-log",
            name=args.log_group_name,
            retention_in_days=args.log_retention_days,
            kms_key_id=args.kms_key_arn,
            # Stated when false too: the provider takes a missing value for no difference.
            deletion_protection_enabled=args.log_deletion_protection,
            opts=child,
        )
        make_index(f"{name}-log-index", log_group, INDEXED_FUNCTION_FIELDS, child)
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=assume_role_document("lambda.amazonaws.com"),
            permissions_boundary=args.permissions_boundary,
            opts=child,
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-permissions",
            role=role.id,
            policy=policy_document(*_own_statements(log_group.arn, args.kms_key_arn), *args.statements),
            opts=child,
        )
        function = aws.lambda_.Function(
            f"{name}-function",
            name=args.physical_name,
            role=role.arn,
            runtime=f"python{args.runtime.python_version}",
            architectures=[ARCHITECTURE],
            handler=args.handler,
            code=pulumi.FileArchive(str(args.runtime.archive)),
            layers=[args.runtime.layer_arn],
            memory_size=args.memory_mb,
            timeout=args.timeout_seconds,
            reserved_concurrent_executions=args.reserved_concurrency,
            publish=True,
            environment=aws.lambda_.FunctionEnvironmentArgs(
                variables={**args.environment, **_shared_environment(args)}
            ),
            kms_key_arn=args.kms_key_arn,
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode=TRACING_MODE),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_group=log_group.name, **args.log_settings),
            # The policy too: a resource that has the ARN of the function can rely on its permissions.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[log_group, permissions]),
        )
        alias = self._make_alias(name, function, args)
        self.name, self.alias, self.alias_arn, self.alias_invoke_arn = (
            function.name,
            alias.name,
            alias.arn,
            alias.invoke_arn,
        )
        signals = function_signals(
            args.profile, stack=args.stack, function_name=args.physical_name, timeout_seconds=args.timeout_seconds
        )
        self.newest_version: dict[str, pulumi.Output[str]] = {}
        if args.moved_by_operator:
            signals += canary_signals(args.profile, function_name=args.physical_name)
            # No other signal names a version, so the boards of other stacks do not change with it.
            self.newest_version[newest_version(args.physical_name)] = function.version
        self.signals = to_be_monitored(name, signals)
        self.register_outputs({"name": self.name, "arn": function.arn})

    def _make_alias(self, name: str, function: aws.lambda_.Function, args: PythonFunctionArgs) -> aws.lambda_.Alias:
        moved_by_operator = ["functionVersion", "routingConfig"] if args.moved_by_operator else None
        alias = aws.lambda_.Alias(
            f"{name}-alias",
            name=LIVE_ALIAS,
            function_name=function.name,
            function_version=function.version,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=moved_by_operator),
        )
        if args.provisioned_concurrency:
            aws.lambda_.ProvisionedConcurrencyConfig(
                f"{name}-warm",
                function_name=function.name,
                qualifier=alias.name,
                provisioned_concurrent_executions=args.provisioned_concurrency,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return alias


def _shared_environment(args: PythonFunctionArgs) -> dict[str, str]:
    return {
        Environment.STACK: args.stack,
        Environment.VERSION: args.runtime.version,
        Environment.SERVICE: args.profile.service,
        Environment.METRICS_NAMESPACE: METRICS_NAMESPACE,
    }


def _own_statements(log_group_arn: pulumi.Output[str], kms_key_arn: pulumi.Input[str] | None) -> tuple[Statement, ...]:
    return (
        Statement(
            sid="WriteOwnLog",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(pulumi.Output.concat(log_group_arn, ":log-stream:*"),),
        ),
        Statement(
            sid="SendTraces",
            actions=("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
            resources=("*",),
            wildcard_reason="X-Ray has no resource to name for these actions",
        ),
        *key_statements(kms_key_arn, sid="DecryptEnvironment", service="lambda", actions=READ_ENCRYPTED),
    )
