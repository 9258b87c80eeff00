"""Metric filters with JSON patterns: which log lines count, and what they publish."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.observatory.filter_patterns import FilterError, parse_pattern, selected

DIMENSIONS_MAX = 3
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class MetricFilter:
    """A metric filter of a log group."""

    pattern: str
    namespace: str
    name: str
    value: str
    dimensions: tuple[tuple[str, str], ...] = ()
    default: float | None = None
    """What a line that does not match publishes."""

    def sample(self, line: str) -> tuple[MetricKey, float] | None:
        """What the line publishes; None if it does not match, or lacks a dimension or the value."""
        document = _document(line)
        if document is None or not parse_pattern(self.pattern)(document):
            return None if self.default is None else (MetricKey(self.namespace, self.name, frozenset()), self.default)
        dimensions = [(name, selected(document, selector)) for name, selector in self.dimensions]
        value = selected(document, self.value) if self.value.startswith("$") else self.value
        if any(found is None for _, found in dimensions) or value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return MetricKey(self.namespace, self.name, frozenset((name, str(found)) for name, found in dimensions)), number


def matches(pattern: str, line: str) -> bool:
    """Whether a line matches a JSON pattern."""
    document = _document(line)
    return document is not None and parse_pattern(pattern)(document)


def _document(line: str) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def check_metric_filter(parameters: Mapping[str, Any]) -> None:
    """FilterError, unless PutMetricFilter can be served with these parameters."""
    parse_pattern(str(parameters.get("filterPattern", "")))
    transformations = parameters.get("metricTransformations")
    if not isinstance(transformations, list) or len(transformations) != 1:
        raise FilterError("A metric filter has exactly one transformation.")
    (found,) = transformations
    value, dimensions = str(found.get("metricValue", "")), found.get("dimensions") or {}
    if not _NUMBER.fullmatch(value):
        selected({}, value)  # raises, unless it is a selector
    for selector in dimensions.values():
        selected({}, str(selector))
    if len(dimensions) > DIMENSIONS_MAX:
        raise FilterError(f"A metric filter has at most {DIMENSIONS_MAX} dimensions.")
    if dimensions and found.get("defaultValue") is not None:
        raise FilterError("A metric filter with dimensions has no default value.")
    if unknown := found.keys() - {"metricName", "metricNamespace", "metricValue", "defaultValue", "dimensions", "unit"}:
        raise FilterError(f"A transformation has no member {min(unknown)}.")
