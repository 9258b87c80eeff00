"""The program's own alarms over its own traffic, on a stepped clock: who is notified, when, and when it is over."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest
import requests
from rich.console import Console
from typer.testing import CliRunner, Result

from localcloud.cloud import LocalCloud
from localcloud.demo import UnexpectedAnswerError
from localcloud.drills import run
from localcloud.drills.catalogue import DRILLS, DrillName
from localcloud.drills.run import DrillRun
from localcloud.drills.stack import DrilledStack
from localcloud.progress import Progress
from ops.__main__ import app
from ops.release import POLL_SECONDS
from tests.fakes import metering
from tests.fakes.checkout import ROOT
from tests.fakes.drilling import stepped_minute
from tests.fakes.events import login
from tests.fakes.gradual import Gradual
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.ops.published import Clock

pytestmark = pytest.mark.e2e
PREFIX = "event-processing-dev-"
FIRING = {"consumer-stalled", "consumer-down", "ingest-unhealthy", "service-health"}
# What the simulation says about this fault on stack dev, in minutes.
PAGED_AFTER = 5
PAGER = "https://events.example.com/key"


class World:
    """A deployed stack whose topics have a pager, and the actions of the test."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        sns = cloud.client("sns")
        for topic in cloud.outputs["alarmTopics"].values():
            sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=PAGER)
        for topic in cloud.outputs["alarmTopics"].values():
            eventually(lambda topic=topic: PAGER in self._confirmed(topic))
        cloud.advance(240)
        self.quiet = len(self.pages())

    def _confirmed(self, topic: str) -> list[str]:
        """The endpoints of confirmed subscriptions."""
        listed = self.cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return [held["Endpoint"] for held in listed if held["SubscriptionArn"].startswith("arn:")]

    def pages(self) -> list[dict[str, Any]]:
        """What the pager shows, oldest first."""
        found = requests.get(f"{self.cloud.outputs['endpoint']}/_pager.json", timeout=HANG_SECONDS).json()
        return list(reversed(found))

    def new_pages(self) -> list[tuple[str, str]]:
        """The topics and subjects of pages since the stack was quiet.

        Without alarms that are evaluated for the first time: some are evaluated at full hours only.
        """
        pages = [
            page for page in self.pages()[self.quiet :] if '"OldStateValue": "INSUFFICIENT_DATA"' not in page["message"]
        ]
        return [(page["topic"].removeprefix(PREFIX), page["subject"].replace(PREFIX, "")) for page in pages]

    def states(self) -> dict[str, str]:
        pages = self.cloud.client("cloudwatch").get_paginator("describe_alarms")
        found = {}
        for page in pages.paginate(AlarmNamePrefix=PREFIX, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"]):
                found[alarm["AlarmName"].removeprefix(PREFIX)] = alarm["StateValue"]
        return found

    def outputs(self) -> str:
        """The path of the file of outputs, which is written anew."""
        path = self.cloud.directory / "outputs.json"
        self.cloud.write_outputs(path)
        return str(path)

    def operator(self, *arguments: str) -> Result:
        """Run a command of the operator in the test's own process."""
        return CliRunner().invoke(app, [*arguments, "--outputs", self.outputs()])

    def firing(self) -> set[str]:
        return {alarm for alarm, state in self.states().items() if state == "ALARM"}

    def enable_consumer(self, *, enabled: bool) -> None:
        client = self.cloud.client("lambda")
        [mapping] = client.list_event_source_mappings()["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def send(self) -> None:
        body = json.dumps(login("ada", "mail", "Mail", "2026-01-01T00:00:00Z"))
        self.cloud.client("sqs").send_message(QueueUrl=self.cloud.outputs["queueUrl"], MessageBody=body)

    def waiting(self, queue: str = "queueUrl") -> int:
        return metering.messages_held(self.cloud, queue)


@pytest.fixture(scope="module")
def world(checkout: Path) -> Iterator[World]:
    with metering.start(checkout, release="gradual") as cloud:
        yield World(cloud)


def test_healthy_stack_is_quiet(world: World):
    assert world.firing() == set()
    assert all(page["subject"].startswith("OK") for page in world.pages())
    assert set(world.states().values()) <= {"OK", "INSUFFICIENT_DATA"}


def test_stopped_consumer_pages_and_is_over(world: World):
    """The expected alarms, no other, and the recovery."""
    world.enable_consumer(enabled=False)
    minutes = 0
    while not world.new_pages() and minutes < 15:
        world.send()
        world.cloud.advance(60)
        minutes += 1
    assert (minutes, world.new_pages()) == (PAGED_AFTER, [("alerts-p1", 'ALARM: "ingest-unhealthy" in eu-west-1')])
    assert world.firing() == FIRING
    status = world.operator("status")
    assert (status.exit_code, "ALARM P1 ingest-unhealthy since" in status.stdout) == (3, True), status.output
    world.enable_consumer(enabled=True)
    eventually(lambda: world.waiting() == 0)
    while world.firing() and minutes < 40:
        world.cloud.advance(60)
        minutes += 1
    assert world.new_pages()[1:] == [("alerts-p1", 'OK: "ingest-unhealthy" in eu-west-1')]
    history = world.cloud.client("cloudwatch").describe_alarm_history(
        AlarmName=f"{PREFIX}ingest-unhealthy", HistoryItemType="Action"
    )
    assert all(item["HistorySummary"].startswith("Successfully") for item in history["AlarmHistoryItems"])
    status = world.operator("status")
    assert (status.exit_code, "events        0 waiting, 0 in flight, oldest 0 s" in status.stdout) == (0, True), (
        status.output
    )


def test_pager_page_is_html_without_cors(world: World):
    response = requests.get(f"{world.cloud.outputs['endpoint']}/_pager", timeout=HANG_SECONDS)
    assert "ingest-unhealthy" in response.text
    assert "Access-Control-Allow-Origin" not in response.headers
    rebound = {"Host": "evil.example"}
    refused = requests.get(f"{world.cloud.outputs['endpoint']}/_pager", headers=rebound, timeout=HANG_SECONDS)
    assert refused.status_code == 403


def test_console_shows_every_board_and_alarm_to_this_host_alone(world: World):
    address = f"{world.cloud.outputs['endpoint']}/_console"
    state = requests.get(f"{address}/state", timeout=HANG_SECONDS)
    assert {alarm["name"].removeprefix(PREFIX) for alarm in state.json()["alarms"]} == world.states().keys()
    names = [board.removeprefix(PREFIX) for board in state.json()["boards"]]
    assert names == ["overview", "api", "ingest"]
    for board in state.json()["boards"]:
        drawn = requests.get(f"{address}/board", params={"name": board}, timeout=HANG_SECONDS)
        assert (drawn.status_code, bool(drawn.json()["figures"])) == (200, True)
    assert all(alarm["runbook"] for alarm in _alarms(address, state.json()))
    assert "Access-Control-Allow-Origin" not in state.headers
    rebound = requests.get(f"{address}/state", headers={"Host": "evil.example"}, timeout=HANG_SECONDS)
    assert rebound.status_code == 403


def _alarms(address: str, state: dict[str, Any]) -> list[dict[str, Any]]:
    names = [alarm["name"] for alarm in state["alarms"]]
    return [requests.get(f"{address}/alarm", params={"name": name}, timeout=HANG_SECONDS).json() for name in names]


def test_stream_that_is_never_read_holds_up_neither_the_cloud_nor_another_console(world: World):
    host = urlsplit(world.cloud.outputs["endpoint"])
    with socket.create_connection((host.hostname, host.port), timeout=HANG_SECONDS) as deaf:
        deaf.sendall(b"GET /_console/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with requests.get(f"{host.geturl()}/_console/events", stream=True, timeout=HANG_SECONDS) as live:
            lines = (line for line in live.iter_lines() if line.startswith(b"data: "))
            first = json.loads(next(lines).removeprefix(b"data: "))
            world.cloud.advance(60)
            assert json.loads(next(lines).removeprefix(b"data: "))["now"] > first["now"]


@pytest.fixture(scope="module")
def gradual(world: World) -> Gradual:
    return Gradual(world.cloud)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the command that watches, and what happens while it waits."""
    return Clock(monkeypatch)


def test_bad_version_goes_back_by_itself_and_no_event_is_lost(world: World, gradual: Gradual):
    """The new event handler writes to a table that does not exist, so every batch of it fails."""
    before, quiet = gradual.routes(), len(world.new_pages())
    new = gradual.publish("bad", event_handler={"variables": {"TABLE_NAME": "gone"}})
    command = [sys.executable, "-m", "ops", "release", "--canary", "--minutes", "0.1", "--outputs", world.outputs()]
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as release,
        contextlib.ExitStack() as cleanup,
    ):
        cleanup.callback(release.kill)
        assert release.stdout
        first = release.stdout.readline()
        release.send_signal(signal.SIGSTOP)  # so that it looks only when the minute is over
        assert "A tenth of the requests now goes to release bad, the rest to " in first
        assert gradual.routes() == {role: (version, {new[role]: 0.1}) for role, (version, _) in before.items()}
        gradual.traffic(until=lambda: gradual.metered("Errors", "event-handler", new["event-handler"]))
        assert gradual.alarm_states() == {"event-handler": "ALARM", "query": "OK"}
        release.send_signal(signal.SIGCONT)
        printed = release.communicate(timeout=HANG_SECONDS)
    reason = "All requests go to the old release again, because the alarm on the new version of event-handler is in"
    assert (release.returncode, printed) == (1, ("", ANY)), printed
    assert printed[1].startswith(f"{reason} ALARM. See: python -m ops logs --errors;")
    assert gradual.routes() == before
    assert ("alerts-p2", 'ALARM: "event-handler-canary" in eu-west-1') in world.new_pages()[quiet:]
    served = {role: gradual.metered("Invocations", role, number) for role, number in new.items()}
    world.cloud.advance(gradual.visibility_seconds())
    eventually(lambda: gradual.stored() == gradual.sent)
    for _ in range(5):
        gradual.send()
        assert gradual.query().status_code == 200
    assert {role: gradual.metered("Invocations", role, number) for role, number in new.items()} == served
    assert gradual.stored() == gradual.sent
    assert world.waiting() == world.waiting("deadLetterQueueUrl") == 0
    again = world.operator("release", "--canary")
    assert (again.exit_code, gradual.routes()) == (1, before)
    assert "event-handler-canary is in ALARM: this version failed a few minutes ago." in again.stderr


def test_query_that_crashes_goes_back_by_itself(world: World, gradual: Gradual, clock: Clock):
    before = gradual.routes()
    new = gradual.publish("crash", query={"handler": "absent.handler"})
    world.cloud.advance(120)  # the alarm was on the version before, and forgets it
    clock.on_wait = lambda: gradual.traffic(until=lambda: gradual.metered("Errors", "query", new["query"]))
    result = world.operator("release", "--canary")
    assert (result.exit_code, clock.now) == (1, POLL_SECONDS), result.output
    assert "because the alarm on the new version of query is in ALARM" in result.stderr
    assert gradual.routes() == before
    assert gradual.alarm_states() == {"event-handler": "OK", "query": "ALARM"}


def test_good_version_goes_on_only_with_enough_data(world: World, gradual: Gradual, clock: Clock):
    """Its alarms are quiet from the first minute on, because nothing invokes it."""
    before, new = gradual.routes(), gradual.publish("good")
    world.cloud.advance(300)
    assert gradual.alarm_states() == {"event-handler": "OK", "query": "OK"}
    seen: list[object] = []
    clock.on_wait = lambda: seen.append(gradual.routes())
    watch = ("release", "--canary", "--minutes", "0.5", "--requests", "1")
    result = world.operator(*watch)
    tenth = {role: (version, {new[role]: 0.1}) for role, (version, _) in before.items()}
    assert (result.exit_code, seen, gradual.routes()) == (3, [tenth] * 6, tenth), result.output
    assert "the new version of event-handler got 0 of 1 requests" in result.stderr
    assert "a tenth of the requests goes to release good" in world.operator("status").stdout

    def first_traffic() -> None:
        clock.on_wait = lambda: seen.append(gradual.routes())
        gradual.traffic(until=lambda: gradual.least_invocations(new) >= 1)

    clock.on_wait = first_traffic
    result = world.operator(*watch)
    assert (result.exit_code, seen[6:]) == (0, [tenth]), result.output
    assert "All requests go to the new release: nothing failed in 0.5 minutes." in result.stdout
    assert gradual.routes() == {role: (number, {}) for role, number in new.items()}
    assert gradual.stored() == gradual.sent


def test_failures_of_the_old_version_do_not_stop_a_good_one(world: World, gradual: Gradual, clock: Clock):
    """Every query of the old version fails, so that the whole service is unhealthy before the release begins."""
    gradual.publish("old", query={"variables": {"TABLE_NAME": "gone"}})
    assert world.operator("release").exit_code == 0
    for _ in range(15):
        if "service-health" in world.firing():
            break
        for _ in range(10):
            gradual.query()
        world.cloud.advance(60)
    new = gradual.publish("fixed")
    world.cloud.advance(120)
    assert "service-health" in world.firing()
    failed = gradual.failed_queries
    # Which version gets a request is drawn: a few requests can all go to the new one.
    clock.on_wait = lambda: gradual.traffic(
        until=lambda: gradual.least_invocations(new) >= 1 and gradual.failed_queries > failed + 3
    )
    result = world.operator("release", "--canary", "--minutes", "0.25", "--requests", "1")
    assert (result.exit_code, gradual.routes()) == (0, {role: (number, {}) for role, number in new.items()}), (
        result.output
    )
    assert gradual.alarm_states() == {"event-handler": "OK", "query": "OK"}
    assert gradual.query().status_code == 200


def test_unplugged_evaluator_fails_the_drill(blind_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch):
    """The control of the drills. It needs a stack that has handled no event, so it comes first."""
    monkeypatch.setattr(run, "WARM_UP_MINUTES_MAX", 6)
    drill, progress = DRILLS[DrillName.CONSUMER_STOPPED], Progress(99, Console(quiet=True))
    with pytest.raises(UnexpectedAnswerError, match="Not OK after 6 minutes: ingest-unhealthy"):
        DrillRun(drill, DrilledStack(blind_cloud), progress, stepped_minute).run(lambda: None)


def test_unplugged_evaluator_is_silent(blind_cloud: LocalCloud):
    """The control: without what evaluates, the same fault notifies nobody."""
    world = World(blind_cloud)
    world.enable_consumer(enabled=False)
    for _ in range(2 * PAGED_AFTER):
        world.send()
        world.cloud.advance(60)
    assert (world.firing(), world.new_pages()) == (set(), [])
    world.enable_consumer(enabled=True)
