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

    def forget(self) -> None:
        """Begin anew, for the next test."""
        self.errors.clear()
        self.foreign.clear()


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


@pytest.fixture(scope="package")
def watching() -> Witness:
    return Witness()


@pytest.fixture(scope="package")
def profile(chromium: "Browser", stack: Stack, watching: Witness) -> "Iterator[BrowserContext]":
    """One user's browser. Making one takes a second, and what it has cached would be loaded again."""
    profile = chromium.new_context(viewport={"width": WIDTH, "height": 900})
    profile.set_default_timeout(HANG_SECONDS * 1_000)
    profile.on("page", lambda page: watching.watch(page, stack.address))
    leave(profile.new_page(), stack)
    yield profile
    profile.close()


def leave(page: "Page", stack: Stack) -> None:
    """Close the console, and forget what it has stored; the process is kept, with all that it has compiled."""
    page.goto(blank(stack))
    page.evaluate("localStorage.clear()")


def blank(stack: Stack) -> str:
    """The address of what runs no script, and is of the console's origin."""
    return f"{stack.address}/style.css"


def open_page(context: "BrowserContext", stack: Stack) -> "Page":
    """Another page of the same user; in the process of the first one, because to start a process takes a second."""
    first = context.pages[0]
    with context.expect_page() as opened:
        first.evaluate("address => { open(address); }", blank(stack))
    opened.value.wait_for_url(blank(stack))
    return opened.value


@pytest.fixture
def loaded_anew(profile: "BrowserContext", stack: Stack) -> Iterator[None]:
    """For a test that needs a document of its own, or leaves it as no other test can use it."""
    leave(profile.pages[0], stack)
    yield
    leave(profile.pages[0], stack)


@pytest.fixture
def witness(watching: Witness) -> Iterator[Witness]:
    watching.forget()
    yield watching
    assert (watching.errors, watching.foreign) == ([], [])


@pytest.fixture
def context(profile: "BrowserContext", witness: Witness) -> "Iterator[BrowserContext]":
    """One user's browser, with a single page."""
    yield profile
    for page in profile.pages[1:]:
        page.close()
    profile.pages[0].evaluate("0")  # until then, the witness may not have heard of the last error


@pytest.fixture
def page(context: "BrowserContext", stack: Stack) -> "Page":
    """The console with the alarms. It is loaded once, as users do, and goes from view to view with the tests."""
    from playwright.sync_api import expect

    page = context.pages[0]
    page.set_viewport_size({"width": WIDTH, "height": 900})
    if page.url == blank(stack):
        page.goto(stack.address)
    else:
        page.evaluate("location.hash = '#/left'")
        expect(page.locator("main > h1")).to_have_text("Not found")
        page.evaluate("location.hash = '#/alarms'")
    expect(page.locator("main > h1")).to_have_text("Alarms")
    expect(page.locator("#live")).to_contain_text("Live")
    return page
