"""Log groups, metric filters, alarms, dashboards, and what X-Ray samples and groups."""

from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created, Inputs, creates, pascal

SAMPLING_RULE = {"httpMethod": "HTTPMethod", "urlPath": "URLPath", "resourceArn": "ResourceARN"}


@creates("aws:cloudwatch/logGroup:LogGroup", ignoring="skipDestroy")
def _log_group(cloud: Account, inputs: Inputs) -> Created:
    logs, name, retention = cloud.client("logs"), inputs.take_name(), inputs.take("retentionInDays", 0)
    logs.create_log_group(logGroupName=name, **inputs.take_rest())
    if retention:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention)
    return Created(name, {"arn": f"arn:aws:logs:{cloud.region}:{cloud.account_id}:log-group:{name}", "name": name})


@creates("aws:cloudwatch/logMetricFilter:LogMetricFilter")
def _log_metric_filter(cloud: Account, inputs: Inputs) -> Created:
    name, metric = inputs.take_name(), inputs.take("metricTransformation")
    transformation = {f"metric{pascal(key)}": metric[key] for key in ("name", "namespace", "value")}
    cloud.client("logs").put_metric_filter(
        filterName=name,
        filterPattern=inputs.take("pattern"),
        metricTransformations=[transformation | {"dimensions": metric.get("dimensions") or {}}],
        **inputs.take_rest(),
    )
    return Created(name, {"name": name})


@creates("aws:cloudwatch/queryDefinition:QueryDefinition")
def _query_definition(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("logs").put_query_definition(name=inputs.take("name"), **inputs.take_rest())
    return Created(made["queryDefinitionId"], {"queryDefinitionId": made["queryDefinitionId"]})


@creates("aws:cloudwatch/logIndexPolicy:LogIndexPolicy")
def _log_index_policy(cloud: Account, inputs: Inputs) -> Created:
    group = inputs.take("logGroupName")
    cloud.client("logs").put_index_policy(logGroupIdentifier=group, **inputs.take_rest())
    return Created(f"{group}:")


@creates("aws:xray/group:Group")
def _group(cloud: Account, inputs: Inputs) -> Created:
    arn = cloud.client("xray").create_group(**inputs.take_rest(pascal))["Group"]["GroupARN"]
    return Created(arn, {"arn": arn})


@creates("aws:xray/samplingRule:SamplingRule")
def _sampling_rule(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("xray").create_sampling_rule(SamplingRule=inputs.take_rest(pascal, **SAMPLING_RULE))
    rule = made["SamplingRuleRecord"]["SamplingRule"]
    return Created(rule["RuleName"], {"arn": rule["RuleARN"]})


@creates("aws:cloudwatch/metricAlarm:MetricAlarm")
def _metric_alarm(cloud: Account, inputs: Inputs) -> Created:
    name = inputs.take_name()
    dimensions, queries = inputs.take("dimensions"), inputs.take("metricQueries")
    warm_up = inputs.take("warmUpConfiguration")
    call = inputs.take_rest(
        pascal, okActions="OKActions", evaluateLowSampleCountPercentiles="EvaluateLowSampleCountPercentile"
    )
    if dimensions:
        call["Dimensions"] = _dimensions(dimensions)
    if warm_up:
        call["WarmUpConfiguration"] = {pascal(key): value for key, value in warm_up.items() if value is not None}
    if queries:
        call["Metrics"] = [_metric_query(query) for query in queries]
    cloud.client("cloudwatch").put_metric_alarm(AlarmName=name, **call)
    return Created(name, {"arn": _alarm_arn(cloud, name), "name": name})


@creates("aws:cloudwatch/compositeAlarm:CompositeAlarm")
def _composite_alarm(cloud: Account, inputs: Inputs) -> Created:
    name, suppressor = inputs.take_name("alarmName"), inputs.take("actionsSuppressor", {})
    call = inputs.take_rest(pascal, okActions="OKActions")
    if suppressor:
        call["ActionsSuppressor"] = suppressor["alarm"]
        call["ActionsSuppressorExtensionPeriod"] = suppressor["extensionPeriod"]
        call["ActionsSuppressorWaitPeriod"] = suppressor["waitPeriod"]
    cloud.client("cloudwatch").put_composite_alarm(AlarmName=name, **call)
    return Created(name, {"arn": _alarm_arn(cloud, name), "alarmName": name})


@creates("aws:cloudwatch/dashboard:Dashboard")
def _dashboard(cloud: Account, inputs: Inputs) -> Created:
    name = inputs.take("dashboardName")
    cloud.client("cloudwatch").put_dashboard(DashboardName=name, **inputs.take_rest(pascal))
    return Created(name, {"dashboardArn": f"arn:aws:cloudwatch::{cloud.account_id}:dashboard/{name}"})


def _alarm_arn(cloud: Account, name: str) -> str:
    return f"arn:aws:cloudwatch:{cloud.region}:{cloud.account_id}:alarm:{name}"


def _dimensions(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _metric_query(query: dict[str, Any]) -> dict[str, Any]:
    call = {pascal(name): value for name, value in query.items() if value is not None}
    if (metric := call.pop("Metric", None)) is not None:
        statistic = {pascal(name): metric[name] for name in ("period", "stat", "unit") if metric.get(name)}
        identity = {pascal(name): metric[name] for name in ("metricName", "namespace") if metric.get(name)}
        identity["Dimensions"] = _dimensions(metric.get("dimensions") or {})
        call["MetricStat"] = {"Metric": identity, **statistic}
    # As the AWS provider does; AWS's own default is true.
    return {"ReturnData": False} | call
