"""Stacks recorded for each level of traffic, simulated over time, and their alarms evaluated."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localcloud.cloudwatch.alarms import Alarm, read_alarms
from localcloud.cloudwatch.evaluator import Assumptions, Evaluator, History
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from localcloud.progress import Step
from simulation.conditions import DAY_MINUTES, Fault, Traffic, conditions
from simulation.invocations import HandlerRunner
from simulation.model import SystemModel
from simulation.scenarios import Scenario, scenario_named
from simulation.topology import Topology

SETTINGS = PROD_OVERLAY | {"monitoring": "full"}


@dataclass(frozen=True)
class Stack:
    """A recorded program: the topology that the model simulates, and the alarms that the model never sees."""

    traffic: Traffic
    topology: Topology
    handlers: HandlerRunner
    alarms: tuple[Alarm, ...]
    prefix: str

    @classmethod
    def of(cls, graph: Graph, traffic: Traffic) -> "Stack":
        """The stack of a recorded program under that traffic."""
        topology = Topology.of(graph)
        prefix = f"event-processing-{topology.stack}-"
        return cls(traffic, topology, HandlerRunner(topology), tuple(read_alarms(graph.resources)), prefix)

    def alarm_id(self, name: str) -> str:
        """The ID of an alarm, from its name."""
        return name.removeprefix(self.prefix)

    def alarm(self, alarm_id: str) -> Alarm:
        """The alarm with that ID."""
        return next(alarm for alarm in self.alarms if alarm.name == self.prefix + alarm_id)


@functools.cache
def stack_for(traffic: Traffic) -> Stack:
    """The stack for that traffic, recorded once."""
    return Stack.of(record("prod", SETTINGS | traffic.settings), traffic)


def simulate(
    stack: Stack, start: int, end: int, faults: Sequence[Fault] = (), *, seed: str = "normal", step: Step | None = None
) -> MetricStore:
    """The metrics of the minutes from `start` up to `end`, counted from midnight; `step` displays the progress."""
    store = MetricStore()
    model = SystemModel(stack.topology, stack.handlers, stack.traffic, store, f"{seed}, {stack.traffic}")
    for minute in range(start, end):
        if step and not minute % 60:
            step.update(f"{minute // DAY_MINUTES} of {end // DAY_MINUTES} days")
        model.run_minute(minute, conditions(minute, faults))
    return store


@dataclass(frozen=True)
class Simulation:
    """A scenario that was simulated on a stack."""

    scenario: Scenario
    stack: Stack
    store: MetricStore

    @classmethod
    def of(cls, name: str, traffic: Traffic) -> "Simulation":
        """Simulate the scenario of that name."""
        scenario, stack = scenario_named(name), stack_for(traffic)
        store = simulate(stack, scenario.since, scenario.until, scenario.faults(), seed=name)
        return cls(scenario, stack, store)

    def evaluate(self, alarms: Iterable[Alarm], assumptions: Assumptions | None = None) -> History:
        """What these alarms do during the simulation."""
        return Evaluator(alarms, self.store, assumptions).run(self.scenario.since, self.scenario.until)
