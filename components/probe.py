"""The probe: a function that tries the whole service once a minute, as producers and clients use it."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.function import PythonFunction, PythonFunctionArgs, Runtime
from components.identity import ApiIdentity
from components.monitoring.platform_logs import PlatformLogs
from components.monitoring.signals import Signal
from components.policies import READ_ENCRYPTED, Statement, key_statements
from components.signals.function import PROBE
from handlers.vocabulary import PROBE_SERVICE, Environment

SCHEDULE = "rate(1 minute)"
MEMORY_MB = 256
# Its slowest run, in which every call takes as long as it may, ends before the next one begins.
TIMEOUT_SECONDS = 55


@dataclass(frozen=True, kw_only=True)
class ProbeArgs:
    """Arguments of `Probe`."""

    enabled: bool
    """False creates nothing."""
    physical_name: str
    """Name of the function and of its schedule."""
    parameter_name: str
    """Name of the parameter that holds the secret of its client."""
    log_group_name: str
    runtime: Runtime
    release: pulumi.Input[str]
    """The release that its versions belong to; see `release_of`."""
    identity: ApiIdentity
    """Makes its client, so that its requests are told apart from those of real clients."""
    api_url: pulumi.Input[str]
    queue_url: pulumi.Input[str]
    send_statements: tuple[Statement, ...]
    """Permissions to send an event."""
    platform_logs: PlatformLogs
    log_retention_days: int
    kms_key_arn: pulumi.Input[str] | None
    permissions_boundary: str | None
    stack: str


class Probe(pulumi.ComponentResource):
    """If `enabled`, a login of a reserved user goes through the queue every minute, and must show in the API.

    The probe has a client of its own. Its secret is in a parameter that this function alone is allowed to read, and in
    no variable: whoever can read the configuration of functions cannot call the API.
    """

    signals: tuple[Signal, ...]
    function_name: pulumi.Output[str] | None
    """None without a probe."""

    def __init__(self, name: str, args: ProbeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:probe:Probe", name, {}, opts)
        function = self._make(name, args) if args.enabled else None
        self.signals = function.signals if function else ()
        self.function_name = function.name if function else None
        self.register_outputs({})

    def _make(self, name: str, args: ProbeArgs) -> PythonFunction:
        child = pulumi.ResourceOptions(parent=self)
        client = args.identity.make_client(f"{name}-client", PROBE_SERVICE, parent=self)
        secret = aws.ssm.Parameter(
            f"{name}-client-secret",
            name=args.parameter_name,
            type=aws.ssm.ParameterType.SECURE_STRING,
            value=args.identity.secret_of(client),
            key_id=args.kms_key_arn,
            description="Secret of the client with which the probe calls the API",
            opts=child,
        )
        function_args = PythonFunctionArgs(
            physical_name=args.physical_name,
            log_group_name=args.log_group_name,
            handler="handlers.probe.handler",
            runtime=args.runtime,
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
            # A release of the other functions must not wait for it, nor a rollback move it.
            moved_by_operator=False,
            environment={
                Environment.QUEUE_URL: args.queue_url,
                Environment.API_URL: args.api_url,
                Environment.API_SCOPE: args.identity.scope,
                Environment.TOKEN_URL: args.identity.token_url,
                Environment.CLIENT_ID: client.id,
                Environment.CLIENT_SECRET_PARAMETER: secret.name,
            },
            statements=(
                *args.send_statements,
                Statement(sid="ReadOwnSecret", actions=("ssm:GetParameter",), resources=(secret.arn,)),
                *key_statements(args.kms_key_arn, sid="DecryptOwnSecret", service="ssm", actions=READ_ENCRYPTED),
            ),
            platform_logs=args.platform_logs,
            log_retention_days=args.log_retention_days,
            # With protection, a deployment that takes the probe away would fail at it.
            log_deletion_protection=False,
            kms_key_arn=args.kms_key_arn,
            permissions_boundary=args.permissions_boundary,
            stack=args.stack,
            profile=PROBE,
        )
        function = PythonFunction(name, function_args.of_release(args.release), child)
        self._schedule(name, args.physical_name, function)
        return function

    def _schedule(self, name: str, physical_name: str, function: PythonFunction) -> None:
        child = pulumi.ResourceOptions(parent=self)
        rule = aws.cloudwatch.EventRule(
            f"{name}-schedule",
            name=physical_name,
            description="Runs the probe",
            schedule_expression=SCHEDULE,
            opts=child,
        )
        permission = aws.lambda_.Permission(
            f"{name}-invoke",
            action="lambda:InvokeFunction",
            function=function.name,
            qualifier=function.alias,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=child,
        )
        # Otherwise Lambda keeps the runs that it has no room for, for hours, and then runs them all.
        no_backlog = aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-no-backlog",
            function_name=function.name,
            qualifier=function.alias,
            maximum_event_age_in_seconds=60,
            maximum_retry_attempts=0,
            opts=child,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-target",
            rule=rule.name,
            target_id=PROBE_SERVICE,
            arn=function.alias_arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission, no_backlog]),
        )
