"""What a drill prints and writes, and what the simulation expects of it."""

from pathlib import Path

import pytest

from localcloud.boards import browser
from localcloud.drills import command
from localcloud.drills.catalogue import DRILLS, EXPECTATIONS, DrillName
from localcloud.drills.run import Outcome, compared
from localcloud.drills.stack import DrawnBoard
from localcloud.own_files import FileError
from tests.fakes.checkout import ROOT
from tools import drill_expectations
from tools.drill_expectations import SEEDS, SIMULATED

DRILL = DRILLS[DrillName.CONSUMER_STOPPED]
# What notifies is left to chance, or, if the fault is healed at once, depends on the seed.
UNSETTLED = {DrillName.BAD_CANARY, DrillName.CREDENTIAL_ATTACK}


def test_minutes_that_differ_from_the_simulation_are_said():
    text = compared(DRILL.expected, Outcome(after={"P1": 7}, over_after=9))
    assert text == (
        "Not in the minutes that the simulation expects: a page after 7 minutes (expected: 5), "
        "over after 9 minutes (expected: 9 to 10)."
    )


def test_every_drill_is_simulated():
    assert set(SIMULATED) == set(DRILLS) == set(DrillName)


@pytest.mark.parametrize("name", [name for name in DRILLS if name not in UNSETTLED])
def test_expectations_hold_for_another_seed(name: DrillName):
    """Numbers of the simulation; `make soak` simulates all of them again."""
    drill, expected = DRILLS[name], DRILLS[name].expected
    stack = drill_expectations.stack_of(drill)
    minutes = expected.after[expected.severities[drill.until[0]]][1]
    found = drill_expectations.drilled(stack, drill, "another seed", minutes)
    alarms = {alarm for _, alarm, _ in found.alerts}
    assert set(expected.alarms) <= alarms <= set(expected.severities)
    for severity, (low, high) in expected.after.items():
        first = found.first(lambda _, level, severity=severity: level == severity)
        assert first is not None
        assert low <= first <= high
    assert expected.over_after[0] <= found.over <= expected.over_after[1] + 1


def test_readme_has_what_is_expected_of_each_drill():
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| ")]
    assert [row for row in rows if row.split()[1] in set(DRILLS)] == list(drill_expectations.table())


@pytest.mark.soak
def test_expectations_are_those_of_the_simulation():
    assert EXPECTATIONS.read_text() == drill_expectations.content(), "run python -m tools.drill_expectations"


def test_fault_that_is_not_simulated_has_no_expectation(monkeypatch: pytest.MonkeyPatch):
    """The control: without its fault, a drill's alarm does not notify."""
    monkeypatch.setattr(drill_expectations, "SIMULATED", {DRILL.name: {}})
    monkeypatch.setattr(drill_expectations, "SEEDS", SEEDS[:1])
    with pytest.raises(AssertionError, match="did not notify in 30 minutes"):
        drill_expectations.expectation(drill_expectations.stack_of(DRILL), DRILL)


def test_picture_that_cannot_be_taken_is_said_and_the_pages_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise browser.BrowserError("it crashed")

    monkeypatch.setattr(browser, "find", lambda: "chromium")
    monkeypatch.setattr(browser, "take_picture", fail)
    page, picture = tmp_path / "board.html", tmp_path / "board.png"
    picture.touch()
    assert command._write({page: DrawnBoard("<html>", 1, 1)}, picture) == "it crashed"
    assert (page.read_text(), picture.exists()) == ("<html>", False)
    with pytest.raises(FileError, match=r"Choose another place with --out\.$"):
        command._write({tmp_path / "absent" / "board.html": DrawnBoard("<html>", 1, 1)}, picture)
