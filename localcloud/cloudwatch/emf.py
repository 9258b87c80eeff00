"""Metrics in CloudWatch's embedded metric format (EMF): what a logged line publishes, or why it publishes nothing.

The specification is the user guide's "Specification: Embedded metric format". A line that is not EMF publishes nothing
and is not an error. A line that is EMF and violates the format publishes nothing either; CloudWatch counts it as a
parsing error if it is not the object that the format describes, and as a validation error if a value is not allowed.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from localcloud.cloudwatch.metrics import MetricKey

LINE_BYTES_MAX = 1024 * 1024
DIMENSIONS_MAX = 30
METRICS_MAX = 100
VALUES_MAX = 100
TEXT_MAX = 1024
AGE_SECONDS_MAX = 14 * 86_400
AHEAD_SECONDS_MAX = 2 * 3_600
VALUE_MAX = 2.0**360

_SCALED = [f"{scale}{unit}" for unit in ("bytes", "bits") for scale in ("Kilo", "Mega", "Giga", "Tera")]
_PER_SECOND = [f"{unit}/Second" for unit in ("Bytes", "Bits", "Count", *_SCALED)]
UNITS = frozenset(
    ["Seconds", "Microseconds", "Milliseconds", "Bytes", "Bits", "Percent", "Count", "None", *_SCALED, *_PER_SECOND]
)
_NAMESPACE = re.compile(r"[A-Za-z0-9.\-_/#:]{1,256}")


class EmfSample(NamedTuple):
    """One value of one metric."""

    key: MetricKey
    unit: str
    value: float


class EmfDocument(NamedTuple):
    """What one line publishes. `timestamp` is in seconds since the epoch; None means the time of the line."""

    samples: list[EmfSample]
    timestamp: float | None


class EmfParsingError(ValueError):
    """A line that is marked as EMF but is not the object that the format describes."""


class EmfValidationError(ValueError):
    """An EMF line with a value that is not allowed."""


def read_samples(lines: Iterable[str]) -> Iterator[EmfSample]:
    """Every sample in these lines; a line that is not valid EMF publishes nothing."""
    for line in lines:
        try:
            document = read_line(line)
        except (EmfParsingError, EmfValidationError):
            continue
        if document:
            yield from document.samples


def read_line(line: str, now: float | None = None) -> EmfDocument | None:
    """What the line publishes, None if it is not EMF; raises EmfParsingError or EmfValidationError.

    With `now`, a timestamp more than two weeks old or two hours ahead is an error.
    """
    # Most lines are not EMF, so the cheap tests come first.
    if '"_aws"' not in line or '"CloudWatchMetrics"' not in line or not line.lstrip().startswith("{"):
        return None
    if len(line) > LINE_BYTES_MAX:
        raise EmfParsingError(f"the line is longer than {LINE_BYTES_MAX} bytes")
    try:
        root = json.loads(line)
    except (ValueError, RecursionError):
        raise EmfParsingError("the line is not one JSON object") from None
    metadata = root.get("_aws") if isinstance(root, dict) else None
    if metadata is None:
        return None  # both words are elsewhere in the line
    directives = metadata.get("CloudWatchMetrics") if isinstance(metadata, dict) else None
    if not isinstance(directives, list) or not all(isinstance(directive, dict) for directive in directives):
        raise EmfParsingError("_aws.CloudWatchMetrics is not a list of objects")
    timestamp = _timestamp(metadata.get("Timestamp"), now)
    return EmfDocument([sample for directive in directives for sample in _directive(directive, root)], timestamp)


def _timestamp(found: Any, now: float | None) -> float | None:
    if found is None:
        return None
    seconds = _number(found, "Timestamp") / 1000
    if now is not None and not now - AGE_SECONDS_MAX <= seconds <= now + AHEAD_SECONDS_MAX:
        raise EmfValidationError("Timestamp is more than two weeks old or two hours ahead")
    return seconds


def _directive(directive: dict[str, Any], root: dict[str, Any]) -> Iterator[EmfSample]:
    namespace, sets, metrics = (directive.get(name) for name in ("Namespace", "Dimensions", "Metrics"))
    if not isinstance(sets, list) or not isinstance(metrics, list):
        raise EmfParsingError("Dimensions and Metrics must be lists")
    if not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace):
        raise EmfValidationError("Namespace is missing or has characters that are not allowed")
    if len(metrics) > METRICS_MAX:
        raise EmfValidationError(f"more than {METRICS_MAX} metrics")
    dimensions = [_dimensions(names, root) for names in sets or [[]]]
    for metric in metrics:
        if not isinstance(metric, dict) or not isinstance(metric.get("Name"), str):
            raise EmfParsingError("a metric is not an object with a Name")
        unit = metric.get("Unit", "None")
        if not isinstance(unit, str) or unit not in UNITS:
            raise EmfValidationError("a Unit is not one of CloudWatch's")
        values = _values(root, metric["Name"])
        for found in dimensions:
            key = MetricKey(namespace, metric["Name"], found)
            for value in values:
                yield EmfSample(key, unit, value)


def _dimensions(names: Any, root: dict[str, Any]) -> frozenset[tuple[str, str]]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise EmfParsingError("a dimension set is not a list of names")
    if len(names) > DIMENSIONS_MAX:
        raise EmfValidationError(f"more than {DIMENSIONS_MAX} dimensions")
    found = []
    for name in names:
        value = root.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX or not 1 <= len(name) <= 250:
            raise EmfValidationError("a dimension has no text of 1 to 1024 characters")
        found.append((name, value))
    return frozenset(found)


def _values(root: dict[str, Any], name: str) -> list[float]:
    if not 1 <= len(name) <= TEXT_MAX or name not in root:
        raise EmfValidationError("a metric has no value")
    found = root[name]
    values = found if isinstance(found, list) else [found]
    if len(values) > VALUES_MAX:
        raise EmfValidationError(f"a metric has more than {VALUES_MAX} values")
    return [_number(value, "a value") for value in values]


def _number(found: Any, subject: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise EmfValidationError(f"{subject} is not a number")
    # Comparing works for integers that are too large for a float; NaN is in no range.
    if not -VALUE_MAX <= found <= VALUE_MAX or not math.isfinite(found):
        raise EmfValidationError(f"{subject} is out of range")
    return float(found)
