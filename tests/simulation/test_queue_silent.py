"""A probe does not hide a silent producer, and neither a stopped nor a crashing consumer looks like one."""

from dataclasses import replace

import pytest

from localcloud.cloudwatch.alarms import MetricAlarm, read_alarms
from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.expressions import parse
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.states import State
from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws

MINUTES = 60
# What is sent and what the consumer counts in each minute: sent, real, probed; None where it counts nothing.
MIXED = (6, 5, 1)
CASES = {
    "real events beside the probe": (MIXED, State.OK),
    "one real event in five minutes": (None, State.OK),
    "the probe alone": ((1, 0, 1), State.ALARM),
    "stopped consumer": ((1, None, None), State.OK),
    "crashing batches of real events": ((6, None, 1), State.OK),
}


@pytest.fixture(scope="module")
def alarm(extended_graph: Graph) -> MetricAlarm:
    [found] = read_alarms([extended_graph.one(aws.ALARM, "queue-silent")])
    assert isinstance(found, MetricAlarm)
    return replace(found, warm_up_minutes=0)


def state_after(alarm: MetricAlarm, counts: tuple[int | None, ...] | None) -> State:
    keys = {metric.id: metric.key for metric in alarm.metrics}
    store = MetricStore()
    for minute in range(MINUTES):
        sent, real, probed = counts or ((2, 1, 1) if minute % 5 == 0 else (1, 0, 1))
        for identifier, value in {"sent": sent, "real": real, "probed": probed}.items():
            if value is not None:
                store.add(keys[identifier], minute, value)
    evaluator = Evaluator([alarm], store)
    evaluator.run(30, MINUTES)
    return evaluator.states[alarm.name]


@pytest.mark.parametrize("case", CASES)
def test_alarm_tells_silence_from_other_faults(alarm: MetricAlarm, case: str) -> None:
    counts, expected = CASES[case]
    assert state_after(alarm, counts) is expected


def test_control_alarm_on_what_is_sent_misses_the_silence(alarm: MetricAlarm) -> None:
    sent = replace(alarm, expression=parse("FILL(sent, 0)", {metric.id for metric in alarm.metrics}))
    assert state_after(sent, (1, 0, 1)) is State.OK


def test_control_alarm_without_what_is_sent_takes_a_crash_for_silence(alarm: MetricAlarm) -> None:
    text = "IF(FILL(probed, 0) > 0, FILL(real, 0), 1)"
    blind = replace(alarm, expression=parse(text, {metric.id for metric in alarm.metrics}))
    assert state_after(blind, (6, None, 1)) is State.ALARM
