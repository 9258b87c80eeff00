"""The console in a real browser: what it shows, that it stays live, and who can use it."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from localcloud.emulator.process import Emulator
from tests.browser.conftest import WIDTH, Stack, Witness, open_page
from tests.fakes.checkout import ROOT
from tests.fakes.waiting import eventually
from tools import console_pictures

PREFIX = "event-processing-dev-"
VIEWS = {
    "alarms": "#/alarms",
    "filtered": "#/alarms?state=OK&severity=P1&text=api",
    "alarm": f"#/alarms/{PREFIX}consumer-down",
    "composite": f"#/alarms/{PREFIX}ingest-unhealthy",
    "overview": f"#/boards/{PREFIX}overview",
    "ingest": f"#/boards/{PREFIX}ingest",
    "api": f"#/boards/{PREFIX}api",
    "system": "#/system",
    "part": "#/system/queue",
    "changes": "#/changes",
    "queues": "#/queues",
    "dead letters": f"#/queues/{PREFIX}events-dead-letters",
    "table": "#/table",
    "try": "#/api",
    "runbook": "#/runbook",
    "logs": "#/logs",
    "query": "#/logs?query=fields%20%40timestamp%2C%20type%20%7C%20limit%205",
    "nowhere": "#/nowhere",
}
BOARDS = ("overview", "ingest", "api")
# Without what no test reads: details of rules that hold, the selectors of nodes, and styles of other hosts.
AXE_OPTIONS = {"resultTypes": ["violations"], "selectors": False, "preload": False}
SERIOUS = ("serious", "critical")


def show(page: Page, stack: Stack, address: str) -> None:
    """Go to a view, and wait for it."""
    before = page.query_selector("h1")
    page.goto(stack.address + address)
    if before and address != "#/alarms":
        page.wait_for_function("heading => !heading.isConnected", arg=before)
    expect(page.locator("h1").first).not_to_have_text("Console")


def violations(page: Page) -> list[str]:
    # A graph is an image with a name; its inside is for nobody, and large.
    inside = ".chart .plot-container"
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(
        "([context, options]) => axe.run(context, options).then(({ violations }) => violations)",
        [{"exclude": [[inside]]}, AXE_OPTIONS],
    )
    return [f"{rule['id']}: {node['html']}" for rule in found if rule["impact"] in SERIOUS for node in rule["nodes"]]


def size(picture: Path) -> tuple[int, int]:
    """Width and height, which a PNG has at these bytes."""
    head = picture.read_bytes()
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def tile(page: Page, alarm: str) -> Locator:
    return page.locator(f'main .alarm[title="{PREFIX}{alarm}"]')


def let_a_minute_pass(page: Page, stack: Stack) -> None:
    """Return when the page shows what is new."""
    before = page.locator("#live").inner_text()
    stack.advance(1)
    expect(page.locator("#live")).not_to_have_text(before)


@pytest.mark.parametrize("view", VIEWS)
def test_view_fits_both_widths_and_has_no_serious_violation(page: Page, stack: Stack, view: str):
    show(page, stack, VIEWS[view])
    if view in BOARDS:
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    page.set_viewport_size({"width": 500, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 500
    # At this width more has to scroll, which must be possible by keyboard; nothing else differs. Nor do the boards.
    if view not in BOARDS[1:]:
        assert violations(page) == []


@pytest.mark.usefixtures("loaded_anew")
def test_violations_are_noticed(page: Page):
    """The control."""
    page.evaluate("document.querySelector('#range').parentElement.replaceWith(document.querySelector('#range'))")
    assert [found for found in violations(page) if found.startswith("select-name")]


@pytest.mark.usefixtures("loaded_anew")
def test_errors_and_requests_to_another_host_are_noticed_and_prevented(page: Page, witness: Witness):
    """The control, and what the policy is for."""
    prevented = page.evaluate("fetch('http://192.0.2.1/').then(() => false, () => true)")
    assert prevented
    eventually(lambda: page.evaluate("0") or [error for error in witness.errors if "Content Security Policy" in error])
    page.evaluate(
        "window.ran = false; document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"ran=true\">')"
    )
    assert page.evaluate("ran") is False
    witness.errors.clear()
    witness.foreign.clear()


def test_links_lead_from_view_to_view_and_keep_the_range(page: Page):
    page.get_by_label("Range").select_option("PT1H")
    expect(page).to_have_url(re.compile(r"#/alarms\?range=PT1H$"))
    tile(page, "ingest-unhealthy").click()
    page.locator(".runbook").get_by_role("link", name="consumer-down").click()
    expect(page.locator("h1")).to_have_text(f"{PREFIX}consumer-down")
    page.get_by_role("link", name="top of the runbook").first.click()
    expect(page.locator(".runbook").first).to_contain_text("Roll back when an alarm began with a release")
    page.get_by_role("main").get_by_role("link", name="consumer-down").click()
    page.locator(".description").get_by_role("link", name=f"{PREFIX}overview").click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Runbook").click()
    expect(page).to_have_url(re.compile(r"#/runbook\?range=PT1H$"))
    page.go_back()
    page.get_by_role("link", name="Board: ingest").click()
    expect(page.locator("h1").first).to_have_text(f"{PREFIX}ingest")
    page.locator(f'a.tile[title="{PREFIX}queue-age"]').click()
    expect(page).to_have_url(re.compile(rf"#/alarms/{PREFIX}queue-age\?range=PT1H$"))
    page.go_back()
    expect(page.locator("h1").first).to_have_text(f"{PREFIX}ingest")
    page.get_by_role("navigation").get_by_role("link", name="Changes").click()
    expect(page).to_have_url(re.compile(r"#/changes\?range=PT1H$"))
    expect(page.locator("main")).to_contain_text("changes of alarms")


@pytest.mark.usefixtures("loaded_anew")
def test_filters_are_in_the_address(page: Page, stack: Stack):
    page.get_by_label("Notifies").select_option("P1")
    expect(tile(page, "ingest-unhealthy")).to_be_visible()
    expect(tile(page, "consumer-down")).to_have_count(0)
    page.get_by_label("Name contains").fill("dlq")
    page.get_by_label("Name contains").press("Enter")
    expect(page).to_have_url(re.compile(r"severity=P1&text=dlq"))
    expect(page.locator("main .alarm")).to_have_count(1)
    page.reload()
    expect(page.locator("main .alarm")).to_have_count(1)
    let_a_minute_pass(page, stack)
    expect(page.get_by_label("Name contains")).to_have_value("dlq")
    expect(page.locator("main .alarm")).to_have_count(1)


def test_alarms_and_boards_change_by_themselves_and_stand_still_while_paused(
    page: Page, context: BrowserContext, stack: Stack
):
    board, paused = open_page(context, stack), open_page(context, stack)
    show(board, stack, VIEWS["overview"])
    paused.goto(stack.address)
    paused.get_by_role("button", name="Pause").click()
    expect(paused.locator("#live")).to_contain_text("Paused")
    stack.enable_consumer(enabled=False)
    stack.advance(6)
    expect(tile(page, "ingest-unhealthy")).to_have_class("alarm is-ALARM")
    expect(page).to_have_title(re.compile(r"^\(\d\) Alarms"))
    expect(board.locator(f'a.tile.ALARM[title="{PREFIX}ingest-unhealthy"]')).to_be_visible()
    # A function: the page's policy forbids to evaluate an expression again and again.
    board.wait_for_function("() => Math.max(...document.querySelectorAll('.chart')[0].data[0].y) >= 5")
    expect(paused.locator("#live")).to_contain_text(re.compile(r"[1-9]\d* changes since"))
    expect(tile(paused, "ingest-unhealthy")).to_have_class("alarm is-OK")
    paused.get_by_role("button", name="Resume").click()
    expect(tile(paused, "ingest-unhealthy")).to_have_class("alarm is-ALARM")
    stack.enable_consumer(enabled=True)


@pytest.mark.usefixtures("loaded_anew")
def test_what_changed_while_the_console_was_closed_is_told_once(page: Page, context: BrowserContext, stack: Stack):
    stack.advance(1)
    expect(page.locator("#away")).to_be_hidden()
    seen = page.evaluate("localStorage.seen")
    later = open_page(context, stack)
    page.close()
    stack.advance(3)
    stack.set_state("api-latency", "ALARM")
    later.goto(stack.address)
    expect(later.locator("#away")).to_contain_text("While you were away")
    later.get_by_role("link", name="Show the changes").click()
    expect(later.locator("main").get_by_role("link", name="api-latency").first).to_be_visible()
    later.get_by_role("button", name="Dismiss").click()
    expect(later.locator("#away")).to_be_hidden()
    later.reload()
    expect(later.locator("#live")).to_contain_text("Live")
    expect(later.locator("#away")).to_be_hidden()
    assert later.evaluate("localStorage.seen") != seen
    stack.advance(1)


def test_broken_part_of_the_system_leads_to_its_alarm_board_and_runbook(page: Page, stack: Stack):
    show(page, stack, VIEWS["system"])
    table = page.locator('[data-part="table"]')  # no test of this stack disturbs it
    expect(table).to_have_class("part")
    stack.set_state("table-system-errors", "ALARM")
    expect(table).to_have_class("part is-broken")
    expect(table).to_contain_text("1 alarm: table-system-errors")
    table.click()
    expect(page.get_by_role("main").get_by_role("link", name=f"{PREFIX}ingest")).to_be_visible()
    tile(page, "table-system-errors").click()
    expect(page.locator(".runbook")).to_be_visible()
    stack.advance(1)


def test_muting_is_seen_by_another_console(page: Page, context: BrowserContext, stack: Stack):
    other = open_page(context, stack)
    other.goto(stack.address)
    show(page, stack, f"#/alarms/{PREFIX}api-latency")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Unmute")).to_be_focused()
    expect(tile(other, "api-latency")).to_contain_text("muted")
    page.get_by_role("button", name="Unmute").press("Enter")
    expect(tile(other, "api-latency")).not_to_contain_text("muted")


@pytest.mark.usefixtures("loaded_anew")
def test_console_is_used_by_keyboard(page: Page, stack: Stack):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("State")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.locator("main .alarm").first).to_be_focused()
    name = page.locator("main .alarm").first.get_attribute("title")
    let_a_minute_pass(page, stack)
    expect(page.locator(f'main .alarm[title="{name}"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("h1")).to_have_text(str(name))
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("end="))


def test_log_widgets_show_rows_and_lead_to_their_query(page: Page, stack: Stack):
    stack.handle_event()
    show(page, stack, f"{VIEWS['ingest']}?range=PT1H")
    memory = page.locator("section.log", has_text="Memory")
    expect(memory.locator("th").first).to_have_text("@log")
    expect(memory.locator("td").first).to_contain_text("/event-processing/dev/")
    expect(page.locator("section.log", has_text="by reason")).to_contain_text("No rows in this range")
    memory.get_by_text("The query").press("Enter")
    expect(memory.locator("pre")).to_contain_text('filter type = "platform.report"')
    let_a_minute_pass(page, stack)
    expect(memory.locator("pre")).to_be_visible()


def test_cloud_that_cannot_be_heard_is_said_until_it_can_be(chromium: Browser, stack: Stack):
    page = chromium.new_page()  # in a profile of its own, whose clock it sets
    page.clock.install()
    page.goto(stack.address + VIEWS["ingest"])
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.locator("#live")).to_contain_text("Live")
    with stack.stopped():
        page.clock.fast_forward(41_000)
        expect(page.locator("#lost")).to_contain_text("Connection lost")
        expect(page.locator("#live")).to_have_text("Connection lost")
        expect(page.locator(".js-plotly-plot").first).to_be_visible()  # what was shown stays
        assert violations(page) == []
    page.clock.fast_forward(3_000)
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator("#live")).to_contain_text("Live")
    page.close()


@pytest.mark.usefixtures("loaded_anew")
def test_page_goes_on_with_a_cloud_that_was_started_again(context: BrowserContext, witness: Witness):
    page = context.new_page()
    with Emulator.start() as first:
        page.goto(f"{first.endpoint}/_console#/changes?range=PT1H")
        expect(page.locator("#live")).to_contain_text("Live")
        port = int(first.endpoint.rpartition(":")[2])
    expect(page.locator("#lost")).to_contain_text("python -m localcloud up")
    page.get_by_role("link", name="Alarms").click()
    expect(page.get_by_role("alert").last).to_contain_text("The cloud cannot be reached.")
    with Emulator.start(port):
        expect(page.locator("#away")).to_contain_text("The cloud was started again")
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator("h1")).to_have_text("Alarms")
        expect(page.locator("#live")).to_contain_text("Live")
        page.close()
    assert all("ERR_" in error for error in witness.errors), "the browser logs every request that fails"
    witness.errors.clear()
    witness.foreign.clear()


def test_graphs_are_drawn_when_they_come_into_sight(page: Page, stack: Stack):
    show(page, stack, VIEWS["overview"])
    last = page.locator(".chart").last
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(last).not_to_have_class(re.compile("js-plotly-plot"))
    last.scroll_into_view_if_needed()
    expect(last).to_have_class(re.compile("js-plotly-plot"))
    let_a_minute_pass(page, stack)
    expect(last).to_be_in_viewport()
    expect(last).to_have_class(re.compile("js-plotly-plot"))


def test_pictures_of_the_documents_can_be_taken_again(chromium: Browser, stack: Stack, tmp_path: Path):
    stack.handle_event(minutes=0)  # one of the pictures is of a trace
    files = console_pictures.take(chromium, stack.address, PREFIX, tmp_path)
    sizes = {file.name: size(file) for file in files}
    assert sizes == {file.name: size(file) for file in (ROOT / "docs" / "images").glob("console-*.png")}


@pytest.mark.usefixtures("loaded_anew")
def test_board_that_does_not_exist_is_said(page: Page, stack: Stack, witness: Witness):
    page.goto(f"{stack.address}#/boards/absent")
    expect(page.get_by_role("alert")).to_have_text("There is no board absent.")
    assert all("404" in error for error in witness.errors)
    witness.errors.clear()


def test_edit_that_is_not_loaded_is_shown_until_it_is_mended(page: Page, stack: Stack):
    notice = page.locator("#code")
    expect(notice).to_be_hidden()
    stack.tell_of_edit(ok=False, sentence="store.py: not loaded", details=["store.py:1: <b>broken</b>"])
    expect(notice).to_contain_text("UTC: store.py: not loaded")
    expect(notice).to_contain_text("<b>broken</b>")
    expect(notice).to_have_class("is-broken")
    stack.tell_of_edit(ok=True, sentence="Fixed.", details=[])
    expect(notice).to_contain_text("UTC: Fixed.")
    expect(notice).not_to_have_class("is-broken")
