"""The rules about deployed resources, with the sabotages that each rule must catch."""

import copy

from localcloud.deployer.recorder import Graph
from tests.graph import alarm_rules as alarms
from tests.graph import api_rules as api
from tests.graph import board_rules as boards
from tests.graph import destroy_rules as destroy
from tests.graph import graph_rules as stack
from tests.graph import owner_rules as owner
from tests.graph import resource_types as aws
from tests.graph.graph_rules import Rule
from tests.graph.sabotage import Sabotage, forget, mark, one_of, put, remove, swap, wait_no_more

ALERTS_KEY = "monitoring-alerts-key"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:event-processing-dev-event-handler"
RELEASE = "environment.variables.RELEASE"
OTHER_TOPIC = "arn:aws:sns:eu-west-1:1:other"
REVEALING = {"application/json": '{"message": "$context.error.message"}'}
PROTECTED_LOG = "deletionProtectionEnabled"
SECRET = "aws:secretsmanager/secret:Secret"


def _many_metrics(graph: Graph) -> None:
    queries = one_of(graph, aws.ALARM, "ingest-failures").inputs["metricQueries"]
    first = next(query for query in queries if "metric" in query)
    queries += [first | {"id": f"more{number}"} for number in range(8)]


def _bad_math(graph: Graph) -> None:
    queries = one_of(graph, aws.ALARM, "ingest-failures").inputs["metricQueries"]
    next(query for query in queries if "expression" in query)["expression"] = "IF(received >= 5, failed /, 0)"


def _permit_more(graph: Graph) -> None:
    more = copy.deepcopy(one_of(graph, aws.PERMISSION))
    more.inputs["sourceArn"] += "/more"
    graph.resources.append(more)


SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (stack.children_of_components, mark(aws.TABLE, None, "parent", "")),
    (stack.children_of_components, lambda graph: setattr(one_of(graph, aws.TABLE), "parent", graph.resources[0].urn)),
    (stack.explicit_tagging_provider, mark(aws.TABLE, None, "provider", None)),
    (stack.explicit_tagging_provider, put("pulumi:providers:aws", None, "defaultTags.tags.owner", "")),
    (owner.tags_are_the_providers, put(aws.TABLE, None, "tags", {"owner": "another"})),
    (owner.log_groups_are_protected_like_the_table, put(aws.LOG_GROUP, "query-log", PROTECTED_LOG, True)),
    (stack.physical_names, put(aws.QUEUE, "events-source", "name", "events")),
    (stack.physical_names, put(aws.DASHBOARD, None, "dashboardName", "overview")),
    (stack.physical_names, put(aws.LOG_GROUP, "query-log", "name", "/aws/lambda/query")),
    (stack.roles_trust_one_service, swap(aws.ROLE, None, "assumeRolePolicy", "Service", "AWS")),
    (stack.log_groups, remove(aws.LOG_GROUP, "event-handler-log")),
    (stack.log_groups, remove(aws.LOG_GROUP, "api-execution-log")),
    (stack.log_groups, remove(aws.LOG_GROUP, "api-access-log")),
    (stack.log_groups, forget(aws.FUNCTION, "query-function")),
    (stack.json_logs, put(aws.FUNCTION, "query-function", "loggingConfig.applicationLogLevel", "WARN")),
    (stack.json_logs, put(aws.FUNCTION, "event-handler-function", "loggingConfig.applicationLogLevel", "DEBUG")),
    (stack.json_logs, put(aws.FUNCTION, "query-function", "loggingConfig.systemLogLevel", "DEBUG")),
    (
        stack.queries_find_the_lines_of_lambda,
        put(aws.FUNCTION, "query-function", "loggingConfig.systemLogLevel", "WARN"),
    ),
    (stack.redrive, swap(aws.QUEUE, "events-source", "redrivePolicy", '"maxReceiveCount": 5', '"maxReceiveCount": 1')),
    (stack.redrive, put(aws.QUEUE, "events-source", "redrivePolicy", "{}")),
    (stack.redrive, swap(aws.REDRIVE_ALLOW, None, "redriveAllowPolicy", "byQueue", "allowAll")),
    (stack.redrive, put(aws.QUEUE, "events-dead-letters", "messageRetentionSeconds", 345_600)),
    (stack.message_sizes, put(aws.QUEUE, "events-source", "maxMessageSize", 262_144)),
    (stack.message_sizes, put(aws.QUEUE, "events-dead-letters", "maxMessageSize", 65_536)),
    (stack.message_sizes, lambda graph: one_of(graph, aws.QUEUE, "events-source").inputs.pop("maxMessageSize")),
    (stack.visibility_timeout, put(aws.QUEUE, "events-source", "visibilityTimeoutSeconds", 30)),
    (stack.visibility_timeout, put(aws.FUNCTION, "event-handler-function", "timeout", 11)),
    (stack.tls_only_queues, remove(aws.QUEUE_POLICY, "events-dead-letters-access")),
    (stack.tls_only_queues, swap(aws.QUEUE_POLICY, "events-source-access", "policy", "Deny", "Allow")),
    (stack.encrypted_at_rest, put(aws.QUEUE, "events-source", "sqsManagedSseEnabled", False)),
    (stack.encrypted_at_rest, lambda graph: one_of(graph, aws.TABLE).inputs.pop("serverSideEncryption")),
    (stack.partial_batches, put(aws.MAPPING, None, "functionResponseTypes", [])),
    (stack.partial_batches, put(aws.MAPPING, None, "scalingConfig", {})),
    (stack.partial_batches, put(aws.MAPPING, None, "metricsConfig", None)),
    (stack.ready_before_traffic, forget(aws.FUNCTION, "event-handler-function")),
    (stack.ready_before_traffic, wait_no_more(aws.STAGE, None, aws.DEPLOYMENT)),
    (stack.ready_before_traffic, wait_no_more(aws.STAGE, None, aws.METRIC_FILTER)),
    (stack.ready_before_traffic, wait_no_more(aws.ALARM, "ingest-exhausted", aws.TOPIC_POLICY)),
    (stack.ready_before_traffic, wait_no_more(aws.COMPOSITE, "api-unhealthy", aws.TOPIC_POLICY, aws.ALARM)),
    (stack.ready_before_traffic, forget(aws.ALIAS, "event-handler-alias")),
    (stack.ready_before_traffic, wait_no_more(aws.INTEGRATION, None, aws.PERMISSION)),
    (stack.ready_before_traffic, wait_no_more(aws.PERMISSION, None, aws.ALIAS)),
    (stack.ready_before_traffic, mark(aws.PERMISSION, None, "delete_before_replace", True)),
    (stack.ready_before_traffic, put(aws.PERMISSION, None, "statementId", "invoke")),
    (stack.callers_name_the_alias, put(aws.MAPPING, None, "functionName", FUNCTION_ARN)),
    (stack.callers_name_the_alias, put(aws.MAPPING, None, "functionName", f"{FUNCTION_ARN}:1")),
    (stack.callers_name_the_alias, swap(aws.INTEGRATION, None, "uri", ":live/", "/")),
    (stack.callers_name_the_alias, put(aws.PERMISSION, None, "qualifier", None)),
    (stack.callers_name_the_alias, put(aws.FUNCTION, "query-function", "publish", False)),
    (stack.callers_name_the_alias, put(aws.ALIAS, "query-alias", "functionVersion", "$LATEST")),
    (stack.callers_name_the_alias, remove(aws.ALIAS, "event-handler-alias")),
    (stack.versions_are_paired, put(aws.FUNCTION, "query-function", RELEASE, "0123456789ab")),
    (stack.versions_are_paired, put(aws.FUNCTION, "query-function", RELEASE, None)),
    (stack.tracing, put(aws.FUNCTION, "query-function", "tracingConfig.mode", "PassThrough")),
    (stack.protections, mark(aws.TOPIC, None, "protect", True)),
    (stack.protections, mark(aws.TABLE, None, "retain_on_delete", True)),
    (stack.protections, put(aws.USER_POOL, None, "deletionProtection", "ACTIVE")),
    (stack.protections, put(aws.LOG_GROUP, None, "skipDestroy", True)),
    (api.tls_floor, put(aws.REST_API, None, "securityPolicy", "TLS_1_2")),
    (api.tls_floor, lambda graph: one_of(graph, aws.REST_API).inputs.pop("securityPolicy")),
    (api.tls_floor, put(aws.REST_API, None, "endpointAccessMode", "BASIC")),
    (api.tls_floor, put(aws.REST_API, None, "endpointConfiguration", {"types": "EDGE"})),
    (api.tls_floor, put(aws.STAGE, None, "accessLogSettings.format", '{"tls": "$context.tlsVersion"}')),
    (
        api.every_logged_field_is_read,
        put(aws.STAGE, None, "accessLogSettings.format", '{"time": "$context.requestTime"}'),
    ),
    (api.scope_on_every_method, put(aws.METHOD, None, "authorizationScopes", [])),
    (api.scope_on_every_method, put(aws.METHOD, None, "authorization", "NONE")),
    (api.client_flows, put(aws.CLIENT, None, "allowedOauthFlows", ["implicit"])),
    (api.client_flows, put(aws.CLIENT, None, "explicitAuthFlows", [])),
    (api.client_flows, put(aws.CLIENT, None, "allowedOauthScopes", ["openid"])),
    (api.client_flows, mark(aws.CLIENT, None, "additional_secret_outputs", [])),
    (api.client_flows, put(aws.USER_POOL, None, "adminCreateUserConfig", None)),
    (api.timeouts_in_order, put(aws.INTEGRATION, None, "timeoutMilliseconds", 5_000)),
    (api.timeouts_in_order, put(aws.INTEGRATION, None, "timeoutMilliseconds", 30_000)),
    (api.method_settings, put(aws.METHOD_SETTINGS, None, "settings.loggingLevel", "INFO")),
    (api.method_settings, put(aws.METHOD_SETTINGS, None, "settings.throttlingRateLimit", 0)),
    (api.method_settings, put(aws.METHOD_SETTINGS, None, "methodPath", "users/GET")),
    (api.method_settings, put(aws.METHOD_SETTINGS, None, "settings.metricsEnabled", True)),
    (api.method_settings, swap(aws.DASHBOARD, "monitoring-api", "dashboardBody", '"Stage"', '"Method"')),
    (api.method_settings, remove(aws.METHOD_SETTINGS)),
    (api.nothing_revealed, put(aws.STAGE, None, "accessLogSettings.format", '{"path": "$context.path"}')),
    (api.nothing_revealed, put(aws.RESPONSE, None, "responseTemplates", REVEALING)),
    (api.nothing_revealed, remove(aws.RESPONSE, "api-default-4xx")),
    (api.deployment_is_complete, forget(aws.DEPLOYMENT)),
    (api.every_method_is_answered, remove(aws.INTEGRATION)),
    (api.every_method_is_answered, put(aws.INTEGRATION, None, "httpMethod", "POST")),
    (api.every_method_is_answered, lambda graph: graph.resources.append(one_of(graph, aws.INTEGRATION))),
    (api.invoked_by_its_routes_alone, remove(aws.PERMISSION)),
    (api.invoked_by_its_routes_alone, remove(aws.INTEGRATION)),
    (api.invoked_by_its_routes_alone, swap(aws.PERMISSION, None, "sourceArn", "GET/users/*/services", "*/*")),
    (api.invoked_by_its_routes_alone, swap(aws.PERMISSION, None, "sourceArn", "/GET/", "/POST/")),
    (api.invoked_by_its_routes_alone, swap(aws.PERMISSION, None, "sourceArn", "/v1/", "/*/")),
    (api.invoked_by_its_routes_alone, swap(aws.PERMISSION, None, "function", "query", "event-handler")),
    (api.invoked_by_its_routes_alone, put(aws.PERMISSION, None, "qualifier", None)),
    (api.invoked_by_its_routes_alone, put(aws.PERMISSION, None, "principal", "*")),
    (api.invoked_by_its_routes_alone, _permit_more),
    (api.refusals_are_counted_on_every_route, swap(aws.METRIC_FILTER, None, "pattern", "/services", "/other")),
    (alarms.alarms_tell, put(aws.ALARM, "queue-age", "name", "queue-age-1234567")),
    (alarms.each_fault_is_told_once, put(aws.ALARM, "ingest-failures", "okActions", [])),
    (alarms.each_fault_is_told_once, put(aws.ALARM, "ingest-failures", "alarmActions", [OTHER_TOPIC])),
    (alarms.each_fault_is_told_once, put(aws.ALARM, "queue-age", "alarmActions", [OTHER_TOPIC])),
    (alarms.each_fault_is_told_once, put(aws.ALARM, "ingest-failures", "actionsEnabled", False)),
    (alarms.each_fault_is_told_once, remove(aws.COMPOSITE, "consumer-down")),
    (alarms.missing_data_is_said, put(aws.ALARM, "queue-age", "treatMissingData", "breaching")),
    (alarms.alarms_tell, put(aws.ALARM, "queue-age", "alarmDescription", "x" * 1025)),
    (alarms.alarms_tell, swap(aws.ALARM, "queue-age", "alarmDescription", "#queue-age", "#queue")),
    (alarms.alarms_tell, put(aws.COMPOSITE, "consumer-down", "alarmDescription", "x")),
    (alarms.alarms_tell, swap(aws.ALARM, "queue-age", "alarmDescription", " | First: python -m ops", ". First: look")),
    (alarms.alarms_tell, swap(aws.ALARM, "queue-age", "alarmDescription", "--stack dev", "--stack prod")),
    (alarms.alarms_tell, swap(aws.ALARM, "queue-age", "alarmDescription", "Then: ", "Then: `run` ")),
    (boards.metrics_are_emitted, put(aws.ALARM, "queue-age", "dimensions", {"QueueName": "another"})),
    (boards.metrics_are_emitted, put(aws.ALARM, "queue-age", "dimensions", {})),
    (boards.metrics_are_emitted, put(aws.ALARM, "ingest-exhausted", "metricName", "EventLost")),
    (boards.metrics_are_emitted, put(aws.ALARM, "ingest-exhausted", "namespace", "Other")),
    (boards.metrics_are_emitted, put(aws.ALARM, "ingest-exhausted", "dimensions", {"service": "event-handler"})),
    (alarms.alarms_fit_cloudwatch, put(aws.ALARM, "ingest-exhausted", "evaluationPeriods", 300)),
    (alarms.alarms_fit_cloudwatch, put(aws.ALARM, "ingest-exhausted", "datapointsToAlarm", 13)),
    (alarms.alarms_fit_cloudwatch, put(aws.ALARM, "queue-age", "evaluationPeriods", 5)),
    (alarms.alarms_fit_cloudwatch, put(aws.ALARM, "query-duration", "evaluateLowSampleCountPercentiles", "ignore")),
    (alarms.alarms_fit_cloudwatch, _many_metrics),
    (alarms.alarms_fit_cloudwatch, _bad_math),
    (alarms.alarms_fit_cloudwatch, swap(aws.COMPOSITE, "consumer-down", "alarmRule", " OR ", " XOR ")),
    (alarms.composites_combine_what_exists, remove(aws.ALARM, "queue-age")),
    (alarms.composites_combine_what_exists, forget(aws.COMPOSITE, "service-health")),
    (alarms.composites_combine_what_exists, put(aws.COMPOSITE, "service-health", "alarmRule", "TRUE")),
    (alarms.queries_ask_what_exists, put(aws.QUERY, None, "name", "errors")),
    (alarms.queries_ask_what_exists, put(aws.QUERY, None, "logGroupNames", ["/other"])),
    (alarms.queries_ask_what_exists, forget(aws.QUERY)),
]
# Sabotages that need a stack with everything switched on.
FULL_SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (owner.roles_have_one_boundary, put(aws.ROLE, "query-role", "permissionsBoundary", None)),
    (owner.roles_have_one_boundary, put(aws.ROLE, "api-gateway-role", "permissionsBoundary", None)),
    (destroy.names_are_free_after_destroy, put(aws.ROLE, "api-gateway-role", "name", "api-gateway-logs-eu-west-1")),
    (destroy.retained_names_stay, mark(aws.ROLE, "api-gateway-role", "ignore_changes", ["name"])),
    (stack.ready_before_traffic, wait_no_more(aws.ALARM, "ingest-exhausted", aws.SUBSCRIPTION)),
    (stack.ready_before_traffic, wait_no_more(aws.STAGE, None, aws.ACCOUNT)),
    (boards.metrics_are_emitted, remove(aws.METRIC_FILTER)),
    (boards.metrics_are_emitted, put(aws.STAGE, None, "accessLogSettings.format", '{"service": "api"}')),
    (boards.metrics_are_emitted, put(aws.ALARM, "ingest-exhausted", "dimensions.stack", "other")),
    (alarms.missing_data_is_said, put(aws.ALARM, "probe-failing", "warmUpConfiguration", None)),
    (alarms.missing_data_is_said, put(aws.ALARM, "slo-api-latency-fast-short", "treatMissingData", "ignore")),
    (alarms.composites_combine_what_exists, put(aws.COMPOSITE, "slo-api-latency-slow", "actionsSuppressor.alarm", "a")),
]
# Sabotages that need a stack with a customer key.
KEY_SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (owner.log_groups_are_protected_like_the_table, put(aws.LOG_GROUP, "query-log", PROTECTED_LOG, False)),
    (owner.log_groups_are_protected_like_the_table, put(aws.LOG_GROUP, "api-execution-log", PROTECTED_LOG, None)),
    (stack.encrypted_at_rest, put(aws.TABLE, None, "serverSideEncryption", {})),
    (stack.encrypted_at_rest, put(aws.LOG_GROUP, "api-access-log", "kmsKeyId", None)),
    (stack.encrypted_at_rest, put(aws.FUNCTION, "query-function", "kmsKeyArn", None)),
    (
        stack.queries_find_the_lines_of_lambda,
        swap(aws.DASHBOARD, "monitoring-api", "dashboardBody", " of failed invocations", ""),
    ),
    (stack.key_outlives_its_data, mark(aws.KEY, "encryption-data", "retain_on_delete", False)),
    (stack.key_outlives_its_data, mark(aws.KEY, "encryption-data", "protect", True)),
    (stack.key_outlives_its_data, swap(aws.KEY, "encryption-data", "policy", "CallerAccount", "CallerUser")),
    (stack.key_outlives_its_data, swap(aws.KEY, "encryption-data", "policy", '"dynamodb.eu', '"kinesis.eu')),
    (stack.key_outlives_its_data, swap(aws.KEY, "encryption-data", "policy", "kms:Decrypt", "kms:Sign")),
    (stack.protections, mark(aws.KEY, "encryption-data", "protect", True)),
    (stack.protections, mark(aws.QUEUE, "events-source", "protect", False)),
    (stack.protections, put(aws.TABLE, None, "deletionProtectionEnabled", False)),
]
DESTROY_SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (destroy.names_are_free_after_destroy, mark(aws.QUEUE, "events-source", "type", SECRET)),
    (destroy.names_are_free_after_destroy, mark(aws.LOG_GROUP, "query-log", "retain_on_delete", True)),
    (destroy.names_are_free_after_destroy, mark(aws.TABLE, None, "retain_on_delete", True)),
    (destroy.logs_go_last, forget(aws.REST_API)),
    (destroy.logs_go_last, forget(aws.METHOD_SETTINGS)),
    (destroy.keys_can_be_called_back, put(aws.KEY, "encryption-data", "deletionWindowInDays", 7)),
    (destroy.keys_can_be_called_back, put(aws.KEY, ALERTS_KEY, "deletionWindowInDays", 1)),
    (destroy.keys_can_be_called_back, mark(aws.QUEUE, "events-source", "type", aws.KMS_ALIAS)),
]
