"""The samples of one metric in one period, in bounded memory.

Count, sum, minimum and maximum are exact. Percentiles are exact up to `DISTINCT_MAX` different values; beyond that,
values share bins, as they do in CloudWatch's own distributions.
"""

import math
from array import array
from collections.abc import Iterable

DISTINCT_MAX = 256
KEPT_MAX = 32
"""Different values of a period that has ended."""
_FIRST_WIDTH = 0.01


class Samples:
    """Samples that can be added to and merged."""

    __slots__ = ("count", "high", "low", "total", "values", "width")

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0.0
        self.low, self.high = math.inf, -math.inf
        self.values: dict[float, float] = {}
        """How often each value occurred; incomplete if statistic sets were published."""
        self.width = 0.0
        """The relative width of a bin; 0 while the values are exact."""

    def add(self, value: float, count: float = 1) -> None:
        """Add a value that occurred `count` times."""
        self.total += value * count
        self.count += count
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self._count(value, count)
        if len(self.values) > DISTINCT_MAX:
            self.shrink(DISTINCT_MAX)

    def merge(self, other: "Samples") -> None:
        """Add all samples of another period."""
        self.add_set(other.total, other.count, other.low, other.high)
        self.width = max(self.width, other.width)
        for value, count in other.values.items():
            self._count(value, count)
        self.shrink(DISTINCT_MAX)

    def add_set(self, total: float, count: float, low: float, high: float) -> None:
        """Add samples of which only their statistics are known; percentiles are unknown then, as on CloudWatch."""
        self.total += total
        self.count += count
        self.low, self.high = min(self.low, low), max(self.high, high)

    def shrink(self, most: int) -> None:
        """Widen the bins until at most `most` values differ."""
        while len(self.values) > most:
            self.width = self.width * 2 or _FIRST_WIDTH
            values, self.values = self.values, {}
            for value, count in values.items():
                self._count(value, count)

    def _count(self, value: float, count: float) -> None:
        if self.width:
            value = _binned(value, self.width)
        self.values[value] = self.values.get(value, 0) + count

    def percentile(self, share: float) -> float | None:
        """The smallest value that `share` of the samples do not exceed; None if it is not known."""
        rank, seen = share * self.count, 0.0
        if self.low == self.high:
            return self.low
        for value, count in sorted(self.values.items()):
            seen += count
            # A tolerance, because 0.9 x 10 is not exactly 9 in binary.
            if seen >= rank - 1e-9:
                return min(max(value, self.low), self.high)
        return None

    def packed(self) -> bytes:
        """The values in little memory; nothing if they are all equal, for then the minimum says it."""
        self.shrink(KEPT_MAX)
        if self.low == self.high:
            return b""
        return array("d", [number for pair in self.values.items() for number in pair]).tobytes()

    @classmethod
    def unpacked(cls, total: float, count: float, low: float, high: float, packed: bytes) -> "Samples":
        """The samples that were packed."""
        samples = cls()
        samples.add_set(total, count, low, high)
        if low == high:
            samples.values[low] = count
        else:
            numbers = array("d")
            numbers.frombytes(packed)
            samples.values.update(zip(numbers[::2], numbers[1::2], strict=True))
        return samples


def merged(parts: Iterable[Samples]) -> Samples:
    """All samples of these periods."""
    result = Samples()
    for part in parts:
        result.merge(part)
    return result


def _binned(value: float, width: float) -> float:
    """The middle of the bin that the value is in."""
    if not value:
        return 0.0
    base = 1 + width
    middle = base ** round(math.log(abs(value), base)) if abs(value) < 1e300 else 1e300
    return math.copysign(middle, value)
