"""Stacks recorded for each level of traffic, days simulated on them, and their alarms evaluated over those days."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localcloud.cloudwatch.alarms import Alarm, read_alarms
from localcloud.cloudwatch.evaluator import Evaluator, History, Reading
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from localcloud.progress import Step
from simulation.conditions import DAY_MINUTES, LEVELS, Fault, Traffic, conditions
from simulation.lab import Lab
from simulation.model import System
from simulation.names import Plant

SETTINGS = PROD_OVERLAY | {"monitoring": "full"}


@dataclass(frozen=True)
class Stack:
    """One recorded program: the plant the model runs, and the alarms the model never sees."""

    traffic: Traffic
    plant: Plant
    lab: Lab
    alarms: tuple[Alarm, ...]
    prefix: str

    @classmethod
    def of(cls, graph: Graph, traffic: Traffic) -> "Stack":
        """The recorded program under that much traffic."""
        plant = Plant.of(graph)
        return cls(traffic, plant, Lab(plant), tuple(read_alarms(graph.resources)), f"event-processing-{plant.stack}-")

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
    return Stack.of(record("prod", SETTINGS | dict(traffic.settings)), traffic)


def simulate(
    stack: Stack,
    start: int,
    end: int,
    faults: Sequence[Fault] = (),
    *,
    seed: str = "normal",
    step: Step | None = None,
) -> MetricStore:
    """The metrics of the minutes from `start` up to `end`, counted from a midnight; `step` shows how far it is."""
    store = MetricStore()
    system = System(stack.plant, stack.lab, stack.traffic, store, f"{seed}, {stack.traffic.name}")
    for minute in range(start, end):
        if step and not minute % 60:
            step.update(f"{minute // DAY_MINUTES} of {end // DAY_MINUTES} days")
        system.run_minute(minute, conditions(minute, faults))
    return store


def evaluate(
    alarms: Iterable[Alarm], store: MetricStore, start: int, end: int, reading: Reading | None = None
) -> History:
    """What alarms that were made at `start` do until `end`."""
    return Evaluator(alarms, store, reading).run(start, end)
