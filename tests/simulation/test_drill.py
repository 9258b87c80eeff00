"""The drill prints what the alarms did, and fails if no alarm pages or a page never clears."""

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
from localcloud.deployer.recorder import Graph
from simulation import drill
from simulation.conditions import A_MINUTE
from simulation.harness import Stack, simulate
from tests.fakes import demo_environment

ROOT = Path(__file__).parents[2]
PAGE = "drill-overview.html"


def without_times(text: str) -> set[str]:
    """The lines of a transcript, without the seconds that steps took."""
    return set(re.sub(r"in \d+\.\d s", "in some s", text).splitlines())


@pytest.fixture(scope="module")
def alarms(prod_graph: Graph) -> list[Alarm]:
    return read_alarms(prod_graph.resources)


@pytest.fixture(scope="module")
def store(prod_graph: Graph) -> MetricStore:
    stack = Stack.of(prod_graph, A_MINUTE)
    return simulate(stack, drill.BEGIN, drill.STOP.end + drill.PATIENCE_MINUTES, (drill.STOP,))


def test_drill_prints_notifications_and_the_path_of_the_board_as_in_the_readme(tmp_path: Path) -> None:
    # With the packages that `make demo` installs, and no others.
    command = [demo_environment.make(tmp_path / "environment"), "-m", "simulation.drill", "--out", str(tmp_path)]
    # Without Chromium, which not every machine has.
    environment = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert "simulated" in first
    assert "ingest-unhealthy pages (P1): consumer-down, consumer-stalled" in done.stdout
    assert "ingest-unhealthy clears: " in done.stdout
    assert "As expected: a page" in last
    assert without_times(done.stdout) - without_times((ROOT / "README.md").read_text()) == {f"      {tmp_path}/{PAGE}"}
    page = tmp_path / PAGE
    assert str(page) in done.stdout
    assert "In alarm" in page.read_text()
    links = set(re.findall(r'href="(drill-[^"]*)"', page.read_text()))
    assert links == {"drill-ingest.html", "drill-api.html"}
    assert all((tmp_path / link).exists() for link in links)


def test_control_a_package_that_the_demo_lacks_is_noticed(tmp_path: Path) -> None:
    python = demo_environment.make(tmp_path, without=["plotly"])
    command = [python, "-m", "simulation.drill", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "No module named 'plotly'" in done.stderr


def test_minutes_of_the_outcome_are_those_of_the_timeline(alarms: list[Alarm], store: MetricStore) -> None:
    outcome = drill.run_alarms(alarms, store)
    timeline = list(drill.timeline(alarms, outcome.history))
    pages = [minute for minute, text in timeline if " pages (P1)" in text]
    cleared = [minute for minute, text in timeline if text.startswith("ingest-unhealthy clears")]
    assert (outcome.paged_after, outcome.cleared_after) == (pages[0], cleared[-1])
    assert 0 < outcome.paged_after < drill.STOP.minutes < outcome.cleared_after


def test_control_alarms_that_cannot_fire_fail_the_drill(alarms: list[Alarm], store: MetricStore) -> None:
    blind = [replace(alarm, threshold=math.inf) if isinstance(alarm, MetricAlarm) else alarm for alarm in alarms]
    with pytest.raises(UnexpectedAnswerError, match=r"^No alarm paged during the 30 minutes"):
        drill.run_alarms(blind, store)


def test_control_page_that_does_not_clear_fails_the_drill(
    alarms: list[Alarm], store: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "PATIENCE_MINUTES", 1)
    with pytest.raises(
        UnexpectedAnswerError, match=r"^Still in alarm 1 minutes after .*: ingest-unhealthy, probe-failing\.$"
    ):
        drill.run_alarms(alarms, store)
