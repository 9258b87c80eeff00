"""Stacks recorded for each level of traffic, days simulated on them, and their alarms evaluated over those days."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localcloud.cloudwatch.alarms import Alarm, read_alarms
from localcloud.cloudwatch.evaluator import Evaluator, History, Reading
from localcloud.cloudwatch.metrics import MetricStore
from tests.recorder import PROD_OVERLAY, record
from tests.simulation.conditions import LEVELS, Fault, Traffic, conditions
from tests.simulation.lab import Lab
from tests.simulation.model import System
from tests.simulation.names import Plant

SETTINGS = PROD_OVERLAY | {"monitoring": "full"}


@dataclass(frozen=True)
class Stack:
    """One recorded program: the plant the model runs, and the alarms the model never sees."""

    traffic: Traffic
    plant: Plant
    lab: Lab
    alarms: tuple[Alarm, ...]
    prefix: str

    def alarm_id(self, name: str) -> str:
        """The id of an alarm."""
        return name.removeprefix(self.prefix)

    def alarm(self, alarm_id: str) -> Alarm:
        """The alarm with that id."""
        return next(alarm for alarm in self.alarms if alarm.name == self.prefix + alarm_id)


@functools.cache
def stack_for(level: str) -> Stack:
    """The stack of that level of traffic, recorded once."""
    traffic = next(one for one in LEVELS if one.name == level)
    graph = record("prod", SETTINGS | dict(traffic.settings))
    plant = Plant.of(graph)
    return Stack(traffic, plant, Lab(plant), tuple(read_alarms(graph.resources)), f"event-processing-{plant.stack}-")


def simulate(stack: Stack, start: int, end: int, faults: Sequence[Fault] = (), *, seed: str = "normal") -> MetricStore:
    """The metrics of the minutes from `start` up to `end`, counted from a midnight."""
    store = MetricStore()
    system = System(stack.plant, stack.lab, stack.traffic, store, f"{seed}, {stack.traffic.name}")
    for minute in range(start, end):
        system.run_minute(minute, conditions(minute, faults))
    return store


def evaluate(
    alarms: Iterable[Alarm], store: MetricStore, start: int, end: int, reading: Reading | None = None
) -> History:
    """What alarms that were made at `start` do until `end`."""
    return Evaluator(alarms, store, reading).run(start, end)
