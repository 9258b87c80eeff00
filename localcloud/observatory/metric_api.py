"""GetMetricData, GetMetricStatistics, ListMetrics and PutMetricData over the metrics of the embedded cloud.

What the API does not support here is an error that names it. Periods are whole minutes; metric math is that of
`localcloud.cloudwatch.expressions`.
"""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.cloudwatch import expressions
from localcloud.cloudwatch.metrics import MetricKey, Statistic
from localcloud.observatory.clock import Clock
from localcloud.observatory.parameters import (
    integer,
    listed,
    page_token,
    period_minutes,
    reject_unknown,
    structure,
    text_of,
)
from localcloud.observatory.requests import ApiError, epoch, invalid
from localcloud.observatory.retention import RetainedMetrics

QUERIES_MAX = 500
EXPRESSION_MAX = 2048
POINTS_MAX = 100_800
STATISTICS_POINTS_MAX = 1_440
PAGE = 500
RECENT_MINUTES = 180
_SIMPLE_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_QUERY = {"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId"}
_GET_METRIC_DATA = {"MetricDataQueries", "StartTime", "EndTime", "NextToken", "ScanBy", "MaxDatapoints", "LabelOptions"}
_STATISTICS = {"Namespace", "MetricName", "Dimensions", "StartTime", "EndTime", "Period", "Unit"}


class MetricApi:
    """The operations on metrics, by name; each takes the parameters and returns the result, or raises ApiError."""

    def __init__(self, store: RetainedMetrics, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.operations = {
            "GetMetricData": self.get_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "ListMetrics": self.list_metrics,
            "PutMetricData": self.put_metric_data,
        }

    def get_metric_data(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Series of metrics and expressions, newest point first unless asked otherwise."""
        reject_unknown(parameters, _GET_METRIC_DATA)
        queries = _Queries(listed(parameters, "MetricDataQueries"), self._store)
        start, end = self._range(parameters)
        order = parameters.get("ScanBy") or "TimestampDescending"
        if order not in ("TimestampDescending", "TimestampAscending"):
            raise invalid("ScanBy must be TimestampDescending or TimestampAscending.")
        most, skipped = integer(parameters, "MaxDatapoints", POINTS_MAX), page_token(parameters)
        results, left, is_more = [], most, False
        for query_id, label in queries.returned:
            points = [point for point in queries.points(query_id, start, end) if point[1] is not None]
            if order == "TimestampDescending":
                points.reverse()
            page = points[skipped : skipped + left]
            is_more = is_more or len(points) > skipped + len(page)
            results.append(
                {
                    "Id": query_id,
                    "Label": label,
                    "Timestamps": [minute * 60 for minute, _ in page],
                    "Values": [value for _, value in page],
                    "StatusCode": "PartialData" if len(points) > skipped + len(page) else "Complete",
                }
            )
        result: dict[str, Any] = {"MetricDataResults": results, "Messages": []}
        return result | ({"NextToken": str(skipped + most)} if is_more else {})

    def get_metric_statistics(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Statistics of one metric, in no particular order on AWS and oldest first here."""
        reject_unknown(parameters, _STATISTICS | {"Statistics", "ExtendedStatistics"})
        key, period = _metric(parameters), period_minutes(parameters)
        start, end = (epoch(parameters.get(name), name) for name in ("StartTime", "EndTime"))
        if start >= end:
            raise invalid("The parameter StartTime must be less than the parameter EndTime.")
        names = listed(parameters, "Statistics", 0), listed(parameters, "ExtendedStatistics", 0)
        if not any(names) or any(name not in _SIMPLE_STATISTICS for name in names[0]):
            raise ApiError("InvalidParameterCombination", "Name at least one statistic, and only known ones.")
        extended = {name: _statistic(name) for name in names[1]}
        if (end - start) / period / 60 > STATISTICS_POINTS_MAX:
            raise ApiError(
                "InvalidParameterCombination",
                f"You have requested more than {STATISTICS_POINTS_MAX} datapoints: use a longer period or less time.",
            )
        unit, wanted = self._store.unit(key), parameters.get("Unit")
        datapoints = []
        first = int(start // 60)
        for minute in range(first, int(end // 60), period) if wanted in (None, unit) else ():
            window = minute, minute + period
            if self._store.value(key, Statistic("SampleCount"), *window) is None:
                continue
            point: dict[str, Any] = {"Timestamp": minute * 60, "Unit": unit}
            point |= {name: self._store.value(key, Statistic(name), *window) for name in names[0]}
            values = {name: self._store.value(key, statistic, *window) for name, statistic in extended.items()}
            known = {name: value for name, value in values.items() if value is not None}
            datapoints.append(point | ({"ExtendedStatistics": known} if known else {}))
        return {"Label": key.name, "Datapoints": datapoints}

    def list_metrics(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The metrics that have had a sample in the last two weeks, in pages."""
        reject_unknown(parameters, {"Namespace", "MetricName", "Dimensions", "NextToken", "RecentlyActive"})
        if parameters.get("RecentlyActive") not in (None, "PT3H"):
            raise invalid("RecentlyActive must be PT3H.")
        now = int(self._clock.now() // 60)
        since = now - (RECENT_MINUTES if parameters.get("RecentlyActive") else 14 * 1_440)
        wanted = [_dimension(found) for found in listed(parameters, "Dimensions", 0)]
        found = sorted(
            (key.namespace, key.name, sorted(key.dimensions))
            for key in self._store.keys(since)
            if parameters.get("Namespace") in (None, key.namespace)
            and parameters.get("MetricName") in (None, key.name)
            and all(any(n == name and v in (None, value) for name, value in key.dimensions) for n, v in wanted)
        )
        at = page_token(parameters)
        metrics = [
            {"Namespace": space, "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions]}
            for space, name, dimensions in found[at : at + PAGE]
        ]
        return {"Metrics": metrics} | ({"NextToken": str(at + PAGE)} if len(found) > at + PAGE else {})

    def put_metric_data(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Publish samples; nothing is published if one of them is not allowed."""
        reject_unknown(parameters, {"Namespace", "MetricData", "StrictEntityValidation"})
        namespace = text_of(parameters, "Namespace")
        if namespace.startswith("AWS/"):
            raise invalid("The value AWS/ for parameter Namespace is reserved.")
        now, samples = self._clock.now(), []
        for datum in listed(parameters, "MetricData"):
            key = _metric({**structure(datum, "MetricData"), "Namespace": namespace})
            minute = int(epoch(datum["Timestamp"], "Timestamp") if datum.get("Timestamp") is not None else now) // 60
            samples.append((key, minute, _published(datum), str(datum.get("Unit") or "None")))
        for key, minute, values, unit in samples:
            if isinstance(values, list):
                for value, count in values:
                    self._store.add(key, minute, value, count, unit)
            else:
                self._store.add_set(key, minute, values["Sum"], *_parts(values), unit)
        return {}

    def _range(self, parameters: Mapping[str, Any]) -> tuple[int, int]:
        start, end = (epoch(parameters.get(name), name) for name in ("StartTime", "EndTime"))
        if start >= end:
            raise invalid("The parameter StartTime must be less than the parameter EndTime.")
        # Before the first sample and in the future there is nothing to compute.
        first = self._store.first_minute
        limits = (int(self._clock.now() // 60) if first is None else first), int(self._clock.now() // 60) + 121
        return max(int(start // 60), limits[0]), min(-int(-end // 60), limits[1])


class _Queries:
    """The queries of a request, checked; points are computed for one query at a time."""

    def __init__(self, queries: list[Any], store: RetainedMetrics) -> None:
        if not 1 <= len(queries) <= QUERIES_MAX:
            raise invalid(f"MetricDataQueries must have 1 to {QUERIES_MAX} members.")
        self._store = store
        self._queries: dict[str, dict[str, Any]] = {}
        for query in queries:
            reject_unknown(structure(query, "MetricDataQueries"), _QUERY)
            query_id = query.get("Id")
            if not isinstance(query_id, str) or not re.fullmatch(r"[a-z][a-zA-Z0-9_]{0,254}", query_id):
                raise invalid("An Id must begin with a lower-case letter and consist of letters, digits and _.")
            if query_id in self._queries:
                raise invalid(f"The Id {query_id} is used twice.")
            if bool(query.get("MetricStat")) == bool(query.get("Expression")):
                raise invalid(f"Query {query_id} must have either MetricStat or Expression.")
            self._queries[query_id] = query
        self._metrics = {
            query_id: (_metric(structure(stat.get("Metric"), "Metric")), _statistic(stat.get("Stat")), stat.get("Unit"))
            for query_id, query in self._queries.items()
            if (stat := query.get("MetricStat")) and structure(stat, "MetricStat") is stat
        }
        self._expressions = {
            query_id: self._parse(query_id, query["Expression"])
            for query_id, query in self._queries.items()
            if query.get("Expression")
        }
        self._periods = {query_id: self._period(query_id, ()) for query_id in self._queries}

    @property
    def returned(self) -> list[tuple[str, str]]:
        """The IDs and labels of the queries whose points are wanted."""
        return [
            (
                query_id,
                query.get("Label") or (self._metrics[query_id][0].name if query_id in self._metrics else query_id),
            )
            for query_id, query in self._queries.items()
            if query.get("ReturnData") is not False
        ]

    def points(self, query_id: str, start: int, end: int) -> list[tuple[int, float | None]]:
        """The points of a query from `start` up to `end`, by the minute at which each begins, oldest first."""
        period = self._periods[query_id]
        minutes = range(start - start % period, end, period)
        return list(zip(minutes, self._values(query_id, minutes), strict=True))

    def _values(self, query_id: str, minutes: range) -> expressions.Series:
        if query_id in self._metrics:
            key, statistic, unit = self._metrics[query_id]
            if unit not in (None, self._store.unit(key)):
                return [None] * len(minutes)
            return [self._store.value(key, statistic, minute, minute + minutes.step) for minute in minutes]
        expression = self._expressions[query_id]
        return expression.evaluate({needed: self._values(needed, minutes) for needed in expression.metric_ids})

    def _parse(self, query_id: str, text: Any) -> expressions.Expression:
        if len(str(text)) > EXPRESSION_MAX:
            raise invalid(f"An Expression has at most {EXPRESSION_MAX} characters.")
        try:
            found = expressions.parse(str(text), set(self._queries))
        except (ValueError, RecursionError) as error:
            raise ApiError("ValidationError", f"Error in expression '{query_id}': {error}") from None
        if not found.metric_ids:
            raise ApiError("ValidationError", f"Error in expression '{query_id}': it names no metric.")
        return found

    def _period(self, query_id: str, path: tuple[str, ...]) -> int:
        """The period of a query in minutes; the series of an expression must have the same."""
        if query_id in path:
            raise ApiError("ValidationError", f"Error in expression '{query_id}': it depends on itself.")
        if query_id in self._metrics:
            return period_minutes(self._queries[query_id]["MetricStat"])
        needed = sorted(self._expressions[query_id].metric_ids)
        periods = {self._period(metric, (*path, query_id)) for metric in needed}
        if len(periods) > 1:
            raise ApiError("ValidationError", f"Error in expression '{query_id}': its series have different periods.")
        return periods.pop()


def _statistic(found: Any) -> Statistic:
    try:
        return Statistic.parse(str(found))
    except ValueError as error:
        raise ApiError("ValidationError", f"The embedded cloud cannot compute it: {error}.") from None


def _dimension(found: Any) -> tuple[str, str | None]:
    value = structure(found, "Dimensions").get("Value")
    return text_of(found, "Name"), value if value is None else str(value)


def _metric(parameters: Mapping[str, Any]) -> MetricKey:
    dimensions = [_dimension(found) for found in listed(parameters, "Dimensions", 0)]
    if len(dimensions) > 30:
        raise invalid("A metric has at most 30 dimensions.")
    found = frozenset((name, str(value)) for name, value in dimensions)
    return MetricKey(text_of(parameters, "Namespace"), text_of(parameters, "MetricName"), found)


def _published(datum: Mapping[str, Any]) -> list[tuple[float, float]] | dict[str, float]:
    """The values and counts of a datum, or its statistic set."""
    try:
        if (found := datum.get("StatisticValues")) is not None:
            return {name: float(found[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")}
        values = [float(value) for value in datum.get("Values") or [datum["Value"]]]
        counts = [float(count) for count in datum.get("Counts") or [1.0] * len(values)]
        return list(zip(values, counts, strict=True))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise invalid("A member of MetricData must have Value, Values and Counts, or StatisticValues.") from None


def _parts(values: Mapping[str, float]) -> tuple[float, float, float]:
    return values["SampleCount"], values["Minimum"], values["Maximum"]
