"""The report on alert quality: what the alarms did in every scenario and on normal days.

It runs on every core, and prints on stderr what is done. The document carries a fingerprint of the alarms and of the
simulation, so that a test notices drift without simulating everything again.
"""

import ast
import functools
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcloud.cloudwatch.alarms import CompositeAlarm, MetricAlarm
from localcloud.cloudwatch.states import State
from simulation.conditions import LEVELS
from simulation.harness import Stack, evaluate, simulate, stack_for
from simulation.judgement import MAIL, PAGE, TICKET, Verdict, severity, verdict_of
from simulation.proof import PLAN, Proof, episode_of, prove
from simulation.scenarios import SCENARIOS, Scenario

ROOT = Path(__file__).parents[1]
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
    """The line of the table that says it."""
    cells = (
        verdict.scenario,
        verdict.level,
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


def fingerprint() -> str:
    """Changes when an alarm does, or the simulation."""
    alarms = [
        # All there is but what is told: texts may change without a new simulation.
        repr(replace(alarm, **({"rule": alarm.rule.text} if isinstance(alarm, CompositeAlarm) else _comparable(alarm))))
        for level in LEVELS
        for alarm in stack_for(level.name).alarms
    ]
    digest = hashlib.sha256(json.dumps(sorted(alarms)).encode())
    for folder in (ROOT / "simulation", ROOT / "localcloud" / "cloudwatch"):
        for source in sorted(folder.glob("*.py")):
            digest.update(code_of(source.read_text()).encode())
    return digest.hexdigest()[:16]


def code_of(source: str) -> str:
    """Return what a module does: its syntax tree without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # A string that stands alone documents what is before it.
            node.body = [part for part in body if not _is_text(part)]  # pyright: ignore[reportAttributeAccessIssue]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _comparable(alarm: MetricAlarm) -> dict[str, Any]:
    metrics = [(metric.id, metric.key[:2], sorted(metric.key.dimensions), metric.statistic) for metric in alarm.metrics]
    return {"expression": alarm.expression.text, "metrics": metrics}


def normal_days(stack: Stack, days: int, first_day: int = 0) -> Counter[tuple[str, str]]:
    """How often which alarm told on so many normal days, by severity and id."""
    start, end = first_day * 1_440, (first_day + days) * 1_440
    history = evaluate(stack.alarms, simulate(stack, start, end), start, end)
    return Counter(
        (severity(one), stack.alarm_id(one.alarm)) for one in history.notifications if one.state is State.ALARM
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
    reason = scenarios[verdict.scenario].late.get(verdict.level, UNEXPLAINED)
    return reason.format(first_event=verdict.first_event, second_request=verdict.second_request)


@dataclass(frozen=True)
class Results:
    """All that is simulated for the document."""

    days: int
    told: Mapping[str, Counter[tuple[str, str]]]
    """On normal days, by level."""
    verdicts: list[Verdict]
    proofs: list[Proof]


def simulated(days: int) -> Results:
    """Every fault and normal day, on every core: the longest faults first, and the days while the last of them run."""
    faults = [(scenario.name, level) for scenario in SCENARIOS for level in scenario.levels]
    longest_first = sorted(faults, key=lambda fault: -_weight(*fault))
    with ProcessPoolExecutor() as pool:
        looked = {fault: pool.submit(_look, *fault) for fault in longest_first}
        quiet = {level.name: pool.submit(_normal_days_at, level.name, days) for level in reversed(LEVELS)}
        tell_progress(
            {f"{days} normal days at {level}": one for level, one in quiet.items()}
            | {f"{name} at {level}": one for (name, level), one in looked.items()}
        )
    found = [looked[fault].result() for fault in faults]
    return Results(
        days=days,
        told={level.name: quiet[level.name].result() for level in LEVELS},
        verdicts=[verdict for verdict, _ in found],
        proofs=[proof for _, proofs in found for proof in proofs],
    )


def _weight(name: str, level: str) -> float:
    scenario = next(one for one in SCENARIOS if one.name == name)
    return (scenario.until - scenario.since) * (2 if level == LEVELS[-1].name else 1)


def _normal_days_at(level: str, days: int) -> Counter[tuple[str, str]]:
    return normal_days(stack_for(level), days)


def _look(name: str, level: str) -> tuple[Verdict, list[Proof]]:
    """What all alarms did about one fault, and the proofs it is the material of."""
    one = episode_of(name, level)
    history = evaluate(one.stack.alarms, one.store, one.scenario.since, one.scenario.until)
    proofs = [prove(alarm_id, one) for alarm_id, episode in PLAN.items() if episode == (name, level)]
    return verdict_of(one.stack, one.scenario, one.store, history), proofs


def tell_progress(jobs: Mapping[str, Future], say: Callable[[str], None] | None = None) -> None:
    """A line for each job that is done, in the order in which they are."""
    say = say or functools.partial(print, file=sys.stderr, flush=True)
    started, names = time.monotonic(), {job: name for name, job in jobs.items()}
    for number, job in enumerate(as_completed(names), start=1):
        say(f"{number} of {len(names)} after {time.monotonic() - started:.0f} s: {names[job]}")


def proven(results: Results) -> str:
    """How many alarms there are, what each was seen to do, and how many wrong ones were noticed."""
    proofs = results.proofs
    whole = [proof for proof in proofs if not proof.failings]
    mutants = [found for proof in proofs for found in proof.mutants.values()]
    told = {alarm_id for level in results.told.values() for _, alarm_id in level}
    telling = {
        stack.alarm_id(alarm.name)
        for level in LEVELS
        for stack in [stack_for(level.name)]
        for alarm in stack.alarms
        if alarm.actions.told(State.ALARM)
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
            found = {alarm_id: count for (one, alarm_id), count in told.items() if one == kind}
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
