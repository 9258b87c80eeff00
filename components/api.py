"""The API that returns the services a user has logged in to."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.monitoring.coverage import to_be_monitored
from components.monitoring.indexes import INDEXED_ACCESS_LOG_FIELDS, make_index
from components.signals.api import API_SERVICE, api_signals, authorization_refused
from handlers.vocabulary import SERVICE_DIMENSION, STACK_DIMENSION

STAGE = "v1"
METHOD = "GET"
PATH = ("users", "{user_id}", "services")

# TLS 1.3, or TLS 1.2 with forward secrecy; without a policy a regional API accepts TLS 1.0. STRICT also rejects a
# request whose SNI is not its Host header: docs/decisions/0013-tls-of-the-api.md.
SECURITY_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
ENDPOINT_ACCESS_MODE = "STRICT"

# Fixed text for every response that API Gateway makes itself. Never `$context.error.message`, which can quote the
# Authorization header. The two defaults apply to every type that is not listed.
REFUSALS = {
    "UNAUTHORIZED": "A valid access token is required.",
    "ACCESS_DENIED": "The access token does not allow this.",
    "MISSING_AUTHENTICATION_TOKEN": "Not found.",
    "BAD_REQUEST_PARAMETERS": "The request is incomplete.",
    "THROTTLED": "Too many requests. Try again later.",
    "INTEGRATION_TIMEOUT": "The answer took too long.",
    "DEFAULT_4XX": "The request was rejected.",
    "DEFAULT_5XX": "Internal server error.",
}

# `resourcePath` and never `path`, which contains the user id. Every value is quoted, because API Gateway writes "-" for
# an absent number; values that it quotes itself (error.messageString) are not used. Each request pays for each
# byte, so no field says what CloudWatch or another field says: the cipher suite tells the version of TLS.
ACCESS_LOG_FIELDS = {
    "request_id": "$context.requestId",
    "method": "$context.httpMethod",
    "resource_path": "$context.resourcePath",
    "status": "$context.status",
    "response_latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "client_id": "$context.authorizer.claims.client_id",
    "authorizer_error": "$context.authorizer.error",
    "error_type": "$context.error.responseType",
    "source_ip": "$context.identity.sourceIp",
    "cipher_suite": "$context.cipherSuite",
    "xray_trace_id": "$context.xrayTraceId",
}


@dataclass(frozen=True, kw_only=True)
class QueryApiArgs:
    """What `QueryApi` needs."""

    physical_name: str
    """Also the dimension `ApiName` of its metrics."""
    stack: str
    """A field of the access log and, with the name of the service, a dimension of the metric counted from it."""
    access_log_group_name: str
    function_name: pulumi.Input[str]
    alias: pulumi.Input[str]
    """The alias of the function that is invoked: an output of it, because AWS permits only what exists."""
    alias_invoke_arn: pulumi.Input[str]
    function_timeout_seconds: int
    user_pool_arn: pulumi.Input[str]
    scope: pulumi.Input[str]
    """The scope a token must have; without a scope on the method, the API would accept id tokens too."""
    rate_limit: int
    """Requests per second, for all clients together."""
    burst_limit: int
    log_retention_days: int
    log_deletion_protection: bool
    """Whether AWS rejects the deletion of the log groups."""
    kms_key_arn: pulumi.Input[str] | None
    log_setting: tuple[pulumi.Resource, ...]
    """The account's permission to write logs, if this stack manages it."""

    def __post_init__(self) -> None:
        if self.integration_timeout_ms > 29_000:
            raise ValueError(
                f"function_timeout_seconds is {self.function_timeout_seconds}: API Gateway waits at most 29 s and one "
                "second longer than the function, so at most 28"
            )

    @property
    def integration_timeout_ms(self) -> int:
        """One second more than the timeout of the function, so that the function times out first and logs it."""
        return (self.function_timeout_seconds + 1) * 1_000


class QueryApi(pulumi.ComponentResource):
    """One route; a request reaches its function only with a token of the pool that has the scope.

    API Gateway writes no user id except in its X-Ray segment: data trace is off, execution logs contain errors
    only, and access logs the route instead of the path.
    """

    def __init__(self, name: str, args: QueryApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:api:QueryApi", name, {}, opts)
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        self._access_log = self._make_log_group(f"{name}-access-log", args.access_log_group_name)
        self._api = aws.apigateway.RestApi(
            f"{name}-routes",
            name=args.physical_name,
            endpoint_configuration=aws.apigateway.RestApiEndpointConfigurationArgs(types="REGIONAL"),
            security_policy=SECURITY_POLICY,
            endpoint_access_mode=ENDPOINT_ACCESS_MODE,
            # Destroy deletes the group last: for a request that arrives before the API is gone, API Gateway would make
            # it again, without retention, and its name would block the next deployment.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._access_log]),
        )
        permission = aws.lambda_.Permission(
            f"{name}-invoke",
            action="lambda:InvokeFunction",
            function=args.function_name,
            qualifier=args.alias,
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(self._api.execution_arn, f"/{STAGE}/{METHOD}/users/*/services"),
            opts=self._child,
        )
        deployment = self._deploy(self._make_route(permission), self._make_error_responses())
        stage = self._make_stage(deployment)
        self.url = stage.invoke_url
        self.signals = to_be_monitored(name, api_signals(args.physical_name, STAGE, args.stack, args.rate_limit))
        self.register_outputs({"url": self.url})

    def _make_route(self, permission: pulumi.Resource) -> list[pulumi.Resource]:
        name, args, api = self._name, self._args, self._api
        parent_id: pulumi.Input[str] = api.root_resource_id
        resources: list[pulumi.Resource] = []
        for part in PATH:
            resource = aws.apigateway.Resource(
                f"{name}-{part.strip('{}').replace('_', '-')}",
                rest_api=api.id,
                parent_id=parent_id,
                path_part=part,
                opts=self._child,
            )
            resources.append(resource)
            parent_id = resource.id
        self._authorizer = aws.apigateway.Authorizer(
            f"{name}-callers",
            rest_api=api.id,
            name="callers",
            type="COGNITO_USER_POOLS",
            provider_arns=[args.user_pool_arn],
            identity_source="method.request.header.Authorization",
            opts=self._child,
        )
        validator = aws.apigateway.RequestValidator(
            f"{name}-parameters",
            rest_api=api.id,
            name="parameters",
            validate_request_parameters=True,
            validate_request_body=False,
            opts=self._child,
        )
        method = aws.apigateway.Method(
            f"{name}-read-services",
            rest_api=api.id,
            resource_id=parent_id,
            http_method=METHOD,
            authorization="COGNITO_USER_POOLS",
            authorizer_id=self._authorizer.id,
            authorization_scopes=[args.scope],
            request_validator_id=validator.id,
            request_parameters={"method.request.path.user_id": True},
            opts=self._child,
        )
        integration = aws.apigateway.Integration(
            f"{name}-query",
            rest_api=api.id,
            resource_id=parent_id,
            http_method=method.http_method,
            type="AWS_PROXY",
            integration_http_method="POST",
            uri=args.alias_invoke_arn,
            timeout_milliseconds=args.integration_timeout_ms,
            # An integration never names what API Gateway may not invoke, also when both change.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        return [*resources, self._authorizer, validator, method, integration]

    def _make_error_responses(self) -> list[pulumi.Resource]:
        return [
            aws.apigateway.Response(
                f"{self._name}-{response_type.lower().replace('_', '-')}",
                rest_api_id=self._api.id,
                response_type=response_type,
                response_templates={
                    "application/json": json.dumps({"message": message, "request_id": "$context.requestId"})
                },
                opts=self._child,
            )
            for response_type, message in REFUSALS.items()
        ]

    def _deploy(self, route: list[pulumi.Resource], responses: list[pulumi.Resource]) -> aws.apigateway.Deployment:
        args = self._args
        # A deployment is a snapshot: everything it copies must be in its trigger, or a change never goes live. The hash
        # of this file stands for everything fixed here; an edit without effect costs one deployment.
        content = pulumi.Output.json_dumps(
            {
                "definition": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
                "authorizer": self._authorizer.id,
                "user_pool": args.user_pool_arn,
                "scope": args.scope,
                "function": args.alias_invoke_arn,
                "timeout": args.integration_timeout_ms,
            }
        )
        return aws.apigateway.Deployment(
            f"{self._name}-deployment",
            rest_api=self._api.id,
            triggers={"content": content.apply(lambda text: hashlib.sha256(text.encode()).hexdigest())},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*route, *responses]),
        )

    def _make_stage(self, deployment: aws.apigateway.Deployment) -> aws.apigateway.Stage:
        name, args = self._name, self._args
        access_log = self._access_log
        make_index(f"{name}-access-log-index", access_log, INDEXED_ACCESS_LOG_FIELDS, self._child)
        rejections = self._count_rejections(access_log)
        # Otherwise API Gateway creates this group itself, without retention, and destroy leaves it.
        execution_log = self._make_log_group(
            f"{name}-execution-log", pulumi.Output.concat("API-Gateway-Execution-Logs_", self._api.id, f"/{STAGE}")
        )
        stage = aws.apigateway.Stage(
            f"{name}-stage",
            rest_api=self._api.id,
            deployment=deployment.id,
            stage_name=STAGE,
            xray_tracing_enabled=True,
            access_log_settings=aws.apigateway.StageAccessLogSettingsArgs(
                destination_arn=access_log.arn, format=self._access_log_format()
            ),
            # The stage lets requests in, so everything that serves, counts or logs them comes first. The deployment has
            # waited for the integration, and the integration for the permission to invoke the alias.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[rejections, access_log, execution_log, *args.log_setting]
            ),
        )
        aws.apigateway.MethodSettings(
            f"{name}-methods",
            rest_api=self._api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings=aws.apigateway.MethodSettingsSettingsArgs(
                throttling_rate_limit=args.rate_limit,
                throttling_burst_limit=args.burst_limit,
                # Of each method, charged as custom metrics: alarms and boards use those of the stage, which are free.
                metrics_enabled=False,
                data_trace_enabled=False,
                # INFO logs request URLs, which contain user ids.
                logging_level="ERROR",
            ),
            opts=self._child,
        )
        return stage

    def _access_log_format(self) -> str:
        # The field names of the functions' log lines; a metric filter takes dimensions from fields only.
        names = {SERVICE_DIMENSION: API_SERVICE, STACK_DIMENSION: self._args.stack}
        return json.dumps(names | ACCESS_LOG_FIELDS, separators=(",", ":"))

    def _count_rejections(self, access_log: aws.cloudwatch.LogGroup) -> aws.cloudwatch.LogMetricFilter:
        # API Gateway's own metrics count 401 and 403 with every other 4XX. Without a default value, the metric exists,
        # and costs, only in hours with such requests.
        metric = authorization_refused(self._args.stack)
        route = f"/{'/'.join(PATH)}"
        return aws.cloudwatch.LogMetricFilter(
            f"{self._name}-authorization-refused",
            name=metric.name,
            log_group_name=access_log.name,
            pattern=f'{{ ($.status = "401" || $.status = "403") && $.resource_path = "{route}" }}',
            metric_transformation=aws.cloudwatch.LogMetricFilterMetricTransformationArgs(
                name=metric.name,
                namespace=metric.namespace,
                value="1",
                dimensions={key: f"$.{key}" for key in metric.dimensions},
            ),
            opts=self._child,
        )

    def _make_log_group(self, name: str, physical_name: pulumi.Input[str]) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            name,
            name=physical_name,
            retention_in_days=self._args.log_retention_days,
            kms_key_id=self._args.kms_key_arn,
            deletion_protection_enabled=self._args.log_deletion_protection,
            opts=self._child,
        )
