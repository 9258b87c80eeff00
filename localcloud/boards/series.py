"""The numbers behind a metric widget, computed from its recorded properties alone. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.cloudwatch import expressions
from localcloud.cloudwatch.metrics import MetricKey, MetricStore, Statistic

MINUTES_PER_UNIT = {"M": 1, "H": 60, "D": 1_440}


@dataclass(frozen=True)
class Line:
    """One visible line: the start of each period, and its value or None."""

    label: str
    minutes: tuple[int, ...]
    values: tuple[float | None, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return all(value is None for value in self.values)


def range_minutes(text: str) -> int:
    """Length of a range that ends now, such as -PT3H or -P7D."""
    found = re.fullmatch(r"-P(T?)(\d+)([MHD])", text)
    if not found or (found[3] == "D") == bool(found[1]):
        raise ValueError(f"{text!r} is not a range drawn here: write -PT3H, -PT30M or -P7D")
    return int(found[2]) * MINUTES_PER_UNIT[found[3]]


def lines_of(properties: Mapping[str, Any], store: MetricStore, now: int, opened_with: str) -> list[Line]:
    """The visible lines of a metric widget on a board opened at minute `now`."""
    length = range_minutes(properties.get("start", opened_with))
    if properties.get("setPeriodToTimeRange"):
        starts, step = [now - length], length
    else:
        step = properties["period"] // 60
        # Periods begin at full multiples, so the first is one that began before the range and the last is not over.
        starts = list(range((now - length) // step * step, now, step))
    ids: dict[str, expressions.Series] = {}
    for *words, options in properties["metrics"]:
        if words:
            key = _key(words)
            statistic = Statistic.parse(options["stat"])
            ids[options["id"]] = [store.value(key, statistic, at, min(at + step, now)) for at in starts]
    lines: list[Line] = []
    for *_, options in properties["metrics"]:
        if options.get("visible", True):
            values = ids.get(options["id"])
            if values is None:
                values = expressions.parse(options["expression"], ids.keys()).evaluate(ids)
            lines.append(Line(options["label"], tuple(starts), tuple(values)))
    return lines


def _key(words: Sequence[str]) -> MetricKey:
    namespace, name, *dimensions = words
    return MetricKey.of(namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)))
