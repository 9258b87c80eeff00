"""Simulate the faults of the drills, and write localcloud/drills/expected.json.

A drill heals its fault when its alarm notifies, so each fault is simulated three times for each seed: until the alarm
notifies, healed at that minute, and healed a minute later.
"""

import functools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.states import State
from localcloud.deployer.recorder import record
from localcloud.drills import faults
from localcloud.drills.catalogue import DRILLS, EXPECTATIONS, Drill, DrillName
from localcloud.drills.run import ACTIONS, EVENTS_PER_MINUTE, in_words
from simulation.conditions import A_MINUTE, DAY_MINUTES, Fault
from simulation.harness import Stack, simulate
from simulation.scenarios import scenario_named
from simulation.simulated_table import TableBehaviour
from simulation.verdicts import PAGE, severity
from tools.documents import command_line, write

Changes = Mapping[str, Any]
USUAL_LATENCY_MS = TableBehaviour().latency_ms
SEEDS = tuple(f"drill {number}" for number in range(5))
# At six in the morning, traffic is the average of the day, which is that of a drill.
START, TRAFFIC = DAY_MINUTES + 6 * 60, replace(A_MINUTE, per_second=EVENTS_PER_MINUTE / 60)
BEFORE_MINUTES, LONG_MINUTES, SETTLE_MINUTES = 20, 30, 100
# A drill has no traffic that is wrong by itself.
CLEAN: Changes = dict.fromkeys(("invalid", "duplicates", "conflicts", "client_errors", "rejected_tokens"), 0.0)
QUIET: Changes = {"arrivals": 0.0, "requests": 0.0}
# Which requests a new version gets is luck, so all that belongs to the fault may notify, and the drill's alarm must.
LEFT_TO_CHANCE = {DrillName.BAD_CANARY: scenario_named("a new version crashes, for a tenth of the requests")}


def _more_events(count: int) -> Changes:
    """So many more events a minute, all of which violate the contract."""
    total = EVENTS_PER_MINUTE + count
    return {"arrivals": total / EVENTS_PER_MINUTE, "invalid": count / total}


SIMULATED: Mapping[DrillName, Changes] = {
    DrillName.CONSUMER_STOPPED: {"consumer_runs": False},
    DrillName.FUNCTION_BROKEN: {"handler_fails": "crash"},
    DrillName.TABLE_THROTTLED: {"table": TableBehaviour(writes="throttle")},
    DrillName.TABLE_SLOW: {"table": TableBehaviour(latency_ms=USUAL_LATENCY_MS + faults.SLOW_SECONDS * 1000)},
    DrillName.POISON_FLOOD: _more_events(faults.POISON_MESSAGES),
    DrillName.CONTRACT_BROKEN: _more_events(faults.BROKEN_EVENTS),
    DrillName.PAGER_DOWN: {"consumer_runs": False},
    DrillName.CREDENTIAL_ATTACK: {"attacks_per_minute": float(faults.ATTACKS)},
    DrillName.BAD_RELEASE: {"handler_fails": "crash", "query_fails": "crash"},
    DrillName.BAD_CANARY: {"new_version_crashes": faults.CANARY_SHARE},
    DrillName.TOKENS_DOWN: {"token_endpoint_answers": False},
}


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """What the alarms did about one simulated fault; minutes count from the fault."""

    alerts: tuple[tuple[int, str, str], ...]
    """Minute, alarm and severity of each notification."""
    over: int

    def first(self, is_meant: Callable[[str, str], bool]) -> int | None:
        """The minute of the first notification of such an alarm and severity."""
        return next((minute for minute, alarm, level in self.alerts if is_meant(alarm, level)), None)


def drilled(stack: Stack, drill: Drill, seed: str, minutes: int, settle: int = SETTLE_MINUTES) -> Drilled:
    """The drill's fault on a stack, healed after some minutes, and what followed."""
    fault = Fault(name=drill.name, start=START, minutes=minutes, changes=SIMULATED[drill.name])
    usual = {**CLEAN, **QUIET} if drill.is_quiet else CLEAN
    found = _seen(stack, usual, [fault], seed, settle)
    if drill.name is not DrillName.PAGER_DOWN:
        return found
    # The pages are notifications that fail to be delivered, in the minute in which they are sent.
    undelivered = {minute for minute, _, level in found.alerts if level == PAGE.upper() and minute <= minutes}
    failures = [
        Fault(name="undelivered", start=START + minute, minutes=1, changes={"deliveries_failing": "alerts-p1"})
        for minute in undelivered
    ]
    found = _seen(stack, usual, [fault, *failures], seed, settle)
    received = tuple(a for a in found.alerts if not (a[2] == PAGE.upper() and a[0] in undelivered))
    return replace(found, alerts=received)


def _seen(stack: Stack, usual_changes: Changes, disturbances: Sequence[Fault], seed: str, settle: int) -> Drilled:
    begin, end = START - BEFORE_MINUTES, disturbances[0].end + settle
    usual = Fault(name="usual", start=begin, minutes=end - begin, changes=usual_changes)
    # SQS needs up to 15 minutes to publish metrics of a queue that was not used, and the embedded cloud none.
    with patch("simulation.model.ACTIVATION_MINUTES", 0):
        store = simulate(stack, begin, end, (usual, *disturbances), seed=seed)
    history = Evaluator(stack.alarms, store).run(begin, end)
    alerts = sorted(
        (found.minute - START, stack.alarm_id(found.alarm), severity(found).upper())
        for found in history.notifications
        if found.minute > START and found.state is State.ALARM
    )
    cleared = [change.minute for change in history.transitions if change.state is State.OK]
    return Drilled(alerts=tuple(alerts), over=max(cleared, default=START) - START)


def expectation(stack: Stack, drill: Drill) -> dict[str, Any]:
    """What the alarms of the stack do, over all seeds; AssertionError if the drill's alarm does not notify."""
    runs: list[Drilled] = []
    for seed in SEEDS:
        first = drilled(stack, drill, seed, LONG_MINUTES, settle=0).first(lambda alarm, _: alarm in drill.until)
        assert first is not None, f"{drill.until} did not notify in {LONG_MINUTES} minutes, {seed}"
        runs += (drilled(stack, drill, seed, first + later) for later in (0, 1))
    every = [{alarm for _, alarm, _ in run.alerts} for run in runs]
    severities = {alarm: level for run in runs for _, alarm, level in run.alerts}
    always = set.intersection(*every)
    if scenario := LEFT_TO_CHANCE.get(drill.name):
        always, severities = set(), severities | _severities(stack, scenario.related_alarms)
    levels = sorted(set(severities.values()))
    after = {level: _range(run.first(lambda _, found, level=level: found == level) for run in runs) for level in levels}
    return {
        "severities": dict(sorted(severities.items())),
        "sometimes": sorted(severities.keys() - always),
        "after": {level: limits for level, limits in after.items() if limits},
        "over_after": _range(run.over for run in runs),
    }


def _severities(stack: Stack, alarm_ids: Collection[str]) -> dict[str, str]:
    """The severities of those of these alarms that the stack has and that notify."""
    found = {stack.alarm_id(alarm.name): alarm.actions.topics(State.ALARM) for alarm in stack.alarms}
    return {
        alarm_id: min(topic.rpartition("-")[2] for topic in topics).upper()
        for alarm_id, topics in found.items()
        if topics and alarm_id in alarm_ids
    }


def _range(found: Iterable[int | None]) -> list[int]:
    """The lowest and the highest; nothing if one is missing."""
    minutes = list(found)
    known = [minute for minute in minutes if minute is not None]
    return [min(known), max(known)] if len(known) == len(minutes) else []


@functools.cache
def _stack(settings: str) -> Stack:
    return Stack.of(record("dev", json.loads(settings)), TRAFFIC)


def stack_of(drill: Drill) -> Stack:
    """Stack dev with the settings of a drill, recorded once."""
    return _stack(json.dumps(dict(drill.settings)))


def expectations() -> dict[str, dict[str, Any]]:
    """What is expected of each drill."""
    return {name.value: expectation(stack_of(drill), drill) for name, drill in DRILLS.items()}


def content() -> str:
    """The content of the file."""
    return json.dumps(expectations(), indent=2) + "\n"


def table() -> Iterator[str]:
    """The rows of the drills in README.md."""
    for name, drill in DRILLS.items():
        expected = drill.expected
        alarms = [f"`{alarm}` {ACTIONS[expected.severities[alarm]]}" for alarm in expected.alarms or drill.until]
        minutes = [f"{in_words(*limits)} ({level})" for level, limits in sorted(expected.after.items())]
        over = in_words(*expected.over_after)
        told = (", " if expected.alarms else " or ").join(alarms)
        yield f"| {name} | {drill.begins} | {told} | {', '.join(minutes)} | {over} |"


if __name__ == "__main__":
    command_line("drill_expectations", __doc__).parse_args()
    write(EXPECTATIONS, content())
    print("The rows in README.md:", *table(), sep="\n")
