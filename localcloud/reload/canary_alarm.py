"""Lets the alarm on the newest version of a function follow a version that no deployment published."""

from typing import Any

from components.monitoring.alarm_ids import AlarmId
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE

_ALARM_IDS = {EVENT_HANDLER_SERVICE: AlarmId.EVENT_HANDLER_CANARY, QUERY_SERVICE: AlarmId.QUERY_CANARY}


def canary_alarm(role: str, function_name: str) -> str:
    """Return the name of the alarm on the newest version of a function, which only stacks with a canary have."""
    return f"{function_name.removesuffix(role)}{_ALARM_IDS[role]}"


def follow_version(cloudwatch: Any, alarm_name: str, version: str) -> None:
    """Put the alarm again, if there is one, with this version in its metrics, as `pulumi up` does."""
    for alarm in cloudwatch.describe_alarms(AlarmNames=[alarm_name])["MetricAlarms"]:
        queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
        for metric in queries or [alarm]:
            for dimension in metric["Dimensions"]:
                if dimension["Name"] == "ExecutedVersion":
                    dimension["Value"] = version
        settable = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
        cloudwatch.put_metric_alarm(**{name: value for name, value in alarm.items() if name in settable})
