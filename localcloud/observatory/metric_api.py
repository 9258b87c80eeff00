"""GetMetricData, GetMetricStatistics, ListMetrics and PutMetricData over the metrics of the embedded cloud.

What the API does not support here is an error that names it. Periods are whole minutes; metric math is that of
`localcloud.cloudwatch.expressions`.
"""

from collections.abc import Mapping
from typing import Any

from localcloud.cloudwatch import emf
from localcloud.cloudwatch.metrics import Statistic
from localcloud.observatory.clock import Clock
from localcloud.observatory.metric_queries import Queries, dimension, metric_key, statistic
from localcloud.observatory.parameters import (
    integer,
    listed,
    page_token,
    period_minutes,
    reject_unknown,
    structure,
    text_of,
)
from localcloud.observatory.published import published
from localcloud.observatory.requests import ApiError, epoch, invalid
from localcloud.observatory.retention import RetainedMetrics

POINTS_MAX = 100_800
COMPUTED_MAX = 250_000
STATISTICS_POINTS_MAX = 1_440
DATA_MAX = 1_000
PAGE = 500
RECENT_MINUTES = 180
_SIMPLE_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
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
        queries = Queries(listed(parameters, "MetricDataQueries"), self._store)
        start, end = self._range(parameters)
        order = parameters.get("ScanBy") or "TimestampDescending"
        if order not in ("TimestampDescending", "TimestampAscending"):
            raise invalid("ScanBy must be TimestampDescending or TimestampAscending.")
        most, skipped = integer(parameters, "MaxDatapoints", POINTS_MAX), page_token(parameters)
        if queries.cost(start, end) > COMPUTED_MAX:
            raise invalid(f"The request needs more than {COMPUTED_MAX} datapoints: use longer periods or less time.")
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
        key, period = metric_key(parameters), period_minutes(parameters)
        start, end = (epoch(parameters.get(name), name) for name in ("StartTime", "EndTime"))
        if start >= end:
            raise invalid("The parameter StartTime must be less than the parameter EndTime.")
        names = listed(parameters, "Statistics", 0), listed(parameters, "ExtendedStatistics", 0)
        if not any(names) or any(name not in _SIMPLE_STATISTICS for name in names[0]):
            raise ApiError(
                "InvalidParameterCombination",
                f"Statistics is {', '.join(map(str, names[0])) or 'empty'}; name at least one of "
                f"{', '.join(_SIMPLE_STATISTICS)}, or use ExtendedStatistics.",
            )
        extended = {name: statistic(name) for name in names[1]}
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
        wanted = [dimension(found) for found in listed(parameters, "Dimensions", 0)]
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
        now, samples, data = self._clock.now(), [], listed(parameters, "MetricData")
        if len(data) > DATA_MAX:
            raise invalid(f"MetricData has {len(data)} members; at most {DATA_MAX} are allowed. Send several requests.")
        for datum in data:
            key = metric_key({**structure(datum, "MetricData"), "Namespace": namespace})
            at = epoch(datum["Timestamp"], "Timestamp") if datum.get("Timestamp") is not None else now
            if not now - emf.AGE_SECONDS_MAX <= at <= now + emf.AHEAD_SECONDS_MAX:
                raise invalid("A Timestamp must be within the last two weeks and the next two hours.")
            minute = int(at // 60)
            unit = datum.get("Unit") or "None"
            if unit not in emf.UNITS:
                raise invalid(f"The Unit {unit!r} of {key.name} is not one of CloudWatch's, such as Count or Seconds.")
            samples.append((key, minute, published(datum, key.name), unit))
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


def _parts(values: Mapping[str, float]) -> tuple[float, float, float]:
    return values["SampleCount"], values["Minimum"], values["Maximum"]
