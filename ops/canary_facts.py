"""What AWS knows about a release that gets a tenth of the requests."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.vocabulary import LIVE_ALIAS, Outcome
from ops.canary import ALARM_SUFFIX, SERVICE_HEALTH, AlarmFact, Facts, FunctionFacts
from ops.logs import ERROR_PATTERN, Line, read_function_lines
from ops.releases import Fleet, Function, Release
from ops.stack import StackOutputs

PERIOD_SECONDS = 60
CLOCK_AHEAD = timedelta(hours=1)
"""How far the clock of AWS can be ahead of the operator's, so that no fault is missed."""
FAILED_OUTCOMES = (Outcome.INVALID, Outcome.FAILED, Outcome.EXHAUSTED, Outcome.ERROR)
FAILURE_CONDITIONS = (ERROR_PATTERN.removesuffix(" }"), *(f'($.outcome = "{name}")' for name in FAILED_OUTCOMES))
FAILURE_PATTERN = f"{' || '.join(FAILURE_CONDITIONS)} }}"
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
STREAM_VERSION = re.compile(r"\[(\d+)\]")


def read_facts(outputs: StackOutputs, fleet: Fleet, new: Release, started: datetime, elapsed: float) -> Facts:
    """Return what is known about the release `new` since `started`, after `elapsed` seconds of watching it."""
    cloudwatch = outputs.client("cloudwatch")
    alarms = _read_alarms(outputs, cloudwatch)
    counts, first_request = _read_counts(cloudwatch, fleet, new, started)
    functions = {}
    for function in fleet.functions:
        number = new.numbers[function.role]
        failures = _count_failures(outputs, function, started)
        functions[function.role] = FunctionFacts(
            invocations=counts[function.role, "Invocations"],
            errors=counts[function.role, "Errors"],
            failures=failures.pop(number, 0),
            old_failures=failures.total(),
            alarm=_own_alarm(alarms, f"{function.role}-{ALARM_SUFFIX}", number),
        )
    health = alarms.get(SERVICE_HEALTH)
    return Facts(
        elapsed_seconds=elapsed,
        functions=functions,
        health=_fact(health) if health else None,
        first_request=first_request,
    )


def _read_alarms(outputs: StackOutputs, cloudwatch: Any) -> Mapping[str, Mapping[str, Any]]:
    prefix = f"{outputs.physical_prefix}-"
    ids = [SERVICE_HEALTH, *(f"{role}-{ALARM_SUFFIX}" for role in outputs.functions)]
    response = cloudwatch.describe_alarms(
        AlarmNames=[f"{prefix}{alarm_id}" for alarm_id in ids], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    found = (*response.get("MetricAlarms", ()), *response.get("CompositeAlarms", ()))
    return {alarm["AlarmName"].removeprefix(prefix): alarm for alarm in found}


def _fact(alarm: Mapping[str, Any]) -> AlarmFact:
    return AlarmFact(
        state=alarm["StateValue"], since=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
    )


def _own_alarm(alarms: Mapping[str, Mapping[str, Any]], alarm_id: str, number: int) -> AlarmFact | None:
    """Return the alarm if it is on this version; after another deployment it is on a newer one."""
    alarm = alarms.get(alarm_id)
    if alarm is None:
        return None
    metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
    dimensions = [entry for metric in (metrics or [alarm]) for entry in metric.get("Dimensions", ())]
    versions = {entry["Value"] for entry in dimensions if entry["Name"] == "ExecutedVersion"}
    return _fact(alarm) if versions == {str(number)} else None


def _read_counts(
    cloudwatch: Any, fleet: Fleet, new: Release, started: datetime
) -> tuple[Counter[tuple[str, str]], datetime | None]:
    """Return the sums of both metrics by function, and the first minute in which the release was invoked."""
    names = {
        f"m{place}": (function, metric)
        for place, (function, metric) in enumerate(
            (function, metric) for function in fleet.functions for metric in ("Invocations", "Errors")
        )
    }
    queries = [
        {"Id": query_id, "MetricStat": _stat(function, new.numbers[function.role], metric)}
        for query_id, (function, metric) in names.items()
    ]
    # A minute's datapoint has the time of its start.
    begin = started.replace(second=0, microsecond=0)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=begin, EndTime=datetime.now(UTC) + CLOCK_AHEAD
    )
    counts: Counter[tuple[str, str]] = Counter()
    minutes: list[datetime] = []
    for page in pages:
        for result in page["MetricDataResults"]:
            function, metric = names[result["Id"]]
            counts[function.role, metric] += sum(result["Values"])
            minutes += [at for at, value in zip(result["Timestamps"], result["Values"], strict=True) if value]
    return counts, min(minutes, default=None)


def _stat(function: Function, number: int, metric: str) -> dict[str, Any]:
    dimensions = {
        "FunctionName": function.name,
        "Resource": f"{function.name}:{LIVE_ALIAS}",
        "ExecutedVersion": str(number),
    }
    return {
        "Metric": {
            "Namespace": "AWS/Lambda",
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        },
        "Period": PERIOD_SECONDS,
        "Stat": "Sum",
    }


def _count_failures(outputs: StackOutputs, function: Function, started: datetime) -> Counter[int]:
    """Return how many lines about failures each version of the function logged."""
    lines = read_function_lines(outputs, function.name, since=started, pattern=FAILURE_PATTERN)
    return Counter(version for line in lines if _is_failure(line) and (version := _version_of(line)) is not None)


def _is_failure(line: Line) -> bool:
    return not line.is_metrics and (line.is_error or line.fields.get("outcome") in FAILED_OUTCOMES)


def _version_of(line: Line) -> int | None:
    found = STREAM_VERSION.search(line.stream)
    return int(found[1]) if found else None
