"""The fault of a drill is real. It pages as the simulation expects, and notifies nobody else; no fault, no page."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console

from localcloud.cloud import START_STEPS, LocalCloud
from localcloud.demo import UnexpectedAnswerError
from localcloud.drills import run
from localcloud.drills.catalogue import DRILLS, ESSENTIAL, EVERYTHING, PROBED, Drill, DrillName, Expected
from localcloud.drills.command import START
from localcloud.drills.faults import enable_consumer, nothing_else, token_endpoint_down
from localcloud.drills.run import (
    MINUTE_SECONDS,
    DrillRun,
    Outcome,
    PassMinutes,
    compared,
    compressed_minute,
    compressed_quiet_minute,
)
from localcloud.drills.stack import BOARDS, DrilledStack, Notification
from localcloud.observatory.faults import Faults
from localcloud.observatory.paths import FAULTS, KEY_HEADER
from localcloud.progress import Progress
from tests.fakes import demo_environment, metering
from tests.fakes.drilling import is_enabled, probe_runs, recover, stepped_minute, stepped_quiet_minute, total
from tests.fakes.runs import Run
from tests.fakes.waiting import HANG_SECONDS, eventually
from tools.drill_expectations import LEFT_TO_CHANCE

pytestmark = pytest.mark.e2e
DRILL = DRILLS[DrillName.CONSUMER_STOPPED]
# Left to chance; the alarm of the flood; a part of the bad release. A drill costs some seconds.
SOAKED = {DrillName.BAD_CANARY, DrillName.CONTRACT_BROKEN, DrillName.FUNCTION_BROKEN}


def drills(settings: Mapping[str, Any]) -> list[Any]:
    """The drills on a stack with these settings, except that of the fixture."""
    return [
        pytest.param(name, marks=[pytest.mark.soak] if name in SOAKED else [])
        for name, found in DRILLS.items()
        if found.settings == settings and found is not DRILL
    ]


QUIET = Progress(99, Console(quiet=True))
LATE_MILLISECONDS = 60_000
EVENT_AGE = {"service": "event-handler", "stack": "dev"}
"""The dimensions of the metric."""
OUTAGE_SECONDS = 3_600
"""By the clock of the cloud; by that of this machine, longer than a run of these tests."""


def ages_measured(cloud: LocalCloud) -> float:
    """How many events functions have stored and measured the age of."""
    return total(cloud, "EventProcessing", "EventAge", "SampleCount", **EVENT_AGE)


def greatest_age(cloud: LocalCloud) -> float:
    """The greatest age, in milliseconds, at which a function stored an event."""
    now = datetime.now(UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="EventProcessing",
        MetricName="EventAge",
        Dimensions=[{"Name": name, "Value": value} for name, value in EVENT_AGE.items()],
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
    assert {(found.alarm, found.severity) for found in drilled.notifications} == {("ingest-unhealthy", "P1")}
    assert compared(expected, outcome) == (
        "As the simulation expects: a page after 5 minutes (expected: 5), over after 9 minutes (expected: 9 to 10)."
    )
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
        "GetMetricData",  # of this test
        "GetMetricStatistics",  # of this test
        "ListEventSourceMappings",
        "UpdateEventSourceMapping",
    }


def test_function_sees_the_age_that_a_message_has_in_the_cloud(drilled: Drilled):
    paged_after = drilled.outcome.after["P1"] * 60_000
    assert drilled.control_age < LATE_MILLISECONDS < paged_after <= greatest_age(drilled.stack.cloud)


def test_function_sees_the_age_on_this_machine_without_the_clock_of_the_cloud(checkout: Path):
    """The control of the test above."""
    with metering.start(checkout, "--unplugged=follow_clock") as cloud:
        stack = DrilledStack(cloud)
        with DRILL.made(stack):
            stack.send()
            cloud.advance(OUTAGE_SECONDS)
        # An event is stored before its age is measured.
        eventually(lambda: ages_measured(cloud) >= stack.sent)
        assert greatest_age(cloud) < OUTAGE_SECONDS * 1_000


def test_board_shows_the_outage_and_links_to_its_neighbours(drilled: Drilled):
    assert "In alarm for 0 min" in drilled.board
    since = re.search(r"metrics since (\d{4})-\d\d-\d\d \d\d:\d\d UTC; opened at \1-", drilled.board)
    assert since, "the board says since when it has metrics"
    assert re.search(r'<h3>Running event handler</h3><div class="figures"><div><div class="figure">1<', drilled.board)
    assert set(re.findall(r'href="([a-z]+\.html)"', drilled.board)) == {"ingest.html", "api.html"}


def test_fault_is_healed_however_the_drill_ends(drilled: Drilled):
    def interrupt() -> None:
        with DRILL.made(drilled.stack):
            assert not is_enabled(drilled.stack.cloud)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    eventually(lambda: is_enabled(drilled.stack.cloud))


@pytest.mark.parametrize("name", drills(ESSENTIAL))
def test_drill_notifies_as_expected_nobody_else_and_is_over(drilled: Drilled, name: DrillName):
    check_drill(drilled.stack, DRILLS[name])


@pytest.fixture(scope="module")
def watched(checkout: Path) -> Iterator[DrilledStack]:
    """A stack with every alarm."""
    with metering.start(checkout, **EVERYTHING) as cloud:
        yield DrilledStack(cloud)


@pytest.mark.parametrize("name", drills(EVERYTHING))
def test_drill_notifies_as_expected_where_every_alarm_is(watched: DrilledStack, name: DrillName):
    check_drill(watched, DRILLS[name])


@pytest.mark.soak
def test_drill_of_the_probe_notifies_as_expected_and_nobody_without_a_fault(checkout: Path):
    """The probe waits real seconds, so each of the forty minutes takes one or two of them."""
    drill = DRILLS[DrillName.TOKENS_DOWN]
    with metering.start(checkout, **PROBED) as cloud:
        stack = DrilledStack(cloud)
        DrillRun(drill, stack, QUIET, stepped_quiet_minute).run_control()
        check_drill(stack, drill, stepped_quiet_minute, stepped_quiet_minute)


def check_drill(
    stack: DrilledStack, drill: Drill, minute: PassMinutes = stepped_minute, recovery: PassMinutes = recover
) -> None:
    """Run the drill; its own checks fail for an alarm that is silent, or not expected, or does not clear."""
    outcome = DrillRun(drill, stack, QUIET, minute, recovery).run(lambda: None)
    if drill.name not in LEFT_TO_CHANCE:
        assert compared(drill.expected, outcome).startswith("As the simulation expects"), outcome
    told = [text for _, text in outcome.timeline]
    assert (told[0], drill.ends in told) == (drill.begins, True)
    assert ("All requests go to release" in " ".join(told)) == (drill.ends == "python -m ops rollback")
    stack.cloud.advance(3_600)  # what alarms evaluate


def drill(drilled: Drilled, changed: Drill) -> Outcome:
    """Run another drill on the same stack, and leave it healthy."""
    try:
        return DrillRun(changed, drilled.stack, QUIET, stepped_minute).run(lambda: None)
    finally:
        enable_consumer(drilled.stack, enabled=True)
        drilled.stack.wait_until_stored()
        drilled.stack.cloud.advance(3_600)


def test_fault_that_is_not_made_fails_the_drill(drilled: Drilled, monkeypatch: pytest.MonkeyPatch):
    """The control: the drill does not pass by itself."""
    monkeypatch.setattr(run, "ALERT_MINUTES_MAX", 6)
    with pytest.raises(UnexpectedAnswerError, match="ingest-unhealthy did not notify within 6 minutes after the cons"):
        drill(drilled, replace(DRILL, made=nothing_else))


def test_fault_that_is_not_healed_fails_the_drill(drilled: Drilled, monkeypatch: pytest.MonkeyPatch):
    @contextmanager
    def stay_stopped(stack: DrilledStack) -> Iterator[None]:
        enable_consumer(stack, enabled=False)
        yield

    monkeypatch.setattr(run, "OVER_MINUTES_MAX", 4)
    with pytest.raises(UnexpectedAnswerError, match=r"Still in alarm 4 minutes .*: consumer-down, .*ingest-unhealthy"):
        drill(drilled, replace(DRILL, made=stay_stopped))


def test_page_that_is_not_expected_fails_the_drill(drilled: Drilled, monkeypatch: pytest.MonkeyPatch):
    expected = replace(DRILL.expected, severities={"alerts-undelivered": "P2"})
    monkeypatch.setattr(Expected, "of", lambda _: expected)
    with pytest.raises(UnexpectedAnswerError, match=r"Not as expected: ingest-unhealthy pages \(P1\)\."):
        drill(drilled, replace(DRILL, until=("alerts-undelivered",)))


def test_expected_alarm_that_is_silent_fails_the_drill(drilled: Drilled, monkeypatch: pytest.MonkeyPatch):
    expected = replace(DRILL.expected, severities={**DRILL.expected.severities, "query-errors": "P2"})
    monkeypatch.setattr(Expected, "of", lambda _: expected)
    with pytest.raises(UnexpectedAnswerError, match="Not as expected: query-errors did not notify"):
        drill(drilled, DRILL)


def test_throttled_request_is_answered_and_counted_as_by_dynamodb(drilled: Drilled):
    cloud = drilled.stack.cloud
    client, table = metering.without_retries(cloud, "dynamodb"), cloud.outputs["tableName"]
    names = ("WriteThrottleEvents", "WriteMaxOnDemandThroughputThrottleEvents")
    before = [total(cloud, "AWS/DynamoDB", name, TableName=table) for name in names]
    cloud.inject(Faults(throttled=("UpdateItem",)))
    try:
        with pytest.raises(client.exceptions.ThrottlingException) as raised:
            client.update_item(TableName=table, Key={"user_id": {"S": "nobody"}})
    finally:
        cloud.inject(Faults())
    response = raised.value.response
    [reason] = response["throttlingReasons"]
    assert reason == {"reason": "TableWriteMaxOnDemandThroughputExceeded", "resource": table}
    after = [total(cloud, "AWS/DynamoDB", name, TableName=table) for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1]


def test_no_token_is_issued_while_the_token_endpoint_fails(drilled: Drilled):
    with token_endpoint_down(drilled.stack), pytest.raises(requests.HTTPError, match=r"^503 "):
        drilled.stack.issue_token()
    assert drilled.stack.issue_token()


@pytest.mark.parametrize(
    ("headers", "fault", "status"),
    [
        ({}, {}, 403),
        ({KEY_HEADER: "wrong"}, {}, 403),
        (None, {"no_such": 1}, 400),
        (None, {"throttled": [1]}, 400),
        (None, {"table_delay_seconds": -1}, 400),
        (None, {"token_endpoint_fails": "no"}, 400),
        (None, [], 400),
        (None, {}, 204),
    ],
)
def test_only_the_administrator_injects_faults_and_only_known_ones(
    drilled: Drilled, headers: dict[str, str] | None, fault: Any, status: int
):
    outputs = drilled.stack.cloud.outputs
    headers = {KEY_HEADER: outputs["secretAccessKey"]} if headers is None else headers
    response = requests.post(outputs["endpoint"] + FAULTS, json=fault, headers=headers, timeout=HANG_SECONDS)
    assert response.status_code == status


@pytest.mark.soak
def test_unplugged_seam_fails_the_drill(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    """The control: a fault that is not injected is noticed."""
    monkeypatch.setattr(run, "ALERT_MINUTES_MAX", 6)

    def pass_minute(stack: DrilledStack) -> None:
        stack.send()
        stack.wait_until_stored()
        stack.cloud.advance(60)

    with metering.start(checkout, "--unplugged=observe_tables") as cloud:
        drill_run = DrillRun(DRILLS[DrillName.TABLE_THROTTLED], DrilledStack(cloud), QUIET, pass_minute)
        with pytest.raises(UnexpectedAnswerError, match="ingest-unhealthy did not notify within 6 minutes"):
            drill_run.run(lambda: None)


def test_compressed_minute_takes_seconds_functions_see_its_age_and_the_probe_runs_in_it(checkout: Path):
    options, progress = [f"--minute={MINUTE_SECONDS}"], Progress(START_STEPS, Console(quiet=True))
    with LocalCloud.start(checkout, progress=progress, options=options, config_overrides=PROBED) as cloud:
        stack = DrilledStack(cloud)
        stack.send()
        stack.wait_until_stored()
        compressed_quiet_minute(stack)  # what was left of it
        assert stack.sent == 1
        first, began = stack.ended_minute(), time.monotonic()
        with DRILL.made(stack):
            for _ in range(2):
                compressed_minute(stack)
        # The length of minutes is the clock's; a slow machine only adds minutes.
        assert stack.ended_minute() - first >= 2
        assert (stack.ended_minute() - first - 1) * MINUTE_SECONDS <= time.monotonic() - began
        eventually(lambda: ages_measured(cloud) >= stack.sent)
        eventually(lambda: greatest_age(cloud), lambda age: age > LATE_MILLISECONDS)  # events of the probe count too
        # By the clock of the machine, this would take three minutes, which `eventually` does not wait.
        eventually(lambda: probe_runs(cloud), lambda runs: runs >= 3)


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
