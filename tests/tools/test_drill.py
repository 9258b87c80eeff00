"""The drill tells what the alarms did, and fails when they wake nobody or never end."""

import math
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.cloudwatch.alarms import Alarm, MetricAlarm, read_alarms
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.demo import UnexpectedAnswerError
from tests import demo_environment
from tests.recorder import Graph
from tools import drill
from tools.simulated import simulate

ROOT = Path(__file__).parents[2]


PAGE = "drill-overview.html"


def without_times(text: str) -> set[str]:
    """The lines of a transcript, but for the seconds that steps took."""
    return set(re.sub(r"in \d+\.\d s", "in some s", text).splitlines())


@pytest.fixture(scope="module")
def alarms(prod_graph: Graph) -> list[Alarm]:
    return read_alarms(prod_graph.resources)


@pytest.fixture(scope="module")
def store(prod_graph: Graph) -> MetricStore:
    return simulate(prod_graph, drill.STOP, drill.STOP.end + drill.PATIENCE_MINUTES)


def test_it_says_who_was_woken_when_it_was_over_and_where_the_board_lies(tmp_path: Path) -> None:
    # With the packages that `make demo` installs, and no others.
    command = [demo_environment.make(tmp_path / "environment"), "-m", "tools.drill", "--out", str(tmp_path)]
    # Pictures are taken by tests of their own, and not everywhere.
    bare = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert "simulated" in first
    assert "ingest-unhealthy wakes somebody (P1): consumer-down, consumer-stalled" in done.stdout
    assert "ingest-unhealthy is over" in done.stdout
    assert "As expected: a page" in last
    assert without_times(done.stdout) - without_times((ROOT / "README.md").read_text()) == {f"      {tmp_path}/{PAGE}"}
    page = tmp_path / PAGE
    assert str(page) in done.stdout
    assert "In alarm" in page.read_text()


def test_control_a_package_that_the_demo_has_not_is_noticed(tmp_path: Path) -> None:
    python = demo_environment.make(tmp_path, without=["plotly"])
    done = subprocess.run(
        [python, "-m", "tools.drill", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "No module named 'plotly'" in done.stderr


def test_the_minutes_are_those_of_the_evaluation(alarms: list[Alarm], store: MetricStore) -> None:
    outcome = drill.watch(alarms, store)
    pages = [minute for minute, text in drill.timeline(alarms, outcome.history) if "wakes somebody" in text]
    over = [
        minute for minute, text in drill.timeline(alarms, outcome.history) if text.startswith("ingest-unhealthy is")
    ]
    assert (outcome.paged_after, outcome.over_after) == (pages[0], over[-1])
    assert 0 < outcome.paged_after < drill.STOP.minutes < outcome.over_after


def test_alarms_that_cannot_see_it_fail_the_drill(alarms: list[Alarm], store: MetricStore) -> None:
    blind = [replace(one, threshold=math.inf) if isinstance(one, MetricAlarm) else one for one in alarms]
    with pytest.raises(UnexpectedAnswerError, match=r"stood still for 30 minutes, and no alarm paged\.$"):
        drill.watch(blind, store)


def test_an_alarm_that_stays_fails_the_drill(
    alarms: list[Alarm], store: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "PATIENCE_MINUTES", 1)
    with pytest.raises(UnexpectedAnswerError, match=r"1 minutes after .*, ingest-unhealthy is still in alarm\.$"):
        drill.watch(alarms, store)
