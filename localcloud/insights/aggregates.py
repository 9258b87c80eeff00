"""The functions of groups of rows.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Stats.html
Missing values do not count. How AWS interpolates percentiles is not documented: here, linearly between the nearest two.
"""

import math
from collections.abc import Callable, Sequence

from localcloud.insights.records import Row
from localcloud.insights.values import Timestamp, Value, number_of, sort_key, text_of

Aggregation = Callable[[list[Value], Sequence[Row]], Value]


def _present(values: Sequence[Value]) -> list[Value]:
    return [value for value in values if value is not None]


def _numbers(values: Sequence[Value]) -> list[float]:
    return [number for value in values if (number := number_of(value)) is not None]


def _count(values: list[Value], rows: Sequence[Row]) -> Value:
    return len(_present(values))


def _count_distinct(values: list[Value], rows: Sequence[Row]) -> Value:
    return len({text_of(value) for value in _present(values)})


def _sum(values: list[Value], rows: Sequence[Row]) -> Value:
    numbers = _numbers(values)
    return _plain(math.fsum(numbers)) if numbers else None


def _avg(values: list[Value], rows: Sequence[Row]) -> Value:
    numbers = _numbers(values)
    return _plain(math.fsum(numbers) / len(numbers)) if numbers else None


def _stddev(values: list[Value], rows: Sequence[Row]) -> Value:
    """That of a population."""
    numbers = _numbers(values)
    if not numbers:
        return None
    mean = math.fsum(numbers) / len(numbers)
    return _plain(math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers)))


def _extreme(choose: Callable[..., Value]) -> Aggregation:
    """Of numbers, if there are any; else of texts."""

    def found(values: list[Value], rows: Sequence[Row]) -> Value:
        present = _present(values)
        numeric = [value for value in present if number_of(value) is not None]
        if not numeric:
            return choose(present, key=text_of, default=None)
        value = choose(numeric, key=number_of)
        return value if isinstance(value, Timestamp) else number_of(value)

    return found


def percentile(percent: float) -> Aggregation:
    """The value below which that share of the values is."""

    def found(values: list[Value], rows: Sequence[Row]) -> Value:
        numbers = sorted(_numbers(values))
        if not numbers:
            return None
        place = (len(numbers) - 1) * percent / 100
        low, share = int(place), place % 1
        high = min(low + 1, len(numbers) - 1)
        return _plain(numbers[low] + (numbers[high] - numbers[low]) * share)

    return found


def _by_time(choose: Callable[..., tuple[float, Value]]) -> Aggregation:
    def found(values: list[Value], rows: Sequence[Row]) -> Value:
        timed = [
            (row.record.at, value) for value, row in zip(values, rows, strict=True) if value is not None and row.record
        ]
        return choose(timed, key=lambda pair: pair[0])[1] if timed else None

    return found


def _by_order(choose: Callable[..., Value]) -> Aggregation:
    def found(values: list[Value], rows: Sequence[Row]) -> Value:
        return choose(_present(values), key=sort_key, default=None)

    return found


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


AGGREGATES: dict[str, Aggregation] = {
    "count": _count,
    "count_distinct": _count_distinct,
    "sum": _sum,
    "avg": _avg,
    "stddev": _stddev,
    "min": _extreme(min),
    "max": _extreme(max),
    "median": percentile(50),
    "earliest": _by_time(min),
    "latest": _by_time(max),
    "sortsfirst": _by_order(min),
    "sortslast": _by_order(max),
}
PERCENTILES = ("pct", "percentile")
