"""Simulate the faults of the drills on stack dev, and write localcloud/drills/expected.json.

A drill heals its fault at the first page, so each fault is simulated twice: until it pages, and healed at that minute.
"""

import json
from collections.abc import Mapping
from typing import Any

from localcloud.cloudwatch.evaluator import Evaluator, History
from localcloud.cloudwatch.states import State
from localcloud.deployer.recorder import record
from localcloud.drills.catalogue import EXPECTATIONS, DrillName
from simulation.conditions import A_MINUTE, Fault
from simulation.harness import Stack, simulate
from simulation.scenarios import START, scenario_named
from simulation.verdicts import PAGE, severity
from tools.documents import command_line, write

SCENARIOS = {DrillName.CONSUMER_STOPPED: "consumer stopped"}
SEEDS = tuple(f"drill {number}" for number in range(10))
LONG_MINUTES, SETTLE_MINUTES, BEFORE_MINUTES = 60, 120, 120


def history_of(stack: Stack, changes: Mapping[str, Any], minutes: int, seed: str) -> History:
    """What the alarms do about a fault of that length."""
    fault = Fault(name="drill", start=START, minutes=minutes, changes=changes)
    since, until = START - BEFORE_MINUTES, fault.end + SETTLE_MINUTES
    return Evaluator(stack.alarms, simulate(stack, since, until, (fault,), seed=seed)).run(since, until)


def expectation(stack: Stack, changes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What the alarms of the stack do, over all seeds; AssertionError if that is more than pages."""
    pages: set[str] = set()
    paged, over = [], []
    for seed in SEEDS:
        first = min(found.minute for found in _alerts(history_of(stack, changes, LONG_MINUTES, seed)))
        history = history_of(stack, changes, first - START, seed)
        alerts = _alerts(history)
        assert {severity(alert) for alert in alerts} == {PAGE}, f"only pages are expected of a drill: {alerts}"
        pages |= {stack.alarm_id(alert.alarm) for alert in alerts}
        paged.append(min(alert.minute for alert in alerts) - START)
        over.append(max(change.minute for change in history.transitions if change.state is State.OK) - START)
    return {"pages": sorted(pages), "paged_after": [min(paged), max(paged)], "over_after": [min(over), max(over)]}


def _alerts(history: History) -> list[Any]:
    return [found for found in history.notifications if found.minute > START and found.state is State.ALARM]


def expectations() -> str:
    """The content of the file."""
    stack = Stack.of(record("dev"), A_MINUTE)
    found = {drill.value: expectation(stack, scenario_named(name).changes) for drill, name in SCENARIOS.items()}
    return json.dumps(found, indent=2) + "\n"


if __name__ == "__main__":
    command_line("drill_expectations", __doc__).parse_args()
    write(EXPECTATIONS, expectations())
