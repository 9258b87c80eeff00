"""Nothing measured is lost, whatever the order of invocations, failures and ends; a failure never waits."""

import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.metrics import EACH_VALUE, FAILURES, HOLD_SECONDS, LARGEST_VALUE, UNHURRIED, VALUES_MAX, Metrics
from handlers.vocabulary import MetricName
from localcloud.cloudwatch.emf import read_line

START = 1_800_000_000.0
SUMMED = MetricName.QUERY_SUCCESS
EACH = MetricName.EVENT_AGE
LARGEST = MetricName.RECORD_BYTES


class Clock:
    def __init__(self) -> None:
        self.seconds = START

    def __call__(self) -> float:
        return self.seconds


class Function:
    """A process that invokes, and CloudWatch that reads what it writes."""

    def __init__(self, kind=Metrics) -> None:
        self.clock, self.lines = Clock(), []
        self.metrics = kind("query", "dev", now=self.clock, write_line=self.lines.append)

    def invoke(self, *values, after=0.0, seconds=0.0, failed=False):
        self.clock.seconds += after
        self.metrics.begin()
        self.clock.seconds += seconds
        for name, value in values:
            self.metrics.measure(name, value)
        return self.metrics.end(failed=failed)

    def kill_in_an_invocation(self, *values, after=0.0):
        self.clock.seconds += after
        self.metrics.begin()
        for name, value in values:
            self.metrics.measure(name, value)

    def make_busy(self):
        while self.invoke((SUMMED, 0)):
            pass
        self.metrics.write()
        self.lines.clear()

    def read(self):
        """By minute and metric: the values."""
        found = defaultdict(list)
        for line in self.lines:
            document = read_line(line, now=self.clock.seconds)
            assert document is not None
            assert document.timestamp is not None
            for sample in document.samples:
                found[document.timestamp // 60, sample.key.name].append(sample.value)
        return found


def combined(name, values):
    return values if name in EACH_VALUE else [max(values) if name in LARGEST_VALUE else sum(values)]


amounts = st.integers(0, 3)
invocations = st.fixed_dictionaries(
    {
        "after": st.sampled_from([0, 0, 0, 1, 9, 11, 61]),
        "seconds": st.sampled_from([0, 0, 2]),
        "success": amounts,
        "ages": st.lists(st.integers(0, 90_000), max_size=250),
        "failure": st.sampled_from([0, 0, 0, 1]),
        "raises": st.sampled_from([False, False, False, True]),
        "ends": st.sampled_from([False, False, False, False, True]),
    }
)


def check_that_sums_survive(kind, runs, *, is_busy):
    function = Function(kind)
    if is_busy:
        function.make_busy()
    measured = defaultdict(list)
    for run in runs:
        values = [(SUMMED, run["success"]), *[(EACH, age) for age in run["ages"]], (LARGEST, run["success"])]
        values.append((MetricName.QUERY_ERROR, run["failure"]))
        function.invoke(*values, after=run["after"], seconds=run["seconds"], failed=run["raises"])
        for name, value in values:
            measured[function.clock.seconds // 60, name].append(value)
        if run["ends"]:
            function.metrics.write()
    function.metrics.write()
    written = function.read()
    assert written.keys() == measured.keys()
    for key, values in measured.items():
        name = key[1]
        if name in EACH_VALUE:
            assert Counter(written[key]) == Counter(values)
        else:
            assert combined(name, written[key]) == combined(name, values)


@given(st.lists(invocations, max_size=12), st.booleans())
def test_everything_measured_is_written_in_its_minute(runs, is_busy):
    check_that_sums_survive(Metrics, runs, is_busy=is_busy)


class Forgetful(Metrics):
    """Loses what it holds when the minute ends."""

    def begin(self):
        self._held = {}
        super().begin()


class Mixing(Metrics):
    """Writes the values of two minutes as those of one."""

    def end(self, *, failed):
        self._held_until = self._now()
        return super().end(failed=failed)


@pytest.mark.parametrize("kind", [Forgetful, Mixing])
def test_control_lost_or_mixed_values_are_caught(kind):
    run = {"after": 0, "seconds": 0, "success": 1, "ages": [], "failure": 0, "raises": False, "ends": False}
    runs = [{**run, "after": 55}, *[run] * 6, {**run, "after": 9}]  # busy again, then in the next minute
    check_that_sums_survive(Metrics, runs, is_busy=True)
    with pytest.raises(AssertionError):
        check_that_sums_survive(kind, runs, is_busy=True)


def test_quiet_function_writes_after_each_invocation():
    function = Function()
    for _ in range(UNHURRIED):
        assert function.invoke((SUMMED, 1))
    assert not function.invoke((SUMMED, 1))
    assert all(function.invoke((SUMMED, 1), after=HOLD_SECONDS) for _ in range(5))


def test_busy_function_writes_every_few_seconds():
    function = Function()
    function.make_busy()
    for _ in range(10 * HOLD_SECONDS * 4):
        function.invoke((SUMMED, 1), after=0.25)
    # One more at the end of a minute.
    assert 10 <= len(function.lines) <= 10 + 2
    function.metrics.write()
    assert sum(value for values in function.read().values() for value in values) == 10 * HOLD_SECONDS * 4


def test_every_metric_of_a_failure_is_one_that_never_waits():
    failed = ("Invalid", "Failed", "Exhausted", "Late", "Error", "Slow", "Malformed")
    assert {name for name in MetricName if name.endswith(failed)} == FAILURES


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_failure_never_waits(name):
    function = Function()
    function.make_busy()
    assert not function.invoke((name, 0))
    assert function.invoke((name, 1))
    assert any(json.loads(line)[name] for line in function.lines)


def test_invocation_that_raises_or_is_slow_never_waits():
    function = Function()
    function.make_busy()
    assert not function.invoke((MetricName.BATCH_DURATION, 1000))
    assert function.invoke((MetricName.BATCH_DURATION, 1001))
    assert function.invoke((SUMMED, 1), failed=True)


def test_process_that_is_killed_loses_only_what_is_young():
    function = Function()
    function.make_busy()
    function.invoke((SUMMED, 1))
    function.kill_in_an_invocation((SUMMED, 2), after=HOLD_SECONDS)
    assert [json.loads(line)[SUMMED] for line in function.lines] == [[1]]


def test_end_in_an_invocation_writes_what_earlier_ones_measured():
    function = Function()
    function.make_busy()
    function.invoke((SUMMED, 1))
    function.kill_in_an_invocation((SUMMED, 2))
    function.metrics.write()
    assert [json.loads(line)[SUMMED] for line in function.lines] == [[1]]


def test_object_has_at_most_so_many_values_of_a_metric():
    function = Function()
    function.invoke(*[(EACH, 1)] * (2 * VALUES_MAX + 1), (SUMMED, 1))
    objects = [json.loads(line) for line in function.lines]
    assert [len(found[EACH]) for found in objects] == [VALUES_MAX, VALUES_MAX, 1]
    assert [SUMMED in found for found in objects] == [True, False, False]


def test_function_that_may_not_hold_writes_after_each_invocation():
    written = []
    metrics = Metrics("query", "dev", hold_seconds=0, write_line=written.append)
    for _ in range(2 * UNHURRIED):
        metrics.begin()
        metrics.measure(SUMMED, 1)
        assert metrics.end(failed=False)
    assert len(written) == 2 * UNHURRIED
