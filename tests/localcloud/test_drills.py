"""The fault of a drill is real. It pages as the simulation expects, and notifies nobody else; no fault, no page."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from localcloud.boards import browser
from localcloud.cloud import START_STEPS, LocalCloud
from localcloud.demo import UnexpectedAnswerError
from localcloud.drills import command, run
from localcloud.drills.catalogue import DRILLS, Drill, DrillName, Expected
from localcloud.drills.command import START
from localcloud.drills.run import EVENTS_PER_MINUTE, MINUTE_SECONDS, DrillRun, Outcome, compared, compressed_minute
from localcloud.drills.stack import BOARDS, DrawnBoard, DrilledStack, Notification
from localcloud.own_files import FileError
from localcloud.progress import Progress
from tests.fakes import demo_environment, metering
from tests.fakes.checkout import ROOT
from tests.fakes.runs import Run
from tests.fakes.waiting import eventually
from tools import drill_expectations
from tools.drill_expectations import SCENARIOS, SEEDS, expectations

pytestmark = pytest.mark.e2e
DRILL = DRILLS[DrillName.CONSUMER_STOPPED]
QUIET = Progress(99, Console(quiet=True))
LATE_MILLISECONDS = 60_000


def is_enabled(cloud: LocalCloud) -> bool:
    [mapping] = cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return mapping["State"] == "Enabled"


def stepped_minute(stack: DrilledStack) -> None:
    """Send the events of a minute, let them be handled, and end the minute."""
    for _ in range(EVENTS_PER_MINUTE):
        stack.send()
    if is_enabled(stack.cloud):
        stack.wait_until_stored()
        # An event is stored before it is deleted. In the next minute it would be visible, and handled, again.
        eventually(lambda: metering.messages_held(stack.cloud), lambda held: not held)
    stack.cloud.advance(60)


def greatest_age(cloud: LocalCloud) -> float:
    """The greatest age, in milliseconds, at which a function stored an event."""
    now = datetime.now(UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="EventProcessing",
        MetricName="EventAge",
        Dimensions=[{"Name": "service", "Value": "event-handler"}, {"Name": "stack", "Value": "dev"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=2),
        Period=10_800,
        Statistics=["Maximum"],
    )
    return max(point["Maximum"] for point in found["Datapoints"])


@dataclass
class Drilled:
    """A stack on a stepped clock, drilled without a fault first, and then with it."""

    stack: DrilledStack
    control_minutes: int
    control_age: float
    outcome: Outcome
    notifications: list[Notification]
    board: str
    operations: set[str]


@pytest.fixture(scope="module")
def drilled(checkout: Path) -> Iterator[Drilled]:
    with metering.start(checkout) as cloud:
        stack, operations = DrilledStack(cloud), set[str]()
        for service in ("cloudwatch", "lambda"):
            cloud.client(service).meta.events.register(
                f"before-call.{service}", lambda model, **_: operations.add(model.name)
            )
        minutes = DrillRun(DRILL, stack, QUIET, stepped_minute).run_control()
        control_age = greatest_age(cloud)
        boards: list[str] = []

        def draw() -> None:
            boards.append(stack.draw(BOARDS[0], "title", {name: f"{name}.html" for name in BOARDS}, START).page)

        outcome = DrillRun(DRILL, stack, QUIET, stepped_minute).run(draw)
        yield Drilled(stack, minutes, control_age, outcome, stack.notifications(), boards[0], operations)


def test_stopped_consumer_pages_as_expected_and_nobody_else_is_notified(drilled: Drilled):
    expected, outcome = DRILL.expected, drilled.outcome
    assert (outcome.paged_after,) * 2 == expected.paged_after
    assert (outcome.over_after,) * 2 == expected.over_after
    assert {(found.alarm, found.severity) for found in drilled.notifications} == {("ingest-unhealthy", "P1")}
    assert compared(expected, outcome).startswith("As the simulation expects: a page after 5 minutes")
    assert outcome.timeline == [
        (0, "the consumer stops"),
        (5, "ingest-unhealthy pages (P1): consumer-down, consumer-stalled"),
        (5, "the consumer starts again"),
        (9, "ingest-unhealthy clears"),
    ]


def test_without_a_fault_nobody_is_notified(drilled: Drilled):
    """The control: the same stack, traffic and minutes."""
    assert drilled.control_minutes == DRILL.expected.over_after[1]


def test_every_value_enters_through_a_seam(drilled: Drilled):
    """No drill sets the state of an alarm or publishes a metric, and the fault is that of AWS's own API."""
    assert drilled.operations == {
        "DescribeAlarms",
        "GetDashboard",
        "GetMetricStatistics",  # of this test
        "ListEventSourceMappings",
        "UpdateEventSourceMapping",
    }


def test_function_sees_the_age_that_a_message_has_in_the_cloud(drilled: Drilled):
    paged_after = drilled.outcome.paged_after * 60_000
    assert drilled.control_age < LATE_MILLISECONDS < paged_after <= greatest_age(drilled.stack.cloud)


def test_function_sees_the_age_on_this_machine_without_the_clock_of_the_cloud(checkout: Path):
    """The control of the test above."""
    with metering.start(checkout, "--unplugged=follow_clock") as cloud:
        stack = DrilledStack(cloud)
        with DRILL.made(cloud):
            stack.send()
            cloud.advance(300)
        stack.wait_until_stored()
        assert greatest_age(cloud) < LATE_MILLISECONDS


def test_board_shows_the_outage_and_links_to_its_neighbours(drilled: Drilled):
    assert "In alarm for 0 min" in drilled.board
    since = re.search(r"metrics since (\d{4})-\d\d-\d\d \d\d:\d\d UTC; opened at \1-", drilled.board)
    assert since, "the board says since when it has metrics"
    assert re.search(r'<h3>Running event handler</h3><div class="figures"><div><div class="figure">1<', drilled.board)
    assert set(re.findall(r'href="([a-z]+\.html)"', drilled.board)) == {"ingest.html", "api.html"}


def test_fault_is_healed_however_the_drill_ends(drilled: Drilled):
    def interrupt() -> None:
        with DRILL.made(drilled.stack.cloud):
            assert not is_enabled(drilled.stack.cloud)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    eventually(lambda: is_enabled(drilled.stack.cloud))


def drill(drilled: Drilled, changed: Drill) -> Outcome:
    """Run another drill on the same stack, and leave it healthy."""
    try:
        return DrillRun(changed, drilled.stack, QUIET, stepped_minute).run(lambda: None)
    finally:
        DRILL.heal(drilled.stack.cloud)
        drilled.stack.wait_until_stored()
        drilled.stack.cloud.advance(600)


def test_fault_that_is_not_made_fails_the_drill(drilled: Drilled, monkeypatch: pytest.MonkeyPatch):
    """The control: the drill does not pass by itself."""
    monkeypatch.setattr(run, "PAGE_MINUTES_MAX", 6)
    with pytest.raises(UnexpectedAnswerError, match="No alarm paged within 6 minutes after the consumer stops"):
        drill(drilled, replace(DRILL, make=lambda _: None))


def test_fault_that_is_not_healed_fails_the_drill(drilled: Drilled, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "OVER_MINUTES_MAX", 4)
    with pytest.raises(UnexpectedAnswerError, match=r"Still in alarm 4 minutes .*: consumer-down, .*ingest-unhealthy"):
        drill(drilled, replace(DRILL, heal=lambda _: None))


def test_page_that_is_not_expected_fails_the_drill(drilled: Drilled, monkeypatch: pytest.MonkeyPatch):
    expected = replace(DRILL.expected, pages=())
    monkeypatch.setattr(Expected, "of", lambda _: expected)
    with pytest.raises(UnexpectedAnswerError, match=r"Not as expected: ingest-unhealthy pages \(P1\)\."):
        drill(drilled, DRILL)


def test_unplugged_evaluator_fails_the_drill(blind_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "WARM_UP_MINUTES_MAX", 6)
    with pytest.raises(UnexpectedAnswerError, match="Not OK after 6 minutes: ingest-unhealthy"):
        DrillRun(DRILL, DrilledStack(blind_cloud), QUIET, stepped_minute).run(lambda: None)


def test_minutes_that_differ_from_the_simulation_are_said():
    text = compared(DRILL.expected, Outcome(paged_after=7, over_after=9))
    assert text == (
        "Not in the minutes that the simulation expects: a page after 7 minutes (expected: 5), "
        "over after 9 (expected: 9)."
    )


def test_compressed_minute_takes_seconds_and_functions_see_its_age(checkout: Path):
    options = [f"--minute={MINUTE_SECONDS}"]
    with LocalCloud.start(checkout, progress=Progress(START_STEPS, Console(quiet=True)), options=options) as cloud:
        stack = DrilledStack(cloud)
        stack.send()
        stack.wait_until_stored()
        compressed_minute(stack)  # what was left of it
        first, began = stack.ended_minute(), time.monotonic()
        with DRILL.made(cloud):
            for _ in range(2):
                compressed_minute(stack)
        # The length of minutes is the clock's; a slow machine only adds minutes.
        assert stack.ended_minute() - first >= 2
        assert (stack.ended_minute() - first - 1) * MINUTE_SECONDS <= time.monotonic() - began
        stack.wait_until_stored()
        assert greatest_age(cloud) > LATE_MILLISECONDS


@pytest.mark.parametrize("seeds", [SEEDS[:3], pytest.param(SEEDS, marks=pytest.mark.soak)], ids=len)
def test_expectations_are_those_of_the_simulation(seeds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """The page, and the minutes, which no seed moves."""
    monkeypatch.setattr(drill_expectations, "SEEDS", seeds)
    assert set(SCENARIOS) == set(DRILLS) == set(DrillName)
    assert (ROOT / "localcloud/drills/expected.json").read_text() == expectations(), (
        "run python -m tools.drill_expectations"
    )


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


@pytest.mark.soak
def test_drill_in_compressed_time(checkout: Path, tmp_path: Path):
    """The whole command, with the packages of `make demo` alone. Most of its minute and a half is waiting."""
    python = str(demo_environment.make(tmp_path / "environment"))
    words = [python, "-m", "localcloud", "drill", DRILL.name, "--out", str(tmp_path / "boards")]
    (tmp_path / "scratch").mkdir()
    with Run(words, checkout, tmp_path / "scratch") as started:
        code, output, errors = started.end()
        assert (code, errors, started.left_over()) == (0, "", [])
    assert "As the simulation expects" in output
    pages: dict[str, Any] = {path.name: path for path in (tmp_path / "boards").iterdir() if path.suffix == ".html"}
    assert set(pages) == {f"{DRILL.name}-{board}.html" for board in BOARDS}
    assert "waiting is compressed, work is not" in pages[f"{DRILL.name}-overview.html"].read_text()
