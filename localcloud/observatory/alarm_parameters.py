"""The parameters of PutMetricAlarm and PutCompositeAlarm, as the alarm that the evaluator evaluates.

What the evaluator does not support is rejected: an alarm evaluated without it would be a different alarm.
"""

from collections.abc import Mapping
from typing import Any

from localcloud.cloudwatch.alarms import Alarm, AlarmError, composite_alarm, metric_alarm
from localcloud.observatory.requests import ApiError

# Parameter -> input of the evaluator. Parameters with None change nothing in the evaluation.
_SHARED: dict[str, str | None] = {
    "ActionsEnabled": "actionsEnabled",
    "AlarmActions": "alarmActions",
    "AlarmDescription": None,
    "InsufficientDataActions": "insufficientDataActions",
    "OKActions": "okActions",
    "Tags": None,
}
_METRIC: dict[str, str | None] = _SHARED | {
    "AlarmName": "name",
    "ComparisonOperator": "comparisonOperator",
    "DatapointsToAlarm": "datapointsToAlarm",
    "EvaluateLowSampleCountPercentile": "evaluateLowSampleCountPercentiles",
    "EvaluationPeriods": "evaluationPeriods",
    "ExtendedStatistic": "extendedStatistic",
    "MetricName": "metricName",
    "Namespace": "namespace",
    "Period": "period",
    "Statistic": "statistic",
    "Threshold": "threshold",
    "TreatMissingData": "treatMissingData",
    "WarmUpConfiguration": None,
    "Unit": None,
    "Dimensions": None,
    "Metrics": None,
}
_COMPOSITE: dict[str, str | None] = _SHARED | {
    "AlarmName": "alarmName",
    "AlarmRule": "alarmRule",
    "ActionsSuppressor": None,
    "ActionsSuppressorExtensionPeriod": None,
    "ActionsSuppressorWaitPeriod": None,
}


def read_metric_alarm(parameters: Mapping[str, Any]) -> Alarm:
    """The alarm that these parameters of PutMetricAlarm describe; raises ApiError."""
    inputs = _inputs(parameters, _METRIC)
    try:
        if parameters.get("Metrics"):
            inputs["metricQueries"] = [_query(query) for query in parameters["Metrics"]]
        elif parameters.get("Unit"):
            raise AlarmError("Unit is not supported")
        else:
            inputs["dimensions"] = _dimensions(parameters.get("Dimensions"))
        if warm_up := parameters.get("WarmUpConfiguration"):
            inputs["warmUpConfiguration"] = {name[:1].lower() + name[1:]: value for name, value in warm_up.items()}
        return metric_alarm(inputs)
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise _rejected(parameters, error) from None


def read_composite_alarm(parameters: Mapping[str, Any]) -> Alarm:
    """The alarm that these parameters of PutCompositeAlarm describe; raises ApiError."""
    inputs = _inputs(parameters, _COMPOSITE)
    try:
        if suppressor := parameters.get("ActionsSuppressor"):
            inputs["actionsSuppressor"] = {
                "alarm": suppressor,
                "waitPeriod": int(parameters["ActionsSuppressorWaitPeriod"]),
                "extensionPeriod": int(parameters["ActionsSuppressorExtensionPeriod"]),
            }
        return composite_alarm(inputs)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _rejected(parameters, error) from None


def _inputs(parameters: Mapping[str, Any], known: Mapping[str, str | None]) -> dict[str, Any]:
    given = {name: value for name, value in parameters.items() if value is not None}
    if unknown := sorted(given.keys() - known.keys()):
        raise ApiError("ValidationError", f"The embedded cloud cannot evaluate alarms with {', '.join(unknown)}.")
    if not isinstance(given.get("AlarmName"), str) or not 1 <= len(given["AlarmName"]) <= 255:
        raise ApiError("ValidationError", "AlarmName must be a text of 1 to 255 characters.")
    return {target: given[name] for name, target in known.items() if target and name in given}


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(query.keys() - {"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period"}):
        raise AlarmError(f"{', '.join(unknown)} of a metric query is not supported")
    found = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if stat := query.get("MetricStat"):
        metric = stat["Metric"]
        found["metric"] = {
            "namespace": metric["Namespace"],
            "metricName": metric["MetricName"],
            "dimensions": _dimensions(metric.get("Dimensions")),
            "period": stat["Period"],
            "stat": stat["Stat"],
        }
    if query.get("Expression"):
        found["expression"] = query["Expression"]
    return found


def _dimensions(dimensions: list[dict[str, str]] | None) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in dimensions or ()}


def _rejected(parameters: Mapping[str, Any], error: Exception) -> ApiError:
    if isinstance(error, AlarmError):
        return ApiError("ValidationError", f"The embedded cloud cannot evaluate {error}.")
    reason = f"{type(error).__name__}: {error}"
    return ApiError(
        "ValidationError", f"Alarm {parameters['AlarmName']} has a parameter that is not allowed ({reason})."
    )
