"""Queues, table and API in a real browser: what is typed stays, what is sent arrives, and nothing is done unasked."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Stack, Witness
from tests.browser.test_console import PREFIX, show, violations
from tests.fakes.events import login

DEAD = f"#/queues/{PREFIX}events-dead-letters"
HOSTILE = "<img src=x onerror=alert(1)>"
LOOK = "**/_console/queue?*"
LOOK_AGAIN = "dispatchEvent(new Event('hashchange'))"
pytestmark = pytest.mark.usefixtures("loaded_anew")  # the view of the queues keeps what was sent


def send_raw(page: Page, stack: Stack, body: str) -> None:
    show(page, stack, "#/queues")
    page.get_by_text("Send a body of your own").click()
    page.get_by_label("Body", exact=True).fill(body)
    page.get_by_role("button", name="Send the body").click()
    expect(page.get_by_role("button", name="Send again").first).to_be_visible()


def letter(page: Page, text: str) -> Locator:
    return page.locator(".records > li", has_text=text)


def invalid(user: str) -> str:
    return json.dumps(login(user, "mail", HOSTILE, "yesterday"))


@pytest.fixture
def dead(page: Page, stack: Stack) -> Iterator[Locator]:
    """A dead letter, on the page of its queue."""
    send_raw(page, stack, invalid("dora"))
    show(page, stack, DEAD)
    yield letter(page, "dora")
    discard_all(page, stack)


def discard_all(page: Page, stack: Stack) -> None:
    if DEAD not in page.url:
        show(page, stack, DEAD)
    everything, none = page.get_by_role("button", name="Discard all"), page.get_by_text("There are no dead letters.")
    if everything.is_visible():
        everything.click()
        page.get_by_role("dialog").get_by_role("button", name="Discard").click()
        expect(none).to_be_visible()
        # Until it ends, the command also takes dead letters that arrive later.
        command = page.get_by_role("region", name="Command", exact=True)
        expect(command.get_by_role("status")).to_contain_text("Ended")
    expect(none).to_be_visible()


def test_event_is_sent_by_keyboard_and_found_in_the_table(page: Page, stack: Stack):
    show(page, stack, "#/queues")
    page.get_by_label("User ID").focus()
    for text in ("nina", "wiki", "Team wiki"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"Sent as [0-9a-f-]{36}"))).to_be_visible()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("Sent as")).to_have_count(2)
    page.get_by_role("link", name="Table").click()
    page.get_by_label("user_id is exactly").fill("nina")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#/table\?key=nina$"))
    page.get_by_text("nina · 1 entry").click()
    expect(page.get_by_role("cell", name="Team wiki")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("user_id is exactly").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("None has the key nobody.")).to_be_visible()


def test_what_is_typed_and_opened_stays_while_the_page_follows_the_cloud(page: Page, stack: Stack, dead: Locator):
    dead.locator("summary").press("Enter")
    expect(dead.locator("details")).to_have_attribute("open", "")
    field = page.get_by_label("Body or ID contains")
    field.press_sequentially("do")
    with page.expect_response(re.compile(r"/queue\?")), page.expect_response(re.compile("/state")):
        stack.advance(1)
    expect(field).to_be_focused()
    field.press_sequentially("ra")
    expect(field).to_have_value("dora")
    expect(dead.locator("details")).to_have_attribute("open", "")
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"\?text=dora$"))
    expect(page.get_by_text("Messages 1 to 1 of 1.")).to_be_visible()


def test_dead_letter_says_why_and_is_changed_only_after_a_yes(page: Page, dead: Locator):
    expect(dead.locator("summary")).to_contain_text("timestamp_malformed")
    dead.locator("summary").press("Enter")
    expect(dead.locator("details")).to_have_attribute("open", "")
    expect(dead).to_contain_text(HOSTILE)
    expect(dead.locator("img")).to_have_count(0)
    assert violations(page) == []
    page.set_viewport_size({"width": 500, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 500
    discard = dead.get_by_role("button", name="Discard")
    discard.press("Enter")
    dialog = page.get_by_role("dialog", name=re.compile("Discard the dead letter"))
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(discard).to_be_focused()
    expect(page.get_by_text("--message-id=")).to_have_count(0)  # no command about it was started
    dead.get_by_role("button", name="Redrive").click()
    page.get_by_role("dialog").get_by_role("button", name="Redrive").click()
    command = page.get_by_role("region", name="Command", exact=True)
    expect(command).to_contain_text("python -m ops dead-letters redrive --message-id=")
    expect(command).to_contain_text("violates the contract")
    expect(command.get_by_role("status")).to_contain_text("It failed with exit code 1.")
    expect(dead).to_be_visible()


def test_api_is_tried_with_and_without_a_token(page: Page, stack: Stack):
    show(page, stack, "#/api")
    page.get_by_label("User ID").fill("nobody/../else")
    page.get_by_label("User ID").press("Enter")
    api = page.get_by_role("region", name="API", exact=True)
    expect(api).to_contain_text("/users/nobody%2F..%2Felse/services")
    expect(api).to_contain_text("200")
    expect(api).to_contain_text(re.compile(r"Bearer eyJ.{7}…"))
    expect(page.get_by_role("region", name="Token endpoint", exact=True)).to_contain_text(
        "[the client's ID and secret]"
    )
    assert violations(page) == []
    page.set_viewport_size({"width": 500, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 500
    page.get_by_label("With").select_option("none")
    page.get_by_role("button", name="Send the request").click()
    expect(api).to_contain_text("401")
    expect(page.get_by_role("region", name="Token endpoint", exact=True)).to_have_count(0)


def test_queue_that_does_not_exist_and_an_event_that_is_refused_are_said(page: Page, stack: Stack, witness: Witness):
    page.goto(f"{stack.address}#/queues/absent")
    expect(page.get_by_role("alert").last).to_have_text("There is no queue absent.")
    show(page, stack, "#/queues")
    page.get_by_text("Send a body of your own").click()
    page.get_by_label("Body", exact=True).fill("x" * 70_000)
    page.get_by_role("button", name="Send the body").click()
    expect(page.locator(".failed").first).to_contain_text("The queue did not accept it (InvalidParameterValue)")
    assert all(re.search("404|422", error) for error in witness.errors)
    witness.errors.clear()


def test_answer_that_comes_late_takes_back_nothing(page: Page, stack: Stack):
    with page.expect_response(LOOK) as first:
        show(page, stack, DEAD)
    before, late = first.value.json(), list[Route]()
    assert before["messages"] == []
    page.route(LOOK, lambda route: late.append(route), times=1)
    with page.expect_request(LOOK):
        page.evaluate(LOOK_AGAIN)
    stack.cloud.client("sqs").send_message(
        QueueUrl=stack.cloud.outputs["deadLetterQueueUrl"], MessageBody=invalid("eve")
    )
    page.evaluate(LOOK_AGAIN)
    dead = letter(page, "eve")
    dead.locator("summary").press("Enter")
    expect(dead.locator("details")).to_have_attribute("open", "")
    with page.expect_response(LOOK):
        late.pop().fulfill(json=before)
    with page.expect_response(LOOK):
        page.evaluate(LOOK_AGAIN)
    expect(dead.locator("details")).to_have_attribute("open", "")
    expect(dead.locator("summary")).to_be_focused()
    discard_all(page, stack)
