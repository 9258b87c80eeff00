"""Log groups, alarms and dashboards: kept so that they can be listed and read. The emulator does not evaluate them.

Saved queries, field indexes and everything of X-Ray are not even kept: nothing here could run or use them.
"""

import uuid
from typing import Any

from localcloud.emulator.process import Emulator
from localcloud.providers.inputs import Inputs, Made, pascal, provides


@provides("aws:cloudwatch/logGroup:LogGroup", ignoring="skipDestroy")
def _log_group(cloud: Emulator, given: Inputs) -> Made:
    logs, name, retention = cloud.client("logs"), given.take_name(), given.take("retentionInDays", 0)
    logs.create_log_group(logGroupName=name, **given.take_rest())
    if retention:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention)
    return name, {"arn": f"arn:aws:logs:{cloud.region}:{cloud.account_id}:log-group:{name}", "name": name}


@provides("aws:cloudwatch/logMetricFilter:LogMetricFilter")
def _log_metric_filter(cloud: Emulator, given: Inputs) -> Made:
    name, counted = given.take_name(), given.take("metricTransformation")
    transformation = {f"metric{pascal(key)}": counted[key] for key in ("name", "namespace", "value")}
    cloud.client("logs").put_metric_filter(
        filterName=name,
        filterPattern=given.take("pattern"),
        metricTransformations=[transformation | {"dimensions": counted.get("dimensions") or {}}],
        **given.take_rest(),
    )
    return name, {"name": name}


@provides("aws:cloudwatch/queryDefinition:QueryDefinition", ignoring="name queryString logGroupNames")
@provides("aws:cloudwatch/logIndexPolicy:LogIndexPolicy", ignoring="logGroupName policyDocument")
@provides("aws:xray/group:Group", ignoring="groupName filterExpression")
@provides(
    "aws:xray/samplingRule:SamplingRule",
    ignoring="ruleName priority version reservoirSize fixedRate host httpMethod urlPath serviceName serviceType "
    "resourceArn",
)
def _not_kept(cloud: Emulator, given: Inputs) -> Made:
    return str(uuid.uuid4()), {}


# Alarms are never evaluated here, so there is nothing to wait for either.
@provides("aws:cloudwatch/metricAlarm:MetricAlarm", ignoring="warmUpConfiguration")
def _metric_alarm(cloud: Emulator, given: Inputs) -> Made:
    name = given.take_name()
    dimensions, queries = given.take("dimensions"), given.take("metricQueries")
    call = given.take_rest(
        pascal,
        okActions="OKActions",
        evaluateLowSampleCountPercentiles="EvaluateLowSampleCountPercentile",
    )
    if dimensions:
        call["Dimensions"] = _dimensions(dimensions)
    if queries:
        call["Metrics"] = [_metric_query(query) for query in queries]
    cloud.client("cloudwatch").put_metric_alarm(AlarmName=name, **call)
    return name, {"arn": _alarm_arn(cloud, name), "name": name}


@provides("aws:cloudwatch/compositeAlarm:CompositeAlarm")
def _composite_alarm(cloud: Emulator, given: Inputs) -> Made:
    name, suppressor = given.take_name("alarmName"), given.take("actionsSuppressor", {})
    call = given.take_rest(pascal, okActions="OKActions")
    if suppressor:
        call["ActionsSuppressor"] = suppressor["alarm"]
        call["ActionsSuppressorExtensionPeriod"] = suppressor["extensionPeriod"]
        call["ActionsSuppressorWaitPeriod"] = suppressor["waitPeriod"]
    cloud.client("cloudwatch").put_composite_alarm(AlarmName=name, **call)
    return name, {"arn": _alarm_arn(cloud, name), "alarmName": name}


@provides("aws:cloudwatch/dashboard:Dashboard")
def _dashboard(cloud: Emulator, given: Inputs) -> Made:
    name = given.take("dashboardName")
    cloud.client("cloudwatch").put_dashboard(DashboardName=name, **given.take_rest(pascal))
    return name, {"dashboardArn": f"arn:aws:cloudwatch::{cloud.account_id}:dashboard/{name}"}


def _alarm_arn(cloud: Emulator, name: str) -> str:
    return f"arn:aws:cloudwatch:{cloud.region}:{cloud.account_id}:alarm:{name}"


def _dimensions(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _metric_query(query: dict[str, Any]) -> dict[str, Any]:
    call = {pascal(name): value for name, value in query.items() if value is not None}
    metric = call.pop("Metric", None)
    if metric is not None:
        statistic = {pascal(name): metric[name] for name in ("period", "stat", "unit") if metric.get(name)}
        which = {pascal(name): metric[name] for name in ("metricName", "namespace") if metric.get(name)}
        which["Dimensions"] = _dimensions(metric.get("dimensions") or {})
        call["MetricStat"] = {"Metric": which, **statistic}
    return call
