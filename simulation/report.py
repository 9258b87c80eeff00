"""The report on alert quality: what the alarms do in every scenario and on normal days.

The simulations run on every core and print their progress on stderr.
"""

import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.states import State
from simulation.conditions import DAY_MINUTES, LEVELS, Traffic
from simulation.fingerprint import fingerprint
from simulation.harness import Simulation, Stack, simulate, stack_for
from simulation.proof import PLAN, Proof, prove
from simulation.scenarios import SCENARIOS, Scenario, scenario_named
from simulation.verdicts import MAIL, PAGE, TICKET, Severity, Verdict, judge, severity

Alerts = Counter[tuple[Severity, str]]
"""The number of alerts by severity and alarm ID."""
PROMPT_MINUTES = 5
UNEXPLAINED = "**unexplained**"

INTRODUCTION = """# Alert quality

`make alert-quality` generates this page; do not edit it. The alarms are read from the recorded program and evaluated
as CloudWatch documents it, over the metrics of a simulated system at three levels of traffic. The queue, the
functions and the API follow AWS's documentation; the metrics of the handlers come from the handlers themselves. The
simulation never reads an alarm. It cannot show how CloudWatch behaves beyond its documentation.

A *page* is P1, a *ticket* P2, a *mail* P3. An alert is *false* when it does not belong to the fault.

*Minutes to detect* count from the start of the fault to the first alert that must fire. *Minutes to clear* count from
the end of the fault until the last alarm of the fault has cleared: 0 if it cleared earlier, "more than" if the
simulation ended first. Dead letters are handled an hour after the fault. Until then `dlq-not-empty` is in alarm, as
after the invalid events of a normal day, so it counts neither as false nor for the minutes to clear.
"""


def row(verdict: Verdict) -> str:
    """The verdict's row in the table of faults."""
    cells = (
        verdict.scenario,
        verdict.level.name,
        verdict.first if verdict.is_found else "**missed**",
        "-" if verdict.minutes_to_detect is None else str(verdict.minutes_to_detect),
        f"more than {verdict.settle}" if verdict.minutes_to_clear is None else str(max(0, verdict.minutes_to_clear)),
        _counted(verdict.pages),
        _counted(verdict.tickets),
        _counted(verdict.mails),
        ", ".join(verdict.false_alerts),
    )
    return f"| {' | '.join(cells)} |"


def _counted(alarms: Iterable[str]) -> str:
    return ", ".join(name if count == 1 else f"{name} x {count}" for name, count in Counter(alarms).items())


def alerts_of(stack: Stack, start: int, end: int) -> Alerts:
    """The alerts without any fault, in the minutes from `start` up to `end`."""
    history = Evaluator(stack.alarms, simulate(stack, start, end)).run(start, end)
    return Counter(
        (severity(notification), stack.alarm_id(notification.alarm))
        for notification in history.notifications
        if notification.state is State.ALARM
    )


def summary(verdicts: list[Verdict]) -> str:
    """Precision, recall, promptness and pages per fault over all verdicts."""
    scenarios = {scenario.name: scenario for scenario in SCENARIOS}
    severe = [verdict for verdict in verdicts if scenarios[verdict.scenario].page]
    found = sum(verdict.is_found for verdict in verdicts)
    alerts = [(verdict, alarm) for verdict in verdicts for alarm in verdict.pages + verdict.tickets + verdict.mails]
    told = len(alerts)
    wrong = sum(alarm in verdict.false_alerts for verdict, alarm in alerts)
    prompt = [verdict.minutes_to_detect for verdict in severe if verdict.minutes_to_detect is not None]
    pages = sum(len(verdict.pages) for verdict in severe)
    faults = sum(1 + len(scenarios[verdict.scenario].second) for verdict in severe)
    late = [verdict for verdict in severe if (verdict.minutes_to_detect or 0) > PROMPT_MINUTES]
    again = [verdict for verdict in verdicts if len(set(verdict.pages)) < len(verdict.pages)]
    return "\n".join(
        (
            f"- Recall: {found} of {len(verdicts)} faults raised an alert.",
            f"- Precision: {told - wrong} of {told} alerts belonged to the fault.",
            f"- Of {len(severe)} faults that must page, {sum(minutes <= PROMPT_MINUTES for minutes in prompt)} paged "
            f"within {PROMPT_MINUTES} minutes. The median was {sorted(prompt)[len(prompt) // 2]} minutes, the maximum "
            f"{max(prompt)}.",
            f"- Pages per fault that must page: {pages / faults:.1f}, at most {max(len(one.pages) for one in severe)}."
            " A fault that breaks both journeys pages for each journey.",
            f"- {len(again)} of {len(verdicts)} faults paged more than once by the same alarm:",
            *(
                f"  - {one.scenario} at {one.level}: {scenarios[one.scenario].again.get(one.level, UNEXPLAINED)}"
                for one in again
            ),
            f"- {len(late)} of {len(severe)} faults paged later than {PROMPT_MINUTES} minutes (in parentheses):",
            *(f"  - {one.scenario} at {one.level} ({one.minutes_to_detect}): {_late(one, scenarios)}" for one in late),
        )
    )


def _late(verdict: Verdict, scenarios: Mapping[str, Scenario]) -> str:
    return scenarios[verdict.scenario].late.get(verdict.level, UNEXPLAINED)


@dataclass(frozen=True)
class Results:
    """Everything that is simulated for the document."""

    days: int
    told: Mapping[Traffic, Alerts]
    """The alerts of normal days."""
    verdicts: list[Verdict]
    proofs: list[Proof]


def simulated(days: int) -> Results:
    """Simulate every fault and the normal days on every core, the longest first."""
    faults = [(scenario.name, level) for scenario in SCENARIOS for level in scenario.levels]
    longest_first = sorted(faults, key=lambda fault: -_weight(*fault))
    with ProcessPoolExecutor(initializer=_end_when_the_parent_does) as pool:
        verdicts = {fault: pool.submit(_judge_and_prove, *fault) for fault in longest_first}
        normal = {level: pool.submit(_normal_days, level, days) for level in reversed(LEVELS)}
        # Ctrl-C ends the workers too, and a pool that has lost one gives up what is left.
        print_progress(
            {f"{days} normal days at {level}": job for level, job in normal.items()}
            | {f"{name} at {level}": job for (name, level), job in verdicts.items()}
        )
    results = [verdicts[fault].result() for fault in faults]
    return Results(
        days=days,
        told={level: normal[level].result() for level in LEVELS},
        verdicts=[verdict for verdict, _ in results],
        proofs=[proof for _, proofs in results for proof in proofs],
    )


def _end_when_the_parent_does() -> None:
    """Let this worker end at Ctrl-C, which it would take for an error of its work, and when its parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _weight(name: str, level: Traffic) -> float:
    scenario = scenario_named(name)
    return (scenario.until - scenario.since) * (2 if level == LEVELS[-1] else 1)


def _normal_days(level: Traffic, days: int) -> Alerts:
    return alerts_of(stack_for(level), 0, days * DAY_MINUTES)


def _judge_and_prove(name: str, level: Traffic) -> tuple[Verdict, list[Proof]]:
    """The verdict on one fault, and the proofs of the alarms that it must make fire."""
    simulation = Simulation.of(name, level)
    alarm_ids = [alarm_id for alarm_id, fault in PLAN.items() if fault == (name, level)]
    return judge(simulation), [prove(alarm_id, simulation) for alarm_id in alarm_ids]


def print_progress(jobs: Mapping[str, Future], write: Callable[[str], None] | None = None) -> None:
    """Write a line for each job when it finishes."""
    write = write or functools.partial(print, file=sys.stderr, flush=True)
    started, names = time.monotonic(), {job: name for name, job in jobs.items()}
    for number, job in enumerate(as_completed(names), start=1):
        write(f"{number} of {len(names)} after {time.monotonic() - started:.0f} s: {names[job]}")


def proven(results: Results) -> str:
    """How many alarms and mutants there are, and how many of them passed."""
    proofs = results.proofs
    whole = [proof for proof in proofs if not proof.failings]
    mutants = [found for proof in proofs for found in proof.mutants.values()]
    told = {alarm_id for level in results.told.values() for _, alarm_id in level}
    telling = {
        stack.alarm_id(alarm.name)
        for stack in map(stack_for, LEVELS)
        for alarm in stack.alarms
        if alarm.actions.topics(State.ALARM)
    }
    return "\n".join(
        (
            f"- Of {len(proofs)} alarms, {len(whole)} were quiet before the fault, fired during it and cleared after.",
            f"- Of {len(mutants)} wrong versions, two of each alarm, {sum(map(bool, mutants))} were noticed.",
            f"- Of {len(telling)} alarms that notify, {len(telling - told)} sent no notification on a normal day.",
        )
    )


def document(results: Results) -> str:
    """The whole document."""
    minutes = ("minutes to detect", "minutes to clear")
    head = ("fault", "traffic", "first alert", *minutes, "pages", "tickets", "mails", "false alerts")
    quiet = []
    for level, told in results.told.items():
        for kind, word in ((PAGE, "pages"), (TICKET, "tickets"), (MAIL, "mails")):
            found = {alarm_id: count for (priority, alarm_id), count in told.items() if priority is kind}
            names = ", ".join(f"{alarm_id} x {count}" for alarm_id, count in sorted(found.items()))
            quiet.append(f"| {level} | {word} | {sum(found.values())} | {names} |")
    return "\n".join(
        (
            INTRODUCTION,
            f"<!-- fingerprint {fingerprint()} -->\n",
            "## In short\n",
            proven(results),
            summary(results.verdicts),
            f"\n## {results.days} normal days\n",
            "| traffic | alert | count | alarms |\n|---|---|---|---|",
            *quiet,
            "\n## Faults\n",
            f"| {' | '.join(head)} |\n|{'---|' * len(head)}",
            *map(row, results.verdicts),
            "",
        )
    )
