"""Metrics in memory, by minute, and CloudWatch's statistics over any window of whole minutes.

A window without samples has no value, which is not the same as zero.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, Protocol

# Sums over longer windows use running totals; for shorter windows, adding up is cheaper.
_LONG_WINDOW_MINUTES = 30


class MetricKey(NamedTuple):
    """The identity of a metric: the same name with different dimensions is a different metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> "MetricKey":
        """The key of a metric, from a mapping of dimensions."""
        return cls(namespace, name, frozenset((dimensions or {}).items()))


class Statistic(NamedTuple):
    """How the samples of a window become a value; `percentile` (0 to 1) is for pNN only."""

    name: str
    percentile: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Statistic":
        """A statistic by its CloudWatch name; ValueError if it is not supported."""
        if text in ("Sum", "Average", "Minimum", "Maximum", "SampleCount"):
            return cls(text)
        found = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", text)
        if not found or not 0 < float(found[1]) < 100:
            raise ValueError(
                f"statistic {text!r} is not supported: use Sum, Average, Minimum, Maximum, SampleCount or pNN"
            )
        return cls("percentile", float(found[1]) / 100)

    @property
    def samples_needed(self) -> float:
        """The sample count below which CloudWatch considers a percentile's samples too few."""
        if self.name != "percentile":
            return 0
        rare = 1 - self.percentile if self.percentile >= 0.5 else self.percentile
        return round(10 / rare, 6)


@dataclass(slots=True)
class _Minute:
    total: float
    count: int
    low: float
    high: float
    samples: list[tuple[float, int]]


class _Series:
    def __init__(self) -> None:
        self.minutes: dict[int, _Minute] = {}
        self._running: tuple[int, list[float], list[int]] | None = None

    def add(self, minute: int, value: float, count: int) -> None:
        self._running = None
        found = self.minutes.get(minute)
        if found is None:
            self.minutes[minute] = _Minute(value * count, count, value, value, [(value, count)])
            return
        found.total += value * count
        found.count += count
        found.low = min(found.low, value)
        found.high = max(found.high, value)
        found.samples.append((value, count))

    def window(self, start: int, end: int) -> list[_Minute]:
        minutes = self.minutes
        return [found for minute in range(start, end) if (found := minutes.get(minute)) is not None]

    def total_and_count(self, start: int, end: int) -> tuple[float, int]:
        if end - start <= _LONG_WINDOW_MINUTES:
            total, number = 0.0, 0
            for minute in range(start, end):
                if (found := self.minutes.get(minute)) is not None:
                    total, number = total + found.total, number + found.count
            return total, number
        first, totals, counts = self._running_totals()
        low, high = (min(max(minute - first, 0), len(totals) - 1) for minute in (start, end))
        return totals[high] - totals[low], counts[high] - counts[low]

    def _running_totals(self) -> tuple[int, list[float], list[int]]:
        if self._running is None:
            first, last = min(self.minutes), max(self.minutes)
            minutes = [self.minutes.get(minute) for minute in range(first, last + 1)]
            totals = accumulate((minute.total if minute else 0 for minute in minutes), initial=0)
            counts = accumulate((minute.count if minute else 0 for minute in minutes), initial=0)
            self._running = first, list(totals), list(counts)
        return self._running


class Metrics(Protocol):
    """Metrics that can be evaluated."""

    def sample_count(self, key: MetricKey, start: int, end: int) -> int:
        """The number of samples in the minutes from `start` up to `end`."""
        ...

    def value(self, key: MetricKey, statistic: Statistic, start: int, end: int) -> float | None:
        """The statistic over the minutes from `start` up to `end`; None without samples."""
        ...


class MetricStore:
    """Every published sample, by metric and minute."""

    def __init__(self) -> None:
        self._series: dict[MetricKey, _Series] = {}

    def add(self, key: MetricKey, minute: int, value: float, count: int = 1) -> None:
        """Publish `value` `count` times in that minute."""
        if count > 0:
            series = self._series.get(key)
            if series is None:
                series = self._series[key] = _Series()
            series.add(minute, value, count)

    def keys(self) -> Iterator[MetricKey]:
        """Every metric that has a sample."""
        return iter(self._series)

    def sample_count(self, key: MetricKey, start: int, end: int) -> int:
        """The number of samples in the minutes from `start` up to `end`."""
        series = self._series.get(key)
        return 0 if series is None else series.total_and_count(start, end)[1]

    def value(self, key: MetricKey, statistic: Statistic, start: int, end: int) -> float | None:
        """The statistic over the minutes from `start` up to `end`; None without samples."""
        series = self._series.get(key)
        if series is None or end <= start:
            return None
        if statistic.name in ("Sum", "Average", "SampleCount"):
            total, count = series.total_and_count(start, end)
            if not count:
                return None
            return {"Sum": total, "Average": total / count, "SampleCount": float(count)}[statistic.name]
        found = series.window(start, end)
        if not found:
            return None
        if statistic.name == "Maximum":
            return max(minute.high for minute in found)
        if statistic.name == "Minimum":
            return min(minute.low for minute in found)
        return _nearest_rank([sample for minute in found for sample in minute.samples], statistic.percentile)


def _nearest_rank(samples: list[tuple[float, int]], percentile: float) -> float:
    """The smallest value that `percentile` of the samples do not exceed."""
    rank = percentile * sum(count for _, count in samples)
    seen = 0
    for value, count in sorted(samples):
        seen += count
        # A tolerance, because 0.9 x 10 is not exactly 9 in binary.
        if seen >= rank - 1e-9:
            return value
    raise AssertionError("unreachable: the last sample reaches every rank")
