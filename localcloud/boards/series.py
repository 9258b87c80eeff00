"""Computes the lines of a metric widget from its recorded properties and a store of metrics."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from localcloud.cloudwatch import expressions
from localcloud.cloudwatch.metrics import MetricKey, Statistic

MINUTES_PER_UNIT = {"M": 1, "H": 60, "D": 1_440}


class MetricSource(Protocol):
    """Whatever has metrics: a store in memory, or a cloud that is asked."""

    def value(self, key: MetricKey, statistic: Statistic, start: int, end: int) -> float | None:
        """The statistic over the minutes from `start` up to `end`; None without samples."""
        ...


@dataclass(frozen=True)
class Line:
    """A visible line: the start of each period, and its value or None."""

    label: str
    minutes: tuple[int, ...]
    values: tuple[float | None, ...]
    colour: str = ""
    """The colour that the widget names, if it names one."""
    is_on_the_right: bool = False
    """Whether the right axis measures it."""

    @property
    def is_empty(self) -> bool:
        """Whether the line has no values."""
        return all(value is None for value in self.values)


def range_minutes(text: str) -> int:
    """The length of a range that ends now, such as -PT3H or -P7D."""
    parts = re.fullmatch(r"-P(T?)(\d+)([MHD])", text)
    if not parts or (parts[3] == "D") == bool(parts[1]):
        raise ValueError(f"{text!r} is not a supported range: use the form -PT3H, -PT30M or -P7D")
    return int(parts[2]) * MINUTES_PER_UNIT[parts[3]]


def lines_of(properties: Mapping[str, Any], source: MetricSource, now: int, opened_with: str) -> list[Line]:
    """The visible lines of a metric widget on a board opened at minute `now`."""
    length = range_minutes(properties.get("start", opened_with))
    if properties.get("setPeriodToTimeRange"):
        starts, step = [now - length], length
    else:
        step = properties["period"] // 60
        # Periods start at multiples of their length, so the first may start before the range, and the last is not over.
        starts = list(range((now - length) // step * step, now, step))
    ids: dict[str, expressions.Series] = {}
    for *names, options in properties["metrics"]:
        if names:
            key = _key(names)
            statistic = Statistic.parse(options["stat"])
            ids[options["id"]] = [source.value(key, statistic, start, min(start + step, now)) for start in starts]
    lines: list[Line] = []
    for *_, options in properties["metrics"]:
        if options.get("visible", True):
            values = ids.get(options["id"])
            if values is None:
                values = expressions.parse(options["expression"], ids.keys()).evaluate(ids)
            line = Line(options["label"], tuple(starts), tuple(values), options.get("color", ""))
            lines.append(replace(line, is_on_the_right=options.get("yAxis") == "right"))
    return lines


def _key(names: Sequence[str]) -> MetricKey:
    namespace, name, *dimensions = names
    return MetricKey.of(namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)))
