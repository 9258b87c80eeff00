"""Metrics in CloudWatch's embedded metric format: what a printed or logged line publishes."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from localcloud.cloudwatch.metrics import MetricKey


class EmfSample(NamedTuple):
    """One value of one metric."""

    key: MetricKey
    unit: str
    value: float


def read_samples(lines: Iterable[str]) -> Iterator[EmfSample]:
    """Every sample in these lines, by the dimensions each object declares; other lines publish nothing."""
    for line in lines:
        document = _document(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = {name: document[name] for name in names}
                for metric in directive["Metrics"]:
                    key = MetricKey.of(directive["Namespace"], metric["Name"], dimensions)
                    values = document[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        yield EmfSample(key, metric.get("Unit", "None"), value)


def _document(line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
