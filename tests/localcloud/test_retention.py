"""Metrics are kept as long, and as finely, as CloudWatch keeps them, in bounded memory."""

import random
import tracemalloc

import pytest

from localcloud.cloudwatch.metrics import MetricKey, MetricStore, Statistic
from localcloud.observatory import retention
from localcloud.observatory.retention import DAY_MINUTES, RetainedMetrics
from localcloud.observatory.samples import DISTINCT_MAX, Samples

KEY = MetricKey.of("N", "m", {"d": "1"})
STATISTICS = ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p10", "p50", "p90", "p99"]
DAY = 29_000_040  # minutes since the epoch, a whole hour, as in a cloud of today


@pytest.mark.parametrize("age", [0, 20, 16 * 60], ids=["recent", "packed", "rolled up hourly"])
def test_statistics_equal_those_of_the_simulation(age: int):
    random.seed(1)
    store, expected = RetainedMetrics(), MetricStore()
    for minute in range(DAY, DAY + 120):
        for value in random.choices([0.0, 1.0, 2.5, 40.0, 1_000.0], k=minute % 7):
            store.add(KEY, minute, value)
            expected.add(KEY, minute, value)
    store.prune(DAY + 120 + age)
    for statistic in map(Statistic.parse, STATISTICS):
        for start, end in ((DAY, DAY + 1), (DAY + 7, DAY + 8), (DAY + 3, DAY + 50), (DAY - 90, DAY + 500), (5, 5)):
            assert store.value(KEY, statistic, start, end) == pytest.approx(expected.value(KEY, statistic, start, end))
    assert store.sample_count(KEY, DAY, DAY + 120) == expected.sample_count(KEY, DAY, DAY + 120)


def test_points_are_rolled_up_and_dropped_as_on_cloudwatch():
    store, total = RetainedMetrics(), Statistic("Sum")
    for minute in range(DAY, DAY + 60):
        store.add(KEY, minute, 1)

    def found(age_days: float) -> tuple[float | None, ...]:
        store.prune(DAY + 60 + round(age_days * DAY_MINUTES))
        return tuple(store.value(KEY, total, DAY, DAY + minutes) for minutes in (1, 5, 60))

    assert found(14.9) == (1, 5, 60)
    assert found(15.1) == (None, 5, 60)
    assert found(62.9) == (None, 5, 60)
    assert found(63.1) == (None, None, 60)
    assert found(454.9) == (None, None, 60)
    assert found(455.1) == (None, None, None)
    assert store.keys() == []


def test_late_sample_is_merged_into_its_point():
    store = RetainedMetrics()
    for minute, value in ((DAY, 1), (DAY + 1, 5), (DAY + 40, 1)):
        store.add(KEY, minute, value)
    store.prune(DAY + 60)
    store.add(KEY, DAY + 1, 3)
    store.add(KEY, DAY + 20, 7)
    for now in (DAY + 60, DAY + 61):  # before and after it is packed
        store.prune(now)
        assert [store.value(KEY, Statistic.parse(name), DAY, DAY + 30) for name in ("Sum", "p50", "Maximum")] == [
            16,
            3,
            7,
        ]


def test_percentile_of_many_different_values_is_within_two_percent_of_the_exact_one():
    random.seed(2)
    samples, values = Samples(), [random.lognormvariate(3, 1) for _ in range(20_000)]
    for value in values:
        samples.add(value)
    assert len(samples.values) <= DISTINCT_MAX
    for share in (0.01, 0.5, 0.9, 0.99, 0.999):
        assert samples.percentile(share) == pytest.approx(sorted(values)[round(share * 20_000) - 1], rel=0.02)
    assert samples.total == pytest.approx(sum(values))
    assert (samples.low, samples.high, samples.count) == (min(values), max(values), 20_000)


@pytest.mark.parametrize("values", [[-1.0, 0.0, 1e-300, 1e300], [1e108, -1e108], [5.0]])
def test_extreme_values_survive_packing(values: list[float]):
    samples = Samples()
    for value in values * 2 + [1.0 + number / 7 for number in range(500)]:
        samples.add(value)
    kept = Samples.unpacked(samples.total, samples.count, samples.low, samples.high, samples.packed())
    assert kept.percentile(1) == pytest.approx(max(*values, 1 + 499 / 7), rel=0.1)


def test_percentile_of_a_statistic_set_is_unknown():
    store = RetainedMetrics()
    store.add_set(KEY, DAY, 10, 4, 1, 5, "Count")
    assert store.value(KEY, Statistic.parse("p50"), DAY, DAY + 1) is None
    assert [store.value(KEY, Statistic.parse(name), DAY, DAY + 1) for name in STATISTICS[:5]] == [10, 2.5, 1, 5, 4]


def test_metrics_beyond_the_limit_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "METRICS_MAX", 2)
    store = RetainedMetrics()
    for number in range(4):
        store.add(MetricKey.of("N", f"m{number}"), DAY, 1)
    assert (len(store.keys()), store.dropped) == (2, 2)


def simulate(minutes: int, *, prune: bool = True) -> int:
    """Publish 100 metrics each minute, 15 of them with many values; returns the bytes that the store holds."""
    random.seed(3)
    flat = [MetricKey.of("N", f"flat{number}") for number in range(85)]
    varied = [MetricKey.of("N", f"varied{number}") for number in range(15)]
    tracemalloc.start()
    store = RetainedMetrics()
    for minute in range(DAY, DAY + minutes):
        store.add_all(minute, [(key, 1.0, "Count") for key in flat])
        for key in varied:
            for _ in range(5):
                store.add(key, minute, random.random() * 100)
        if prune:
            store.prune(minute)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size


def test_memory_grows_by_less_than_the_stated_bytes_a_minute():
    four_hours = simulate(240)
    stated = 120 * (100 * 36 + 15 * 512)
    # A list grows in steps.
    assert four_hours - simulate(120) < 1.3 * stated
    assert simulate(240, prune=False) > 2 * four_hours  # the control: without pruning it is more


@pytest.mark.soak
def test_a_week_fits_in_the_stated_memory():
    assert simulate(7 * DAY_MINUTES) < 120_000_000
