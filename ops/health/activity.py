"""What the functions did in the last minutes: what Lambda and the functions counted, and the failures in the logs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers.vocabulary import (
    METRICS_NAMESPACE,
    QUERY_SERVICE,
    SERVICE_DIMENSION,
    STACK_DIMENSION,
    ErrorCode,
    MetricName,
    Outcome,
)
from ops.logs import API_ACCESS, START_REPORT, Line, log_folder
from ops.stack import StackOutputs

WINDOW = timedelta(minutes=5)
"""How long a failure counts as present. Metrics reach CloudWatch a minute or more late, log lines within seconds."""
PERIOD_SECONDS = 60
_LAMBDA_METRICS = ("Invocations", "Errors", "Throttles")
# What fails because of something else that fails, which has a code of its own.
CONSEQUENCES = frozenset({"BatchFailedError", "error", "failure"})


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What was counted of a function within `WINDOW`."""

    role: str
    invocations: int = 0
    errors: int = 0
    """Invocations that failed as a whole."""
    newest_invocations: int = 0
    """Of the newest two minutes that were counted: what began a minute ago is hidden by the successes before it."""
    newest_errors: int = 0
    throttles: int = 0
    malformed: int = 0
    """Partial answers, from damaged records."""


@dataclass(frozen=True, kw_only=True)
class Failures:
    """The failures of one kind that a function, or the API, logged within `WINDOW`."""

    role: str
    code: str
    """Of AWS, of this program, or the class of an exception. Never its text, which can quote data."""
    count: int
    newest: datetime
    """When the last of them was logged."""
    unhandled: int = 0
    """How many of these made the whole invocation fail."""
    at_start: bool = False
    """Whether an environment failed before it could handle anything."""


def window_start(now: datetime) -> datetime:
    """Return when `WINDOW` begins: with a minute, because the datapoint of a minute has the time of its start.

    The log lines are counted from the same time on, or the failures of the first seconds would have no line.
    """
    return (now - WINDOW).replace(second=0, microsecond=0)


def read_counts(outputs: StackOutputs, now: datetime) -> tuple[Counts, ...]:
    """Return what CloudWatch counted of each function within `WINDOW`."""
    wanted: dict[str, tuple[str, str]] = {}
    queries = []
    stack = log_folder(outputs).rpartition("/")[2]
    for role, name in outputs.all_functions.items():
        own = {SERVICE_DIMENSION: role, STACK_DIMENSION: stack}
        metrics = [("AWS/Lambda", metric, {"FunctionName": name}) for metric in _LAMBDA_METRICS]
        metrics += [(METRICS_NAMESPACE, MetricName.RECORD_MALFORMED, own)] if role == QUERY_SERVICE else []
        for namespace, metric, dimensions in metrics:
            query_id = f"m{len(queries)}"
            wanted[query_id] = (role, metric)
            queries.append({"Id": query_id, "MetricStat": _sum(namespace, metric, dimensions)})
    pages = outputs.client("cloudwatch").get_paginator("get_metric_data")
    sums: Counter[tuple[str, str]] = Counter()
    newest: Counter[tuple[str, str]] = Counter()
    values: dict[tuple[str, str], dict[datetime, float]] = {}
    for page in pages.paginate(
        MetricDataQueries=queries, StartTime=window_start(now), EndTime=now + timedelta(seconds=PERIOD_SECONDS)
    ):
        for result in page["MetricDataResults"]:
            values.setdefault(wanted[result["Id"]], {}).update(zip(result["Timestamps"], result["Values"], strict=True))
    for (role, metric), minutes in values.items():
        counted = values.get((role, "Invocations"))
        began = max(counted) - timedelta(seconds=PERIOD_SECONDS) if counted else now
        sums[role, metric] = round(sum(minutes.values()))
        newest[role, metric] = round(sum(value for minute, value in minutes.items() if minute >= began))
    return tuple(
        Counts(
            role=role,
            invocations=sums[role, "Invocations"],
            errors=sums[role, "Errors"],
            newest_invocations=newest[role, "Invocations"],
            newest_errors=newest[role, "Errors"],
            throttles=sums[role, "Throttles"],
            malformed=sums[role, MetricName.RECORD_MALFORMED],
        )
        for role in outputs.all_functions
    )


def _sum(namespace: str, metric: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {
        "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": named},
        "Period": PERIOD_SECONDS,
        "Stat": "Sum",
    }


def count_failures(errors: Iterable[Line], now: datetime) -> tuple[Failures, ...]:
    """Return the failures within `WINDOW` among these lines by role and code, the most frequent first.

    What only reports that something else failed counts where nothing else is known.
    """
    kinds: dict[tuple[str, str], list[Line]] = {}
    for line in errors:
        if line.timestamp >= window_start(now):
            kinds.setdefault((line.source, line.error_code), []).append(line)
    # A damaged record explains a partial answer, and no failure.
    explained = {role for role, code in kinds if code not in CONSEQUENCES | {ErrorCode.RECORD_MALFORMED}}
    found = [
        Failures(
            role=role,
            code=code,
            count=len([line for line in lines if not line.is_platform] or lines),  # Lambda's reports repeat the others
            newest=max(line.timestamp for line in lines),
            unhandled=sum(line.outcome == Outcome.ERROR for line in lines),
            at_start=any(line.fields.get("type") == START_REPORT for line in lines),
        )
        for (role, code), lines in kinds.items()
        if role not in explained or code not in CONSEQUENCES
    ]
    return tuple(sorted(found, key=lambda failure: -failure.count))


def of_role(failures: Iterable[Failures], role: str) -> tuple[Failures, ...]:
    """Return the failures of one function, or of the API."""
    return tuple(failure for failure in failures if failure.role == role)


API = API_ACCESS
