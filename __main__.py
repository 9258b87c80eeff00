"""The stack: settings, components, exports. `components/` describes what each component guarantees."""

import pulumi
import pulumi_aws as aws

from components.api import STAGE, QueryApi, QueryApiArgs
from components.api_account import ApiGatewayAccount, ApiGatewayAccountArgs
from components.consumer import QueueConsumer, QueueConsumerArgs
from components.encryption import DataEncryption, DataEncryptionArgs
from components.function import (
    DependencyLayer,
    DependencyLayerArgs,
    PythonFunction,
    PythonFunctionArgs,
    artifact_for,
    release_of,
)
from components.identity import ApiIdentity, ApiIdentityArgs
from components.monitoring.component import Monitoring, MonitoringArgs
from components.monitoring.queries import LogGroups
from components.monitoring.tracing import Tracing, TracingArgs
from components.probe import Probe, ProbeArgs
from components.queue import EventQueue, EventQueueArgs
from components.settings.stack_settings import Release, StackSettings
from components.signals.function import EVENT_HANDLER, QUERY
from components.signals.probe import real_events
from components.table import UserServicesTable, UserServicesTableArgs
from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    PROBE_SERVICE,
    QUERY_OBJECTIVE_MILLISECONDS,
    QUERY_SERVICE,
    Environment,
)

settings = StackSettings.load()
artifact = artifact_for(settings.python_version)

event_handler_name = settings.physical_name(EVENT_HANDLER_SERVICE)
api_name = settings.physical_name("api")
log_groups = LogGroups.of(settings.log_group_name, probe=settings.probe)

provider = aws.Provider(
    "aws",
    region=settings.region,
    allowed_account_ids=list(settings.allowed_account_ids) or None,
    profile=settings.profile or None,
    assume_roles=[aws.ProviderAssumeRoleArgs(**role) for role in settings.assume_roles] or None,
    default_tags=aws.ProviderDefaultTagsArgs(tags=settings.all_tags),
)
in_account = pulumi.ResourceOptions(provider=provider)
account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=provider)).account_id

encryption_args = DataEncryptionArgs(
    customer_key=settings.cmk,
    description=f"Data, logs and environments of {settings.physical_prefix}",
    account_id=account_id,
    region=settings.region,
    log_group_patterns=(settings.log_group_name("*"), "API-Gateway-Execution-Logs_*"),
    producer_principals=settings.producer_principals,
)
encryption = DataEncryption("encryption", encryption_args, in_account)

queue_args = EventQueueArgs(
    physical_name=settings.physical_name("events"),
    consumer_versions=EVENT_HANDLER.versions(settings.stack),
    real_events=real_events(settings.stack) if settings.probe else (),
    consumer_timeout_seconds=settings.consumer_timeout_seconds,
    batch_window_seconds=settings.batch_window_seconds,
    max_receive_count=settings.max_receive_count,
    retention_days=settings.queue_retention_days,
    dead_letter_retention_days=settings.dead_letter_retention_days,
    kms_key_arn=encryption.key_arn,
    producer_principals=settings.producer_principals,
    protect=settings.protect,
)
queue = EventQueue("events", queue_args, in_account)
table_args = UserServicesTableArgs(
    physical_name=settings.physical_name("user-services"),
    max_read_units=settings.table_max_read_units,
    max_write_units=settings.table_max_write_units,
    point_in_time_recovery=settings.point_in_time_recovery,
    deletion_protection=settings.deletion_protection,
    kms_key_arn=encryption.key_arn,
    protect=settings.protect,
)
table = UserServicesTable("user-services", table_args, in_account)

layer_args = DependencyLayerArgs(
    physical_name=settings.physical_name("dependencies"), artifact=artifact, python_version=settings.python_version
)
layer = DependencyLayer("dependencies", layer_args, in_account)
event_handler_args = PythonFunctionArgs(
    physical_name=event_handler_name,
    log_group_name=log_groups.event_handler,
    handler="handlers.event_handler.handler",
    runtime=layer.runtime,
    memory_mb=settings.consumer_memory_mb,
    timeout_seconds=settings.consumer_timeout_seconds,
    reserved_concurrency=settings.reserved_concurrency,
    moved_by_operator=settings.release is Release.GRADUAL,
    environment={
        Environment.TABLE_NAME: table.name,
        Environment.DEAD_LETTER_QUEUE_URL: queue.dead_letter_url,
        Environment.MAX_RECEIVE_COUNT: str(settings.max_receive_count),
    },
    statements=(*queue.consume_statements(), *queue.quarantine_statements(), *table.write_statements()),
    platform_logs=settings.platform_logs,
    log_retention_days=settings.log_retention_days,
    log_deletion_protection=settings.deletion_protection,
    kms_key_arn=encryption.key_arn,
    permissions_boundary=settings.permissions_boundary or None,
    stack=settings.stack,
    profile=EVENT_HANDLER,
)
query_args = PythonFunctionArgs(
    physical_name=settings.physical_name(QUERY_SERVICE),
    log_group_name=log_groups.query,
    handler="handlers.query.handler",
    runtime=layer.runtime,
    memory_mb=settings.query_memory_mb,
    timeout_seconds=settings.query_timeout_seconds,
    provisioned_concurrency=settings.query_provisioned_concurrency,
    moved_by_operator=settings.release is Release.GRADUAL,
    environment={Environment.TABLE_NAME: table.name},
    statements=table.read_statements(),
    platform_logs=settings.platform_logs,
    log_retention_days=settings.log_retention_days,
    log_deletion_protection=settings.deletion_protection,
    kms_key_arn=encryption.key_arn,
    permissions_boundary=settings.permissions_boundary or None,
    stack=settings.stack,
    profile=QUERY,
)
release = release_of(event_handler_args, query_args)
event_handler = PythonFunction(EVENT_HANDLER_SERVICE, event_handler_args.of_release(release), in_account)
consumer_args = QueueConsumerArgs(
    queue_arn=queue.arn,
    alias_arn=event_handler.alias_arn,
    function_name=event_handler_name,
    batch_size=settings.batch_size,
    batch_window_seconds=settings.batch_window_seconds,
    max_concurrency=settings.consumer_max_concurrency,
)
consumer = QueueConsumer("consumer", consumer_args, in_account)
query = PythonFunction(QUERY_SERVICE, query_args.of_release(release), in_account)

identity_args = ApiIdentityArgs(
    physical_name=settings.physical_name("callers"),
    resource_server_identifier=settings.project,
    account_id=account_id,
    region=settings.region,
    client_names=settings.api_clients,
    rotated_secrets=settings.rotated_secrets,
    access_token_minutes=settings.access_token_minutes,
    deletion_protection=settings.deletion_protection,
    protect=settings.protect,
)
identity = ApiIdentity("identity", identity_args, in_account)
account = ApiGatewayAccount(
    "api-gateway",
    ApiGatewayAccountArgs(
        managed=settings.manage_api_gateway_account,
        region=settings.region,
        permissions_boundary=settings.permissions_boundary or None,
    ),
    in_account,
)
api_args = QueryApiArgs(
    physical_name=api_name,
    stack=settings.stack,
    access_log_group_name=log_groups.api_access,
    function_name=query.name,
    alias=query.alias,
    alias_invoke_arn=query.alias_invoke_arn,
    function_timeout_seconds=settings.query_timeout_seconds,
    user_pool_arn=identity.user_pool_arn,
    scope=identity.scope,
    rate_limit=settings.api_rate_limit,
    burst_limit=settings.api_burst_limit,
    log_retention_days=settings.log_retention_days,
    log_deletion_protection=settings.deletion_protection,
    kms_key_arn=encryption.key_arn,
    log_setting=account.settings,
)
api = QueryApi("api", api_args, in_account)

probe_args = ProbeArgs(
    enabled=settings.probe,
    physical_name=settings.physical_name(PROBE_SERVICE),
    parameter_name=f"{settings.log_group_name(PROBE_SERVICE)}-client-secret",
    log_group_name=settings.log_group_name(PROBE_SERVICE),
    runtime=layer.runtime,
    release=release,
    identity=identity,
    api_url=api.url,
    queue_url=queue.url,
    send_statements=queue.send_statements(),
    platform_logs=settings.platform_logs,
    log_retention_days=settings.log_retention_days,
    kms_key_arn=encryption.key_arn,
    permissions_boundary=settings.permissions_boundary or None,
    stack=settings.stack,
)
probe = Probe("probe", probe_args, in_account)

monitoring_args = MonitoringArgs(
    physical_prefix=settings.physical_prefix,
    stack=settings.stack,
    api_name=api_name,
    api_stage=STAGE,
    account_id=account_id,
    region=settings.region,
    query_folder=f"{settings.project}/{settings.stack}",
    signals=[signal for part in (queue, event_handler, consumer, api, query, table, probe) for signal in part.signals],
    drawn=(queue.drawn, consumer.drawn),
    newest_versions=event_handler.newest_version | query.newest_version,
    composites=queue.composites,
    log_groups=log_groups,
    platform_logs=settings.platform_logs,
    log_writers=(event_handler, query, api, probe),
    level=settings.monitoring,
    overrides=settings.alarms,
    runbook_url=settings.runbook_url,
    email=settings.alarm_email,
    page_endpoint=settings.page_endpoint,
)
monitoring = Monitoring("monitoring", monitoring_args, in_account)

tracing_args = TracingArgs(
    physical_prefix=settings.physical_prefix,
    api_name=api_name,
    stage=STAGE,
    event_handler_name=event_handler_name,
    sampling_percent=settings.api_trace_sampling_percent,
    slow_seconds=QUERY_OBJECTIVE_MILLISECONDS / 1000,
)
Tracing("tracing", tracing_args, in_account)

pulumi.export("queueUrl", queue.url)
pulumi.export("deadLetterQueueUrl", queue.dead_letter_url)
pulumi.export("tableName", table.name)
pulumi.export("apiUrl", api.url)
pulumi.export("tokenUrl", identity.token_url)
pulumi.export("apiScope", identity.scope)
pulumi.export("apiClients", identity.clients)
pulumi.export("userPoolId", identity.user_pool_id)
pulumi.export("functions", {EVENT_HANDLER_SERVICE: event_handler.name, QUERY_SERVICE: query.name})
if probe.function_name is not None:
    pulumi.export("probeFunction", probe.function_name)
pulumi.export("release", settings.release)
pulumi.export("versionsKept", settings.versions_kept)
pulumi.export("alarmTopics", monitoring.topic_arns)
pulumi.export("dashboardUrls", monitoring.board_urls)
