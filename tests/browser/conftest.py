"""Tests in a real browser. Where none can be driven they are not collected, and the run says so in its last lines."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from localcloud.boards import browser
from localcloud.cloud import LocalCloud
from localcloud.observatory.paths import CODE, KEY_HEADER
from tests.fakes import metering
from tests.fakes.browsers import missing
from tests.fakes.events import login
from tests.fakes.processes import living, with_command
from tests.fakes.waiting import HANG_SECONDS, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

WIDTH = 1_280
HANDLER_GROUP = "/event-processing/dev/event-handler"
collect_ignore_glob = ["test_*.py"] if missing() else []


class Stack:
    """A deployed stack whose clock is stepped, and the address of its console."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self.address = f"{cloud.outputs['endpoint']}/_console"
        cloud.advance(240)

    @property
    def cloud(self) -> LocalCloud:
        """The cloud itself."""
        return self._cloud

    def enable_consumer(self, *, enabled: bool) -> None:
        client = self._cloud.client("lambda")
        [mapping] = client.list_event_source_mappings()["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def advance(self, minutes: int) -> None:
        """Let minutes pass with an event in each."""
        body = json.dumps(login("ada", "mail", "Mail", "2026-01-01T00:00:00Z"))
        for _ in range(minutes):
            self._cloud.client("sqs").send_message(QueueUrl=self._cloud.outputs["queueUrl"], MessageBody=body)
            self._cloud.advance(60)

    def let_minutes_pass(self, minutes: int = 1) -> None:
        """Let minutes pass without an event."""
        self.cloud.advance(60 * minutes)

    def handle_event(self, minutes: int = 1) -> None:
        """Let an event be handled, and minutes end after its lines are in the log."""
        logs = self.cloud.client("logs")

        def reports() -> int:
            found = logs.filter_log_events(logGroupName=HANDLER_GROUP, filterPattern='{ $.type = "platform.report" }')
            return len(found["events"])

        before = reports()
        body = json.dumps(login("ada", "mail", "Mail", "2026-01-01T00:00:00Z"))
        self.cloud.client("sqs").send_message(QueueUrl=self.cloud.outputs["queueUrl"], MessageBody=body)
        assert eventually(lambda: reports() > before)
        if minutes:
            self.cloud.advance(60 * minutes)

    def tell_of_edit(self, **notice: bool | str | list[str]) -> None:
        """Let the console know what became of an edit, as the reloader does."""
        outputs = self._cloud.outputs
        headers = {KEY_HEADER: outputs["secretAccessKey"]}
        answer = requests.post(f"{outputs['endpoint']}{CODE}", json=notice, headers=headers, timeout=HANG_SECONDS)
        assert answer.status_code == 204

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The cloud's process stands still: its port is open, and nothing is answered."""
        [number] = living(with_command("localcloud.emulator.server", str(self._cloud.directory)))
        os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(number, signal.SIGCONT)

    def set_state(self, alarm: str, state: str) -> None:
        """Change the state of an alarm until it is evaluated again."""
        name = f"event-processing-dev-{alarm}"
        self._cloud.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


@dataclass
class Witness:
    """What went wrong in the pages of a browser, without any test having looked."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: "Page", address: str) -> None:
        """Note errors of the page, and requests to another origin."""
        origin = address.removesuffix("_console")
        page.on("console", lambda line: self.errors.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "request",
            lambda sent: None if sent.url.startswith((origin, "data:")) else self.foreign.append(sent.url),
        )


@pytest.fixture(scope="package")
def stack(checkout: Path) -> Iterator[Stack]:
    with metering.start(checkout) as cloud:
        yield Stack(cloud)


@pytest.fixture(scope="package")
def chromium() -> "Iterator[Browser]":
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=HANG_SECONDS * 1_000)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser.find(), args=list(browser.OPTIONS))
        yield launched
        launched.close()


@pytest.fixture
def witness() -> Iterator[Witness]:
    witness = Witness()
    yield witness
    assert (witness.errors, witness.foreign) == ([], [])


@pytest.fixture(scope="package")
def profile(chromium: "Browser") -> "Iterator[BrowserContext]":
    """Making one takes a second, and what it has cached would be loaded again."""
    profile = chromium.new_context(viewport={"width": WIDTH, "height": 900})
    profile.set_default_timeout(HANG_SECONDS * 1_000)
    yield profile
    profile.close()


@pytest.fixture
def context(profile: "BrowserContext", stack: Stack, witness: Witness) -> "Iterator[BrowserContext]":
    """One user's browser, which remembers nothing of earlier tests."""

    def watch(page: "Page") -> None:
        witness.watch(page, stack.address)

    profile.on("page", watch)
    for page in profile.pages:
        watch(page)
    yield profile
    profile.remove_listener("page", watch)
    # The first page is kept: a new one would read and compile everything again.
    for page in profile.pages[1:]:
        page.close()
    for page in profile.pages:
        page.goto(f"{stack.address}/style.css")  # nothing that runs, of the same origin: its process is kept
        page.evaluate("localStorage.clear()")


@pytest.fixture
def page(context: "BrowserContext", stack: Stack) -> "Page":
    from playwright.sync_api import expect

    page = context.pages[0] if context.pages else context.new_page()
    page.set_viewport_size({"width": WIDTH, "height": 900})
    page.goto(stack.address)
    expect(page.locator("#live")).to_contain_text("Live")
    return page
