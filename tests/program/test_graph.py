"""Every rule holds for every kind of stack, and every rule is broken by a sabotage that it catches."""

import copy
import json
from inspect import getmembers, isfunction

import pytest

from tests.program import alarm_rules, api_rules, graph_rules
from tests.program.alarm_rules import (
    COMPOSITE,
    INDEX,
    METRIC_FILTER,
    QUERY,
    alarms_fit_cloudwatch,
    alarms_may_publish,
    alarms_tell,
    alarms_watch_what_exists,
    composites_combine_what_exists,
    custom_metrics_are_emitted,
    each_fault_is_told_once,
    missing_data_is_said,
    queries_ask_what_exists,
)
from tests.program.api_rules import (
    client_flows,
    deployment_is_complete,
    every_method_is_answered,
    invoked_by_its_routes_alone,
    method_settings,
    nothing_revealed,
    refusals_are_counted_on_every_route,
    scope_on_every_method,
    timeouts_in_order,
)
from tests.program.graph_rules import (
    ALARM,
    CLIENT,
    DASHBOARD,
    DEPLOYMENT,
    FUNCTION,
    INTEGRATION,
    KEY,
    LOG_GROUP,
    MAPPING,
    METHOD,
    METHOD_SETTINGS,
    PERMISSION,
    QUEUE,
    QUEUE_POLICY,
    REDRIVE_ALLOW,
    RESPONSE,
    ROLE,
    ROLE_POLICY,
    STAGE,
    TABLE,
    TOPIC,
    TOPIC_POLICY,
    USER_POOL,
    Rule,
    children_of_components,
    consumer_may_consume,
    encrypted_at_rest,
    explicit_tagging_provider,
    json_logs,
    log_groups,
    log_key_grants,
    no_wildcards,
    partial_batches,
    physical_names,
    protections,
    redrive,
    roles_trust_one_service,
    tls_only_queues,
    tracing,
    visibility_timeout,
)
from tests.program.sabotage import Sabotage, forget, mark, one_of, put, remove, swap
from tests.recorder import Graph


def is_rule(value: object) -> bool:
    return (
        isfunction(value)
        and list(value.__annotations__) == ["graph", "return"]
        and "Iterator[str]" in str(value.__annotations__["return"])
    )


RULES = {name: rule for module in (graph_rules, api_rules, alarm_rules) for name, rule in getmembers(module, is_rule)}


def _many_metrics(graph: Graph) -> None:
    queries = one_of(graph, ALARM, "ingest-failures").inputs["metricQueries"]
    first = next(query for query in queries if "metric" in query)
    queries += [first | {"id": f"more{number}"} for number in range(8)]


def _bad_math(graph: Graph) -> None:
    queries = one_of(graph, ALARM, "ingest-failures").inputs["metricQueries"]
    next(query for query in queries if "expression" in query)["expression"] = "IF(received >= 5, failed /, 0)"


def _permit_more(graph: Graph) -> None:
    more = copy.deepcopy(one_of(graph, PERMISSION, None))
    more.inputs["sourceArn"] += "/more"
    graph.resources.append(more)


SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (children_of_components, mark(TABLE, None, "parent", "")),
    (children_of_components, lambda graph: setattr(one_of(graph, TABLE, None), "parent", graph.resources[0].urn)),
    (explicit_tagging_provider, mark(TABLE, None, "provider", None)),
    (explicit_tagging_provider, put("pulumi:providers:aws", None, "defaultTags.tags.owner", "")),
    (physical_names, put(QUEUE, "events-source", "name", "events")),
    (physical_names, put(DASHBOARD, None, "dashboardName", "overview")),
    (physical_names, put(LOG_GROUP, "query-log", "name", "/aws/lambda/query")),
    (no_wildcards, swap(ROLE_POLICY, "query-permissions", "policy", "dynamodb:GetItem", "dynamodb:*")),
    (no_wildcards, swap(ROLE_POLICY, "query-permissions", "policy", "table/event", "table/*")),
    (no_wildcards, swap(TOPIC_POLICY, None, "policy", '{"Service": "cloudwatch.amazonaws.com"}', '{"AWS": "*"}')),
    (no_wildcards, swap(KEY, "monitoring-alerts-key", "policy", "AlarmsEncrypt", "Another")),
    (roles_trust_one_service, swap(ROLE, None, "assumeRolePolicy", "Service", "AWS")),
    (log_groups, put(LOG_GROUP, "query-log", "retentionInDays", None)),
    (log_groups, remove(LOG_GROUP, "event-handler-log")),
    (log_groups, remove(LOG_GROUP, "api-execution-log")),
    (log_groups, remove(LOG_GROUP, "api-access-log")),
    (log_groups, forget(FUNCTION, "query-function")),
    (json_logs, put(FUNCTION, "query-function", "loggingConfig.applicationLogLevel", "WARN")),
    (redrive, swap(QUEUE, "events-source", "redrivePolicy", '"maxReceiveCount": 5', '"maxReceiveCount": 1')),
    (redrive, put(QUEUE, "events-source", "redrivePolicy", "{}")),
    (redrive, swap(REDRIVE_ALLOW, None, "redriveAllowPolicy", "byQueue", "allowAll")),
    (redrive, put(QUEUE, "events-dead-letters", "messageRetentionSeconds", 345_600)),
    (visibility_timeout, put(QUEUE, "events-source", "visibilityTimeoutSeconds", 30)),
    (visibility_timeout, put(FUNCTION, "event-handler-function", "timeout", 11)),
    (tls_only_queues, remove(QUEUE_POLICY, "events-dead-letters-access")),
    (tls_only_queues, swap(QUEUE_POLICY, "events-source-access", "policy", "Deny", "Allow")),
    (encrypted_at_rest, put(QUEUE, "events-source", "sqsManagedSseEnabled", False)),
    (partial_batches, put(MAPPING, None, "functionResponseTypes", [])),
    (partial_batches, put(MAPPING, None, "scalingConfig", {})),
    (partial_batches, put(MAPPING, None, "metricsConfig", None)),
    (consumer_may_consume, forget(FUNCTION, "event-handler-function")),
    (tracing, put(FUNCTION, "query-function", "tracingConfig.mode", "PassThrough")),
    (tracing, put(STAGE, None, "xrayTracingEnabled", False)),
    (protections, mark(TOPIC, None, "protect", True)),
    (protections, mark(TABLE, None, "retain_on_delete", True)),
    (protections, put(USER_POOL, None, "deletionProtection", "ACTIVE")),
    (protections, put(LOG_GROUP, None, "skipDestroy", True)),
    (scope_on_every_method, put(METHOD, None, "authorizationScopes", [])),
    (scope_on_every_method, put(METHOD, None, "authorization", "NONE")),
    (scope_on_every_method, put(METHOD, None, "requestValidatorId", None)),
    (client_flows, put(CLIENT, None, "allowedOauthFlows", ["implicit"])),
    (client_flows, put(CLIENT, None, "explicitAuthFlows", [])),
    (client_flows, put(CLIENT, None, "allowedOauthScopes", ["openid"])),
    (client_flows, mark(CLIENT, None, "additional_secret_outputs", [])),
    (client_flows, put(USER_POOL, None, "adminCreateUserConfig", None)),
    (timeouts_in_order, put(INTEGRATION, None, "timeoutMilliseconds", 5_000)),
    (timeouts_in_order, put(INTEGRATION, None, "timeoutMilliseconds", 30_000)),
    (method_settings, put(METHOD_SETTINGS, None, "settings.loggingLevel", "INFO")),
    (method_settings, put(METHOD_SETTINGS, None, "settings.throttlingRateLimit", 0)),
    (method_settings, put(METHOD_SETTINGS, None, "methodPath", "users/GET")),
    (method_settings, remove(METHOD_SETTINGS)),
    (nothing_revealed, put(STAGE, None, "accessLogSettings.format", '{"path": "$context.path"}')),
    (
        nothing_revealed,
        put(RESPONSE, None, "responseTemplates", {"application/json": '{"message": "$context.error.message"}'}),
    ),
    (nothing_revealed, remove(RESPONSE, "api-default-4xx")),
    (deployment_is_complete, forget(DEPLOYMENT)),
    (every_method_is_answered, remove(INTEGRATION)),
    (every_method_is_answered, put(INTEGRATION, None, "httpMethod", "POST")),
    (every_method_is_answered, lambda graph: graph.resources.append(one_of(graph, INTEGRATION, None))),
    (invoked_by_its_routes_alone, remove(PERMISSION)),
    (invoked_by_its_routes_alone, remove(INTEGRATION)),
    (invoked_by_its_routes_alone, swap(PERMISSION, None, "sourceArn", "GET/users/*/services", "*/*")),
    (invoked_by_its_routes_alone, swap(PERMISSION, None, "sourceArn", "/GET/", "/POST/")),
    (invoked_by_its_routes_alone, swap(PERMISSION, None, "sourceArn", "/v1/", "/*/")),
    (invoked_by_its_routes_alone, swap(PERMISSION, None, "function", "query", "event-handler")),
    (invoked_by_its_routes_alone, put(PERMISSION, None, "qualifier", "live")),
    (invoked_by_its_routes_alone, put(PERMISSION, None, "principal", "*")),
    (invoked_by_its_routes_alone, _permit_more),
    (refusals_are_counted_on_every_route, swap(METRIC_FILTER, None, "pattern", "/services", "/other")),
    (alarms_tell, put(ALARM, "queue-age", "name", "queue-age-1234567")),
    (each_fault_is_told_once, put(ALARM, "ingest-failures", "okActions", [])),
    (each_fault_is_told_once, put(ALARM, "ingest-failures", "alarmActions", ["arn:aws:sns:eu-west-1:1:other"])),
    (each_fault_is_told_once, put(ALARM, "queue-age", "alarmActions", ["arn:aws:sns:eu-west-1:1:other"])),
    (each_fault_is_told_once, put(ALARM, "ingest-failures", "actionsEnabled", False)),
    (each_fault_is_told_once, remove(COMPOSITE, "consumer-down")),
    (missing_data_is_said, put(ALARM, "queue-age", "treatMissingData", "breaching")),
    (alarms_tell, put(ALARM, "queue-age", "alarmDescription", "x" * 1025)),
    (alarms_tell, swap(ALARM, "queue-age", "alarmDescription", "#queue-age", "#queue")),
    (alarms_tell, put(COMPOSITE, "consumer-down", "alarmDescription", "x")),
    (alarms_may_publish, put(COMPOSITE, "consumer-down", "alarmName", "consumer-down")),
    (alarms_may_publish, swap(TOPIC_POLICY, None, "policy", ":alarm:event", ":alarm:other")),
    (alarms_may_publish, swap(TOPIC_POLICY, None, "policy", "aws:SourceAccount", "aws:SourceVpc")),
    (alarms_may_publish, swap(KEY, "monitoring-alerts-key", "policy", "cloudwatch.amazonaws.com", "sns.amazonaws.com")),
    (alarms_may_publish, put(TOPIC, None, "kmsMasterKeyId", None)),
    (alarms_watch_what_exists, put(ALARM, "queue-age", "dimensions", {"QueueName": "another"})),
    (alarms_watch_what_exists, put(ALARM, "queue-age", "dimensions", {})),
    (custom_metrics_are_emitted, put(ALARM, "ingest-exhausted", "metricName", "EventLost")),
    (custom_metrics_are_emitted, put(ALARM, "ingest-exhausted", "namespace", "Other")),
    (custom_metrics_are_emitted, put(ALARM, "ingest-exhausted", "dimensions", {"service": "event-handler"})),
    (alarms_fit_cloudwatch, put(ALARM, "ingest-exhausted", "evaluationPeriods", 300)),
    (alarms_fit_cloudwatch, put(ALARM, "ingest-exhausted", "datapointsToAlarm", 13)),
    (alarms_fit_cloudwatch, put(ALARM, "query-duration", "evaluateLowSampleCountPercentiles", "ignore")),
    (alarms_fit_cloudwatch, _many_metrics),
    (alarms_fit_cloudwatch, _bad_math),
    (alarms_fit_cloudwatch, swap(COMPOSITE, "consumer-down", "alarmRule", " OR ", " XOR ")),
    (composites_combine_what_exists, remove(ALARM, "queue-age")),
    (composites_combine_what_exists, forget(COMPOSITE, "service-health")),
    (composites_combine_what_exists, put(COMPOSITE, "service-health", "alarmRule", "TRUE")),
    (queries_ask_what_exists, put(QUERY, None, "name", "errors")),
    (queries_ask_what_exists, put(QUERY, None, "logGroupNames", ["/other"])),
    (queries_ask_what_exists, forget(QUERY)),
    (queries_ask_what_exists, remove(INDEX)),
]
# Only a stack that has everything can break these.
FULL_SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (custom_metrics_are_emitted, remove(METRIC_FILTER)),
    (custom_metrics_are_emitted, put(STAGE, None, "accessLogSettings.format", '{"service": "api"}')),
    (
        alarms_watch_what_exists,
        put(ALARM, "ingest-exhausted", "dimensions", {"service": "event-handler", "stack": "other"}),
    ),
    (missing_data_is_said, put(ALARM, "queue-silent", "warmUpConfiguration", None)),
    (missing_data_is_said, put(ALARM, "slo-api-latency-fast-short", "treatMissingData", "notBreaching")),
    (
        composites_combine_what_exists,
        put(COMPOSITE, "slo-api-latency-slow", "actionsSuppressor.alarm", "event-processing-dev-other"),
    ),
]
# Only a stack with a customer key can break these.
KEY_SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (encrypted_at_rest, put(TABLE, None, "serverSideEncryption", {})),
    (encrypted_at_rest, put(LOG_GROUP, "api-access-log", "kmsKeyId", None)),
    (encrypted_at_rest, put(FUNCTION, "query-function", "kmsKeyArn", None)),
    (log_key_grants, swap(KEY, "encryption-data", "policy", "API-Gateway-Execution-Logs_*", "Other_*")),
    (protections, mark(KEY, "encryption-data", "protect", False)),
    (protections, mark(QUEUE, "events-source", "protect", False)),
    (protections, put(TABLE, None, "deletionProtectionEnabled", False)),
]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("stack", ["dev_graph", "prod_graph", "extended_graph"])
def test_rule_holds(rule: Rule, stack: str, request: pytest.FixtureRequest) -> None:
    assert list(rule(request.getfixturevalue(stack))) == []


@pytest.mark.parametrize(("rule", "sabotage"), SABOTAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_rule_catches_sabotage(rule: Rule, sabotage: Sabotage, dev_graph: Graph) -> None:
    graph = copy.deepcopy(dev_graph)
    sabotage(graph)
    assert list(rule(graph))


@pytest.mark.parametrize(("rule", "sabotage"), FULL_SABOTAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_rule_catches_sabotage_of_a_full_stack(rule: Rule, sabotage: Sabotage, extended_graph: Graph) -> None:
    graph = copy.deepcopy(extended_graph)
    sabotage(graph)
    assert list(rule(graph))


@pytest.mark.parametrize(("rule", "sabotage"), KEY_SABOTAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_rule_catches_sabotage_of_a_customer_key(rule: Rule, sabotage: Sabotage, prod_graph: Graph) -> None:
    graph = copy.deepcopy(prod_graph)
    sabotage(graph)
    assert list(rule(graph))


def test_every_rule_has_a_sabotage() -> None:
    assert RULES.keys() == {rule.__name__ for rule, _ in SABOTAGES + KEY_SABOTAGES}


def test_producers_may_send_and_use_the_key(extended_graph: Graph) -> None:
    policies = [
        one_of(extended_graph, QUEUE_POLICY, "events-source-access"),
        one_of(extended_graph, KEY, "encryption-data"),
    ]
    allowed = {
        (statement["Principal"]["AWS"][0], *statement["Action"])
        for policy in policies
        for statement in json.loads(policy.inputs["policy"])["Statement"]
        if statement["Sid"].startswith("Producers")
    }
    producer = "arn:aws:iam::210987654321:role/identity-provider"
    assert allowed == {(producer, "sqs:SendMessage"), (producer, "kms:Decrypt", "kms:GenerateDataKey")}
