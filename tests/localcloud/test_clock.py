"""The clocks of a cloud: a faster one begins with a minute, and times of this machine have their place in it."""

import json

import pytest

from localcloud.cloudwatch.metrics import MetricKey, Statistic
from localcloud.emulator.observed import observatory_for
from localcloud.observatory import clock
from localcloud.observatory.clock import Clock, CompressedClock, RealClock, SteppedClock
from localcloud.observatory.meter import Meter
from localcloud.observatory.retention import RetainedMetrics

BEGIN = 1_767_600_000.0
EMF = {"Namespace": "N", "Dimensions": [[]], "Metrics": [{"Name": "m"}]}


class Machine:
    """The time of this machine, which a test advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = BEGIN + 7
        monkeypatch.setattr(clock.time, "time", lambda: self.seconds)
        monkeypatch.setattr(clock.time, "monotonic", lambda: self.seconds - 500)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_compressed_clock_begins_with_the_minute_and_runs_faster(machine: Machine):
    compressed = CompressedClock(12)
    assert compressed.now() == BEGIN
    machine.seconds += 5
    assert compressed.now() == BEGIN + 60
    assert compressed.when_here_was(machine.seconds - 2.5) == BEGIN + 30


def test_clock_that_is_set_back_does_not_turn_the_cloud_back(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    compressed = CompressedClock(12)
    machine.seconds += 5
    monkeypatch.setattr(clock.time, "time", lambda: BEGIN - 3600)
    assert compressed.now() == BEGIN + 60


@pytest.mark.parametrize(("made", "minute"), [(CompressedClock, 4), (lambda _: RealClock(), 0)], ids=["fast", "real"])
def test_metric_of_a_function_is_in_the_minute_of_the_cloud(machine: Machine, made: type[CompressedClock], minute: int):
    """The second case is the control: functions stamp their metrics with the time of this machine."""
    store = RetainedMetrics()
    meter = Meter(store, running := made(12))
    machine.seconds += 20
    logged = json.dumps({"m": 1, "_aws": {"Timestamp": machine.seconds * 1000, "CloudWatchMetrics": [EMF]}})
    machine.seconds += 1
    meter.log_lines("group", [logged])
    first = int(BEGIN // 60)
    assert int(running.now() // 60) == first + minute
    assert store.value(MetricKey.of("N", "m"), Statistic("Sum"), first + minute, first + minute + 1) == 1


def test_metric_of_a_function_is_in_the_minute_of_a_stepped_cloud(machine: Machine):
    stepped = SteppedClock(BEGIN)
    machine.seconds += 2.0005
    stepped.advance(600)
    at = machine.seconds // 0.001 * 0.001  # before the step, by less than functions can say
    assert stepped.when_here_was(at) == BEGIN + 600
    assert stepped.when_here_was(at - 1) == BEGIN
    assert [stepped.when_here_was(machine.seconds + beside) for beside in (-3600, 60)] == [
        machine.seconds - 3600,
        machine.seconds + 60,
    ]


@pytest.mark.parametrize(
    ("arguments", "kind"), [([], RealClock), (["--minute=5"], CompressedClock), ([f"--stepped={BEGIN}"], SteppedClock)]
)
def test_arguments_choose_the_clock(arguments: list[str], kind: type[Clock]):
    observatory, unplugged = observatory_for([*arguments, "--unplugged=observer"])
    assert (type(observatory.clock), unplugged) == (kind, "observer")
