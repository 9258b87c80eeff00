"""The logs view in a real browser: live tail, filters, what is typed meanwhile, and queries."""

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stack
from tests.browser.test_console import show, violations
from tests.fakes.waiting import HANG_SECONDS, eventually


def test_lines_appear_while_a_user_types_and_stand_still_while_paused(page: Page, stack: Stack):
    stack.handle_event(minutes=0)
    show(page, stack, "#/logs?function=event-handler&level=PLATFORM")
    lines = page.locator("#log-lines li")
    expect(lines.first).to_contain_text("platform.report")
    before = lines.count()
    opened = lines.first.locator("details")
    opened.locator("summary").click()
    identity = opened.get_attribute("data-id")
    page.get_by_label("Contains").type("plat")  # not sent yet
    stack.handle_event(minutes=0)
    expect(lines).not_to_have_count(before)
    assert lines.count() > before
    expect(page.get_by_label("Contains")).to_have_value("plat")
    expect(page.locator(f'details[data-id="{identity}"]')).to_have_attribute("open", "")

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    paused = lines.count()
    expect(page.locator("#live")).to_contain_text("Paused")
    stack.let_minutes_pass()
    stack.handle_event()
    page.get_by_label("Metrics too").check()  # filters apply while paused
    expect(page).to_have_url(re.compile("metrics=1.*end=|end=.*metrics=1"))
    expect(lines).to_have_count(paused)
    page.get_by_role("button", name="Resume").click()
    expect(lines).not_to_have_count(paused)


# What the page does half a second after lines have arrived waits until a test does it.
HOLD = """() => {
  const wait = setTimeout;
  window.held = [];
  setTimeout = (act, ms) => ms === 500 ? held.push(act) : wait(act, ms);
}"""


@pytest.mark.usefixtures("loaded_anew")
def test_lines_that_arrive_while_a_user_goes_on_pass_the_new_filters(page: Page, stack: Stack):
    show(page, stack, "#/logs?text=batch+folded")
    page.evaluate(HOLD)
    stack.handle_event(minutes=0)
    page.wait_for_function("() => held.length")
    show(page, stack, "#/logs?where=level+%3D%3D")
    with page.expect_response(re.compile("_console/logs")) as read:
        page.evaluate("() => held.pop()()")
    assert "where=level" in read.value.url
    expect(page.locator("#log-lines [role=alert]")).to_contain_text("Expected a value at character 8")


def test_view_that_was_read_before_the_newest_lines_is_read_again(page: Page, stack: Stack):
    stack.handle_event(minutes=0)
    show(page, stack, "#/alarms")
    with page.expect_response(re.compile("_console/logs")) as read:
        show(page, stack, "#/logs?level=PLATFORM")
    lines = page.locator("#log-lines li")
    expect(lines.first).to_be_visible()
    old, before = read.value.json(), lines.count()
    stack.handle_event(minutes=0)
    expect(lines).not_to_have_count(before)
    page.route("**/_console/logs?*", lambda route: route.fulfill(json=old), times=1)
    show(page, stack, "#/logs?level=PLATFORM&range=PT3H")
    expect(lines).to_have_count(before)
    stack.let_minutes_pass()  # without a line
    expect(lines).not_to_have_count(before)


def test_line_leads_to_all_lines_of_its_invocation_and_of_its_trace(page: Page, stack: Stack):
    stack.handle_event(minutes=0)
    show(page, stack, "#/logs?text=batch+folded")
    first = page.locator("#log-lines li").first
    first.locator("summary").click()
    expect(first.locator("dt", has_text="xray_trace_id")).to_be_visible()
    first.get_by_role("link", name="All lines of this invocation").click()
    expect(page.locator("#log-lines li", has_text="platform.start")).to_have_count(1)
    expect(page.locator("#log-lines li", has_text="batch folded")).to_have_count(1)
    page.locator("#log-lines li summary").first.click()
    page.get_by_role("link", name="All lines of this trace").first.click()
    expect(page).to_have_url(re.compile("trace=1-"))
    expect(page.locator("#log-lines li", has_text="platform.report")).to_have_count(1)


def test_condition_that_is_not_understood_is_said(page: Page, stack: Stack):
    show(page, stack, "#/logs?where=level+%3D%3D")
    expect(page.locator("#log-lines [role=alert]")).to_contain_text("Expected a value at character 8")
    page.get_by_label("Condition").fill("level = 'INFO'")
    page.get_by_label("Condition").press("Enter")
    expect(page.locator("#log-lines [role=alert]")).to_have_count(0)


def test_saved_query_is_chosen_edited_and_run(page: Page, stack: Stack):
    stack.handle_event(minutes=0)
    show(page, stack, "#/logs?text=no+line+contains+this")  # the check of violations would read all lines
    page.locator("#log-query summary").click()
    page.get_by_label("Saved query").select_option(label="event-processing/dev/09-memory-headroom")
    expect(page.get_by_label("Query", exact=True)).to_have_value(re.compile("platform.report"))
    page.get_by_role("button", name="Run").click()
    rows = page.locator("#log-rows tbody tr")
    expect(rows.first).to_contain_text("/event-processing/dev/")
    expect(page.locator("#log-rows")).to_contain_text("scanned lines")
    page.get_by_label("Query", exact=True).fill("stats count(*) as lines | sort liness(")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#log-rows [role=alert]")).to_contain_text("There is no function liness")
    expect(page.locator("#log-rows mark")).to_have_text("liness")
    assert violations(page) == []


def test_row_of_a_board_leads_to_its_query(page: Page, stack: Stack):
    stack.handle_event()
    show(page, stack, "#/boards/event-processing-dev-ingest?range=PT1H")
    page.locator("section.log", has_text="Memory").get_by_role("link", name="Edit and run").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value(re.compile("maxMemoryUsedMB"))
    expect(page.get_by_label("Range")).to_have_value("PT1H")
    expect(page.locator("#log-rows tbody tr").first).to_be_visible()


def traced_message(stack: Stack) -> str:
    """The ID of a message whose invocation was traced: of the first in each second, that is certain."""

    def read(path: str, **given: str) -> Any:
        return requests.get(f"{stack.address}/{path}", params=given, timeout=HANG_SECONDS).json()

    def found() -> list[str]:
        stack.handle_event(minutes=0)
        ids = [message["id"] for message in read("journeys")["messages"]]
        return [name for name in ids if any(step.get("trace") for step in read("journey", name=name)["steps"])]

    return eventually(found)[0]


def test_followed_event_leads_to_the_lines_and_the_trace_of_its_batch_and_back(page: Page, stack: Stack):
    message = traced_message(stack)
    show(page, stack, "#/follow")
    page.get_by_role("link", name=message).click()
    page.get_by_role("link", name="its log lines").click()
    expect(page.locator("#log-lines li", has_text="platform.start")).to_have_count(1)
    page.go_back()
    page.get_by_role("link", name="its trace").click()
    page.get_by_label("Trace", exact=True).locator("summary", has_text="event-handler").first.click()
    request = page.get_by_role("link", name="Log lines of this request")
    request.first.click()
    expect(page.locator("#log-lines li", has_text="batch folded")).to_have_count(1)


def test_part_of_the_system_and_board_lead_to_lines_and_traces(page: Page, stack: Stack):
    traced_message(stack)
    show(page, stack, "#/system/event-handler")
    page.get_by_role("link", name="Log lines").click()
    expect(page.get_by_label("Log of")).to_have_value("event-handler")
    page.go_back()
    page.get_by_role("main").get_by_role("link", name="Traces", exact=True).click()
    expect(page.locator("select[name=service]")).to_have_value("event-processing-dev-event-handler")
    expect(page.locator(".trace").first).to_be_visible()
    show(page, stack, "#/boards/event-processing-dev-ingest")
    page.get_by_role("link", name="Trace map").click()
    expect(page.locator("h1").first).to_have_text("Traces")


def test_rows_of_a_query_are_above_the_lines(page: Page, stack: Stack):
    stack.handle_event(minutes=0)
    show(page, stack, "#/logs?query=fields%20%40message%20%7C%20limit%203")
    expect(page.locator("#log-rows tbody tr")).to_have_count(3)
    expect(page.locator("#log-rows")).to_be_in_viewport()
