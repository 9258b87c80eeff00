"""The queries of GetMetricData, checked before a point is computed."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from localcloud.cloudwatch import expressions
from localcloud.cloudwatch.metrics import MetricKey, Statistic
from localcloud.observatory.parameters import listed, period_minutes, reject_unknown, structure, text_of
from localcloud.observatory.requests import ApiError, invalid
from localcloud.observatory.retention import RetainedMetrics

QUERIES_MAX = 500
DEPTH_MAX = 5
_QUERY = {"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId"}


class Queries:
    """The queries of a request, checked; points are computed for one query at a time."""

    def __init__(self, queries: list[Any], store: RetainedMetrics) -> None:
        if not 1 <= len(queries) <= QUERIES_MAX:
            raise invalid(f"MetricDataQueries has {len(queries)} members; 1 to {QUERIES_MAX} are allowed.")
        self._store = store
        self._queries: dict[str, dict[str, Any]] = {}
        for query in queries:
            reject_unknown(structure(query, "MetricDataQueries"), _QUERY)
            query_id = query.get("Id")
            if not isinstance(query_id, str) or not re.fullmatch(r"[a-z][a-zA-Z0-9_]{0,254}", query_id):
                raise invalid(
                    f"The Id {query_id!r} must begin with a lower-case letter and consist of letters, digits and _."
                )
            if query_id in self._queries:
                raise invalid(f"The Id {query_id} is used twice.")
            if bool(query.get("MetricStat")) == bool(query.get("Expression")):
                raise invalid(f"Query {query_id} must have either MetricStat or Expression.")
            self._queries[query_id] = query
        self._metrics = {
            query_id: (
                metric_key(structure(stat.get("Metric"), "Metric")),
                statistic(stat.get("Stat")),
                stat.get("Unit"),
            )
            for query_id, query in self._queries.items()
            if (stat := query.get("MetricStat")) and structure(stat, "MetricStat") is stat
        }
        self._expressions = {
            query_id: self._parse(query_id, query["Expression"])
            for query_id, query in self._queries.items()
            if query.get("Expression")
        }
        self._resolved: dict[str, _Resolved] = {}
        for query_id in self._queries:
            self._resolve(query_id)

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

    def cost(self, start: int, end: int) -> int:
        """How many points must be read from metrics."""
        resolved = [self._resolved[query_id] for query_id, _ in self.returned]
        return sum(found.reads * (max(0, end - start) // found.period + 1) for found in resolved)

    def points(self, query_id: str, start: int, end: int) -> list[tuple[int, float | None]]:
        """The points of a query from `start` up to `end`, by the minute at which each begins, oldest first."""
        period = self._resolved[query_id].period
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
        try:
            found = expressions.parse(str(text), set(self._queries))
        except ValueError as error:
            raise _expression_error(query_id, str(error)) from None
        if not found.metric_ids:
            raise _expression_error(query_id, "it names no metric")
        return found

    def _resolve(self, query_id: str, path: tuple[str, ...] = ()) -> "_Resolved":
        """What a query needs; the series of an expression must have the same period."""
        if query_id in path:
            raise _expression_error(query_id, "it depends on itself")
        if query_id in self._resolved:
            return self._resolved[query_id]
        if query_id in self._metrics:
            found = _Resolved(period_minutes(self._queries[query_id]["MetricStat"]), 0, 1)
        else:
            needed = [self._resolve(name, (*path, query_id)) for name in sorted(self._expressions[query_id].metric_ids)]
            (period, *others) = {part.period for part in needed}
            if others:
                raise _expression_error(query_id, "its series have different periods")
            found = _Resolved(period, 1 + max(part.depth for part in needed), sum(part.reads for part in needed))
        if found.depth > DEPTH_MAX:
            raise _expression_error(query_id, "it depends on too many others")
        self._resolved[query_id] = found
        return found


class _Resolved(NamedTuple):
    period: int
    depth: int
    """Expressions on the way to a metric."""
    reads: int
    """Series of metrics that are read for it, again for each expression that needs them."""


def _expression_error(query_id: str, reason: str) -> ApiError:
    return ApiError("ValidationError", f"Error in expression '{query_id}': {reason}.")


def statistic(found: Any) -> Statistic:
    """A statistic by its name."""
    try:
        return Statistic.parse(str(found))
    except ValueError as error:
        raise ApiError("ValidationError", f"The embedded cloud cannot compute it: {error}.") from None


def dimension(found: Any) -> tuple[str, str | None]:
    """The name of a dimension, and its value if there is one."""
    value = structure(found, "Dimensions").get("Value")
    return text_of(found, "Name"), value if value is None else str(value)


def metric_key(parameters: Mapping[str, Any]) -> MetricKey:
    """The metric that a structure names."""
    dimensions = [dimension(found) for found in listed(parameters, "Dimensions", 0)]
    if len(dimensions) > 30:
        raise invalid("A metric has at most 30 dimensions.")
    found = frozenset((name, str(value)) for name, value in dimensions)
    return MetricKey(text_of(parameters, "Namespace"), text_of(parameters, "MetricName"), found)
