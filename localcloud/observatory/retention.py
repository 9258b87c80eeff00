"""The metrics of a cloud that runs for long: bounded memory, by the roll-up rules of CloudWatch.

Points of one minute are kept for 15 days, then become points of five minutes until day 63, then points of an hour until
day 455. A statistic over a period that is shorter than the points that are left has no value, as on CloudWatch.

Memory: 36 bytes for each metric and minute, and up to 0.5 KB more if its values differ. At most `METRICS_MAX` metrics
are kept; samples of further metrics are dropped and counted.
"""

import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from localcloud.cloudwatch.metrics import MetricKey, Statistic
from localcloud.observatory.samples import Samples, merged

METRICS_MAX = 5_000
DAY_MINUTES = 1_440
RECENT_MINUTES = 15
"""How long a minute can be added to cheaply; a later sample is merged into its point."""
# Minutes of a point, and minutes after which its points become points of the next tier or are dropped.
TIERS = ((1, 15 * DAY_MINUTES), (5, 63 * DAY_MINUTES), (60, 455 * DAY_MINUTES))


class _Points:
    """Points that begin at different minutes, in columns."""

    def __init__(self, minutes: int) -> None:
        self.minutes = minutes
        self.starts = array("I")
        self.columns = tuple(array("d") for _ in range(4))
        """Totals, counts, minima and maxima."""
        self.packed: dict[int, bytes] = {}

    def merge(self, minute: int, samples: Samples) -> None:
        start = minute - minute % self.minutes
        at = bisect_left(self.starts, start)
        if at < len(self.starts) and self.starts[at] == start:
            samples = merged([self._at(at), samples])
        else:
            self.starts.insert(at, start)
            for column in self.columns:
                column.insert(at, 0.0)
        for column, number in zip(self.columns, (samples.total, samples.count, samples.low, samples.high), strict=True):
            column[at] = number
        if packed := samples.packed():
            self.packed[start] = packed
        else:
            self.packed.pop(start, None)

    def window(self, start: int, end: int) -> range:
        return range(bisect_left(self.starts, start), bisect_left(self.starts, end))

    def samples(self, window: range) -> Iterator[Samples]:
        return map(self._at, window)

    def take_before(self, minute: int) -> list[tuple[int, Samples]]:
        window = self.window(0, minute)
        taken = [(self.starts[at], self._at(at)) for at in window]
        for start, _ in taken:
            self.packed.pop(start, None)
        for column in (self.starts, *self.columns):
            del column[: window.stop]
        return taken

    def _at(self, at: int) -> Samples:
        total, count, low, high = (column[at] for column in self.columns)
        return Samples.unpacked(total, count, low, high, self.packed.get(self.starts[at], b""))


class _Series:
    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.recent: dict[int, Samples] = {}
        self.tiers = tuple(_Points(minutes) for minutes, _ in TIERS)
        self.newest = 0

    def at(self, minute: int) -> Samples:
        found = self.recent.get(minute)
        if found is None:
            found = self.recent[minute] = Samples()
            self.newest = max(self.newest, minute)
        return found

    def close(self, before: int) -> None:
        for minute in sorted(minute for minute in self.recent if minute < before):
            self.tiers[0].merge(minute, self.recent.pop(minute))

    def roll_up(self, now: int) -> None:
        for tier, ((_, kept), following) in enumerate(zip(TIERS, (*self.tiers[1:], None), strict=True)):
            for minute, samples in self.tiers[tier].take_before(now - kept):
                if following:
                    following.merge(minute, samples)

    def parts(self, start: int, end: int) -> list[Samples]:
        """What the window holds, except points that are longer than the window."""
        found = [
            samples
            for points in self.tiers
            if points.minutes <= end - start
            for samples in points.samples(points.window(start, end))
        ]
        return found + [samples for minute, samples in sorted(self.recent.items()) if start <= minute < end]

    def total_and_count(self, start: int, end: int) -> tuple[float, float]:
        total = count = 0.0
        for points in self.tiers:
            if points.starts and points.minutes <= end - start:
                window = points.window(start, end)
                totals, counts, *_ = points.columns
                total += sum(totals[window.start : window.stop])
                count += sum(counts[window.start : window.stop])
        for minute, samples in self.recent.items():
            if start <= minute < end:
                total, count = total + samples.total, count + samples.count
        return total, count


class RetainedMetrics:
    """Every published sample, as far as CloudWatch would still have it. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._series: dict[MetricKey, _Series] = {}
        self._lock = threading.Lock()
        self._rolled_up = 0
        self.first_minute: int | None = None
        self.dropped = 0
        """Samples of metrics beyond the most that are kept."""

    def add(self, key: MetricKey, minute: int, value: float, count: float = 1, unit: str = "None") -> None:
        """Publish `value` `count` times in that minute."""
        with self._lock:
            if count > 0 and (series := self._writable(key, minute, unit)):
                series.at(minute).add(value, count)

    def add_all(self, minute: int, samples: Sequence[tuple[MetricKey, float, str]]) -> None:
        """Publish samples of the same minute, as (metric, value, unit)."""
        with self._lock:
            for key, value, unit in samples:
                if series := self._writable(key, minute, unit):
                    series.at(minute).add(value)

    def add_set(
        self, key: MetricKey, minute: int, total: float, count: float, low: float, high: float, unit: str
    ) -> None:
        """Publish statistics of samples that are not known one by one."""
        with self._lock:
            if count > 0 and (series := self._writable(key, minute, unit)):
                series.at(minute).add_set(total, count, low, high)

    def _writable(self, key: MetricKey, minute: int, unit: str) -> _Series | None:
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= METRICS_MAX:
                self.dropped += 1
                return None
            series = self._series[key] = _Series(unit)
        if self.first_minute is None or minute < self.first_minute:
            self.first_minute = minute
        return series

    def prune(self, now: int) -> None:
        """Pack the minutes that have ended, and roll up and drop old points; call it every minute."""
        with self._lock:
            for series in self._series.values():
                series.close(now - RECENT_MINUTES)
            if now - self._rolled_up >= 60:
                self._rolled_up = now
                for key, series in list(self._series.items()):
                    series.roll_up(now)
                    if not series.recent and not any(points.starts for points in series.tiers):
                        del self._series[key]

    def keys(self, since: int = 0) -> list[MetricKey]:
        """Every metric with a sample in or after that minute."""
        with self._lock:
            return [key for key, series in self._series.items() if series.newest >= since]

    def unit(self, key: MetricKey) -> str:
        """The unit of a metric."""
        series = self._series.get(key)
        return series.unit if series else "None"

    def sample_count(self, key: MetricKey, start: int, end: int) -> int:
        """The number of samples in the minutes from `start` up to `end`."""
        with self._lock:
            series = self._series.get(key)
            return round(series.total_and_count(start, end)[1]) if series else 0

    def value(self, key: MetricKey, statistic: Statistic, start: int, end: int) -> float | None:
        """The statistic over the minutes from `start` up to `end`; None without samples."""
        with self._lock:
            series = self._series.get(key)
            if series is None or end <= start:
                return None
            if statistic.name in ("Sum", "Average", "SampleCount"):
                total, count = series.total_and_count(start, end)
                if not count:
                    return None
                return {"Sum": total, "Average": total / count, "SampleCount": count}[statistic.name]
            parts = series.parts(start, end)
            if not parts:
                return None
            if statistic.name == "Maximum":
                return max(part.high for part in parts)
            if statistic.name == "Minimum":
                return min(part.low for part in parts)
            return merged(parts).percentile(statistic.percentile)
