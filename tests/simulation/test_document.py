"""docs/alert-quality.md belongs to these alarms and this simulation, and explains each late or repeated page."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from simulation.conditions import A_MINUTE
from simulation.fingerprint import fingerprint
from simulation.harness import Simulation
from simulation.report import PROMPT_MINUTES, UNEXPLAINED, print_progress, row
from simulation.scenarios import SCENARIOS, Scenario
from simulation.verdicts import judge
from tools.alert_quality import DOCUMENT

Fault = tuple[str, str]


def rows_of(document: str) -> list[list[str]]:
    names = {scenario.name for scenario in SCENARIOS}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in document.splitlines()]
    return [cells for cells in rows if cells[0] in names]


def late(rows: Iterable[Sequence[str]]) -> set[Fault]:
    """Faults whose page was late."""
    paging = {scenario.name for scenario in SCENARIOS if scenario.page}
    return {(name, level) for name, level, _, minutes, *_ in rows if name in paging and int(minutes) > PROMPT_MINUTES}


def repeated(rows: Iterable[Sequence[str]]) -> set[Fault]:
    """Faults for which the same alarm paged more than once."""
    return {(cells[0], cells[1]) for cells in rows if " x " in cells[5]}


def explained(scenarios: Iterable[Scenario], kind: str) -> set[Fault]:
    return {(scenario.name, level.name) for scenario in scenarios for level in getattr(scenario, kind)}


def test_document_belongs_to_these_alarms_and_this_simulation() -> None:
    found = re.search(r"fingerprint ([0-9a-f]+)", DOCUMENT.read_text())
    assert found, "docs/alert-quality.md has no fingerprint: run make alert-quality"
    assert found[1] == fingerprint(), "alarms or simulation have changed: run make alert-quality"


@pytest.mark.parametrize("name", ["consumer stopped", "query function crashes"])
def test_rows_of_the_document_are_reproducible(name: str) -> None:
    assert row(judge(Simulation.of(name, A_MINUTE))) in DOCUMENT.read_text().splitlines()


def test_every_fault_is_detected_without_false_alerts() -> None:
    rows = rows_of(DOCUMENT.read_text())
    faults = [(scenario.name, level.name) for scenario in SCENARIOS for level in scenario.levels]
    assert [(cells[0], cells[1]) for cells in rows] == faults
    assert [cells for cells in rows if "missed" in cells[2] or cells[8]] == []


def test_late_and_repeated_pages_are_exactly_those_with_a_reason() -> None:
    rows = rows_of(DOCUMENT.read_text())
    assert late(rows) == explained(SCENARIOS, "late")
    assert repeated(rows) == explained(SCENARIOS, "again")
    assert UNEXPLAINED not in DOCUMENT.read_text()


@pytest.mark.parametrize("kind", ["late", "again"])
def test_control_missing_and_unnecessary_reasons_are_found(kind: str) -> None:
    rows = rows_of(DOCUMENT.read_text())
    found = late(rows) if kind == "late" else repeated(rows)
    no_reasons: dict[str, Any] = {kind: {}}
    one_reason: dict[str, Any] = {kind: {A_MINUTE: "because"}}
    without = [replace(scenario, **no_reasons) for scenario in SCENARIOS]
    unnecessary = [replace(SCENARIOS[0], **one_reason), *SCENARIOS]
    assert found - explained(without, kind) == found != set()
    assert explained(unnecessary, kind) - found == {(SCENARIOS[0].name, A_MINUTE.name)}


def test_no_normal_day_pages_or_opens_a_ticket() -> None:
    days = re.findall(r"^\| [^|]+ \| (pages|tickets) \| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert days == [(kind, "0") for _ in range(3) for kind in ("pages", "tickets")]
    assert "## 30 normal days" in DOCUMENT.read_text()


def test_every_alarm_is_proven_and_every_mutant_rejected() -> None:
    found = re.findall(r"- Of (\d+) (?:alarms|wrong versions, two of each alarm), (\d+) were", DOCUMENT.read_text())
    assert len(found) == 2
    assert all(whole == good for whole, good in found), found


def test_progress_has_a_line_for_each_finished_job() -> None:
    jobs = {name: Future() for name in ("first", "second")}
    for job in jobs.values():
        job.set_result(None)
    lines: list[str] = []
    print_progress(jobs, lines.append)
    assert [line.split(" after ")[0] for line in lines] == ["1 of 2", "2 of 2"]
    assert {line.rpartition(": ")[2] for line in lines} == {"first", "second"}
