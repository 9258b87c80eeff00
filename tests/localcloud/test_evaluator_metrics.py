"""Statistics over windows of whole minutes match CloudWatch's."""

import pytest

from localcloud.cloudwatch.metrics import MetricKey, MetricStore, Statistic

KEY = MetricKey.of("N", "m", {"d": "1"})


@pytest.fixture
def store():
    store = MetricStore()
    for minute, value, count in [(0, 4, 1), (0, 2, 3), (2, 10, 1), (100, 7, 2)]:
        store.add(KEY, minute, value, count)
    return store


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        *[("Sum", 20), ("Average", 4), ("Minimum", 2), ("Maximum", 10), ("SampleCount", 5)],
        *[("p50", 2), ("p80", 4), ("p81", 10), ("p99.9", 10)],
    ],
)
@pytest.mark.parametrize("window", [(0, 5), (-60, 60)], ids=["short", "long"])
def test_statistic_of_a_window(store, statistic, expected, window):
    assert store.value(KEY, Statistic.parse(statistic), *window) == expected


@pytest.mark.parametrize("statistic", ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50"])
@pytest.mark.parametrize("window", [(1, 2), (5, 90), (5, 5), (5, 2), (200, 300)])
def test_window_without_samples_has_no_value(store, statistic, window):
    assert store.value(KEY, Statistic.parse(statistic), *window) is None


def test_different_dimensions_are_a_different_metric(store):
    assert store.value(MetricKey.of("N", "m", {"d": "2"}), Statistic.parse("Sum"), 0, 200) is None
    assert store.value(MetricKey.of("N", "m"), Statistic.parse("Sum"), 0, 200) is None
    assert list(store.keys()) == [KEY]


def test_running_totals_include_samples_added_later(store):
    assert store.value(KEY, Statistic.parse("Sum"), 0, 200) == 34
    store.add(KEY, 50, 1)
    assert store.value(KEY, Statistic.parse("Sum"), 0, 200) == 35


@pytest.mark.parametrize("text", ["IQM", "TM(1%:90%)", "p0", "p100", "sum", "p", ""])
def test_unsupported_statistic_is_an_error(text):
    with pytest.raises(ValueError, match="is not supported"):
        Statistic.parse(text)


@pytest.mark.parametrize(("text", "needed"), [("p90", 100), ("p99", 1000), ("p10", 100), ("Sum", 0)])
def test_samples_needed_match_the_documentation(text, needed):
    assert Statistic.parse(text).samples_needed == pytest.approx(needed)
