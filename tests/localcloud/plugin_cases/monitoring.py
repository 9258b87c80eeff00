"""Topics, logs, alarms, boards and traces."""

from typing import Any

from tests.localcloud.plugin_driver import Managed
from tests.localcloud.plugin_world import Case, Seen, World, document


def _alarm(kind: str, key: str) -> Seen:
    def seen(world: World, made: Managed) -> Any:
        found = world.client("cloudwatch").describe_alarms(AlarmNames=[made.id], AlarmTypes=[kind])
        return found[f"{kind}s"][0][key]

    return seen


def _saved_query(world: World, made: Managed) -> str:
    found = world.client("logs").describe_query_definitions()["queryDefinitions"]
    (text,) = (query["queryString"] for query in found if query["queryDefinitionId"] == made.id)
    return text


_SAMPLED = {"priority": 1, "version": 1, "fixedRate": 0.05, "reservoirSize": 1} | dict.fromkeys(
    ("host", "httpMethod", "urlPath", "serviceName", "serviceType", "resourceArn"), "*"
)
_THRESHOLD = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "metricName": "Errors",
    "namespace": "AWS/Lambda",
    "period": 60,
    "statistic": "Sum",
    "threshold": 5,
}

CASES = [
    Case(
        kind="sns/topic",
        inputs=lambda _: {"name": "sample", "kmsMasterKeyId": "alias/aws/sns"},
        change=lambda _: {"kmsMasterKeyId": "alias/own"},
        seen=lambda w, made: w.client("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]["KmsMasterKeyId"],
        then="alias/own",
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="sns/topicPolicy",
        inputs=lambda w: {"arn": w.topic.id, "policy": document("sns:Publish")},
        change=lambda _: {"policy": document("sns:Subscribe")},
        seen=lambda w, made: w.client("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]["Policy"],
        then=document("sns:Subscribe"),
        replace=lambda w: {"arn": w.other_topic.id},
    ),
    Case(
        kind="sns/topicSubscription",
        inputs=lambda w: {
            "topic": w.topic.id,
            "protocol": "sqs",
            "endpoint": w.queue["arn"],
            "rawMessageDelivery": False,
        },
        change=lambda _: {"rawMessageDelivery": True},
        seen=lambda w, made: w.client("sns").get_subscription_attributes(SubscriptionArn=made.id)["Attributes"][
            "RawMessageDelivery"
        ],
        then="true",
        replace=lambda w: {"endpoint": w.other_queue["arn"]},
    ),
    Case(
        kind="cloudwatch/logGroup",
        inputs=lambda _: {"name": "/sample", "retentionInDays": 14},
        change=lambda _: {"retentionInDays": 30, "kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/own"},
        seen=lambda w, made: (
            (group := w.client("logs").describe_log_groups(logGroupNamePrefix="/sample")["logGroups"][0])[
                "retentionInDays"
            ],
            group.get("kmsKeyId"),
        ),
        then=(30, "arn:aws:kms:eu-west-1:123456789012:key/own"),
        replace=lambda _: {"name": "/another"},
    ),
    Case(
        kind="cloudwatch/logMetricFilter",
        inputs=lambda w: {
            "name": "sample",
            "logGroupName": w.group["name"],
            "pattern": "{ $.a = 1 }",
            "metricTransformation": {"name": "Refused", "namespace": "Own", "value": "1"},
        },
        change=lambda _: {"pattern": "{ $.a = 2 }"},
        seen=lambda w, made: w.client("logs").describe_metric_filters(logGroupName="/base")["metricFilters"][0][
            "filterPattern"
        ],
        then="{ $.a = 2 }",
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cloudwatch/metricAlarm",
        inputs=lambda _: _THRESHOLD | {"name": "sample"},
        change=lambda _: {"threshold": 7.5},
        seen=_alarm("MetricAlarm", "Threshold"),
        then=7.5,
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cloudwatch/compositeAlarm",
        inputs=lambda _: {"alarmName": "sample-composite", "alarmRule": "TRUE"},
        change=lambda _: {"alarmRule": "FALSE"},
        seen=_alarm("CompositeAlarm", "AlarmRule"),
        then="FALSE",
        replace=lambda _: {"alarmName": "another-composite"},
    ),
    Case(
        kind="cloudwatch/dashboard",
        inputs=lambda _: {"dashboardName": "sample", "dashboardBody": '{"widgets": []}'},
        change=lambda _: {"dashboardBody": '{"widgets": [], "start": "-PT1H"}'},
        seen=lambda w, made: w.client("cloudwatch").get_dashboard(DashboardName=made.id)["DashboardBody"],
        then='{"widgets": [], "start": "-PT1H"}',
        replace=lambda _: {"dashboardName": "another"},
    ),
    Case(
        kind="cloudwatch/queryDefinition",
        inputs=lambda _: {"name": "sample", "queryString": "fields @message"},
        change=lambda _: {"queryString": "fields @timestamp"},
        seen=_saved_query,
        then="fields @timestamp",
    ),
    Case(
        kind="cloudwatch/logIndexPolicy",
        inputs=lambda w: {"logGroupName": w.group["name"], "policyDocument": '{"Fields": ["level"]}'},
        change=lambda _: {"policyDocument": '{"Fields": ["level", "status"]}'},
        seen=lambda w, _: w.client("logs").describe_index_policies(logGroupIdentifiers=[w.group["name"]])[
            "indexPolicies"
        ][0]["policyDocument"],
        then='{"Fields": ["level", "status"]}',
        replace=lambda w: {"logGroupName": w.other_group["name"]},
    ),
    Case(
        kind="xray/group",
        inputs=lambda _: {"groupName": "sample", "filterExpression": "fault"},
        change=lambda _: {"filterExpression": "error"},
        seen=lambda w, made: w.client("xray").get_group(GroupName="sample")["Group"]["FilterExpression"],
        then="error",
        replace=lambda _: {"groupName": "another"},
    ),
    Case(
        kind="xray/samplingRule",
        inputs=lambda _: _SAMPLED | {"ruleName": "sample"},
        change=lambda _: {"fixedRate": 1},
        seen=lambda w, made: next(
            record["SamplingRule"]["FixedRate"]
            for record in w.client("xray").get_sampling_rules()["SamplingRuleRecords"]
            if record["SamplingRule"]["RuleName"] == made.id
        ),
        then=1,
        replace=lambda _: {"ruleName": "another"},
    ),
]
