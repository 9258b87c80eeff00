"""docs/alert-quality.md is of these alarms and this simulation, and has a reason for each late or repeated page."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest

from simulation.harness import stack_for
from simulation.judgement import judge
from simulation.report import PROMPT_MINUTES, UNEXPLAINED, fingerprint, row, tell_progress
from simulation.scenarios import A_MINUTE, SCENARIOS, Scenario
from tools.alert_quality import DOCUMENT

Fault = tuple[str, str]


def cells_of(document: str) -> list[list[str]]:
    names = {scenario.name for scenario in SCENARIOS}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in document.splitlines()]
    return [cells for cells in rows if cells[0] in names]


def late(rows: Iterable[Sequence[str]]) -> set[Fault]:
    """Faults that must page and did so too late."""
    woken = {scenario.name for scenario in SCENARIOS if scenario.page}
    return {(name, level) for name, level, _, minutes, *_ in rows if name in woken and int(minutes) > PROMPT_MINUTES}


def repeated(rows: Iterable[Sequence[str]]) -> set[Fault]:
    """Faults for which the same alarm paged more than once."""
    return {(cells[0], cells[1]) for cells in rows if " x " in cells[5]}


def explained(scenarios: Iterable[Scenario], kind: str) -> set[Fault]:
    return {(scenario.name, level) for scenario in scenarios for level in getattr(scenario, kind)}


def test_the_document_is_of_these_alarms_and_this_simulation() -> None:
    found = re.search(r"fingerprint ([0-9a-f]+)", DOCUMENT.read_text())
    assert found, "docs/alert-quality.md has no fingerprint: run make alert-quality"
    assert found[1] == fingerprint(), "alarms or simulation have changed: run make alert-quality"


@pytest.mark.parametrize("name", ["consumer stopped", "query function crashes"])
def test_rows_of_the_document_come_out_again(name: str) -> None:
    scenario = next(one for one in SCENARIOS if one.name == name)
    assert row(judge(stack_for(A_MINUTE), scenario)) in DOCUMENT.read_text().splitlines()


def test_it_has_every_fault_and_each_was_found_for_the_right_reason() -> None:
    rows = cells_of(DOCUMENT.read_text())
    assert [(cells[0], cells[1]) for cells in rows] == [(one.name, level) for one in SCENARIOS for level in one.levels]
    assert [cells for cells in rows if "missed" in cells[2] or cells[8]] == []


def test_every_page_that_is_late_or_comes_again_has_a_reason_and_every_reason_such_a_page() -> None:
    rows = cells_of(DOCUMENT.read_text())
    assert late(rows) == explained(SCENARIOS, "late")
    assert repeated(rows) == explained(SCENARIOS, "again")
    assert UNEXPLAINED not in DOCUMENT.read_text()


@pytest.mark.parametrize("kind", ["late", "again"])
def test_a_reason_that_is_missing_or_needless_is_noticed(kind: str) -> None:
    rows = cells_of(DOCUMENT.read_text())
    found = late(rows) if kind == "late" else repeated(rows)
    without = [replace(one, **{kind: {}}) for one in SCENARIOS]
    needless = [replace(SCENARIOS[0], **{kind: {A_MINUTE: "because"}}), *SCENARIOS]
    assert found - explained(without, kind) == found != set()
    assert explained(needless, kind) - found == {(SCENARIOS[0].name, A_MINUTE)}


def test_no_normal_day_pages_or_opens_a_ticket() -> None:
    days = re.findall(r"^\| [^|]+ \| (pages|tickets) \| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert days == [(what, "0") for _ in range(3) for what in ("pages", "tickets")]
    assert "## 30 normal days" in DOCUMENT.read_text()


def test_every_alarm_is_proven_and_every_wrong_one_noticed() -> None:
    found = re.findall(r"- Of (\d+) (?:alarms|wrong versions, two of each alarm), (\d+) were", DOCUMENT.read_text())
    assert len(found) == 2
    assert all(whole == good for whole, good in found), found


def test_each_job_that_is_done_is_told() -> None:
    jobs = {name: Future() for name in ("first", "second")}
    for job in jobs.values():
        job.set_result(None)
    told: list[str] = []
    tell_progress(jobs, told.append)
    assert [line.split(" after ")[0] for line in told] == ["1 of 2", "2 of 2"]
    assert {line.rpartition(": ")[2] for line in told} == {"first", "second"}
