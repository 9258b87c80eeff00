"""The traces of the console in a real browser: found, opened, followed to logs and to other traces, and paused."""

import json
import re
import time

import pytest
from playwright.sync_api import Page, expect

from localcloud.cloud import LocalCloud
from localcloud.observatory.traces.headers import TraceHeader, new_span_id, new_trace_id
from tests.browser.conftest import WIDTH, Stack, Witness
from tests.browser.test_console import show, violations
from tests.fakes.waiting import eventually

HOSTILE = '<img src=x onerror="document.title=1">'


def put(cloud: LocalCloud, name: str, **more: object) -> str:
    """Send a trace of one segment now; return its ID."""
    now = time.time()
    trace_id = new_trace_id(now)
    document = {
        "id": new_span_id(),
        "name": name,
        "trace_id": trace_id,
        "start_time": now,
        "end_time": now + 0.5,
    } | more
    cloud.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    return trace_id


@pytest.fixture(scope="module")
def cloud(stack: Stack) -> LocalCloud:
    return stack.cloud


@pytest.fixture(scope="module")
def event(cloud: LocalCloud) -> TraceHeader:
    """The header of a message that is handled in a trace of its own."""
    sent, now = TraceHeader(root=new_trace_id(time.time()), parent=new_span_id(), sampled=True), time.time()
    call = {"id": sent.parent, "name": "sqs", "namespace": "aws", "start_time": now, "end_time": now + 0.01}
    call |= {"aws": {"operation": "SendMessage", "queue_url": cloud.outputs["queueUrl"]}}
    document = {
        "id": new_span_id(),
        "name": "producer",
        "trace_id": sent.root,
        "start_time": now,
        "end_time": now + 0.02,
    }
    cloud.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(document | {"subsegments": [call]})])
    attribute = {"AWSTraceHeader": {"DataType": "String", "StringValue": str(sent)}}
    queue = cloud.outputs["queueUrl"]
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="{}", MessageSystemAttributes=attribute)

    def is_handled() -> bool:
        end = time.time() + 7_200
        found = cloud.client("xray").get_trace_summaries(
            StartTime=end - 14_400,
            EndTime=end,
            FilterExpression='annotation.outcome AND service(id(type: "AWS::SQS::Queue"))',
        )
        return bool(found["TraceSummaries"])

    eventually(is_handled)
    return sent


def entries(page: Page, entry: str) -> int:
    return page.locator(".trace", has_text=entry).count()


def test_views_fit_both_widths_and_have_no_serious_violation(page: Page, stack: Stack, event: TraceHeader):
    for address, part in (("#/traces", ".trace"), (f"#/traces/{event.root}", ".waterfall li")):
        show(page, stack, address)
        expect(page.locator(part).first).to_be_visible()
        for width in (WIDTH, 500):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert violations(page) == []


def test_filters_are_in_the_address_and_survive_navigation(page: Page, stack: Stack, cloud: LocalCloud):
    put(cloud, "broken-service", fault=True, annotations={"colour": "red"})
    put(cloud, "fine-service", annotations={"colour": "green"})
    show(page, stack, "#/traces?range=PT1H")
    expect(page.locator(".trace", has_text="fine-service")).to_have_count(1)
    page.get_by_label("Result").select_option("fault")
    expect(page).to_have_url(re.compile("result=fault"))
    expect(page.locator(".trace", has_text="broken-service")).to_have_count(1)
    expect(page.locator(".trace", has_text="fine-service")).to_have_count(0)
    page.locator(".trace", has_text="broken-service").click()
    expect(page.locator("h1")).to_contain_text("Trace 1-")
    page.locator(".waterfall summary").first.click()
    page.get_by_role("link", name='colour = "red"').click()
    expect(page).to_have_url(re.compile("range=PT1H.*annotation=colour%3Dred"))
    expect(page.locator(".trace")).to_have_count(1)
    page.go_back()
    page.go_back()
    expect(page.get_by_label("Result")).to_have_value("fault")
    page.get_by_label("Filter expression").fill("colour of magic")
    page.get_by_label("Filter expression").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="does not support colour")).to_be_visible()
    expect(page.locator(".trace")).to_have_count(0)


def test_trace_leads_to_its_log_lines_and_to_the_batch_of_its_message(page: Page, stack: Stack, event: TraceHeader):
    show(page, stack, f"#/traces/{event.root}?range=PT1H")
    linked = page.get_by_label("Linked trace")
    expect(linked).to_contain_text("A message that was sent here was handled in")
    linked.get_by_role("heading").get_by_role("link").click()
    expect(page.get_by_label("Linked trace")).to_contain_text("A message of this batch was sent in")
    own = page.get_by_label("Trace", exact=True)
    for name in ("## event-handler", "decode", "quarantine"):
        expect(own.locator("summary", has_text=name)).to_be_visible()
    own.locator("summary", has_text="event-handler").first.click()
    line = own.get_by_role("link", name="Log lines of this request")
    assert re.search(r"#/logs\?range=PT1H&request=[0-9a-f-]{36}$", line.get_attribute("href") or "")
    trace = own.get_by_role("link", name="Log lines of the trace").first
    assert re.search(r"#/logs\?range=PT1H&trace=1-[0-9a-f-]+$", trace.get_attribute("href") or "")
    address = page.evaluate("location.hash").partition("?")[0]
    trace.click()
    expect(page.locator("main")).to_contain_text("platform.report")
    page.locator(".lines summary").first.click()
    page.locator(".lines").get_by_role("link", name="Trace", exact=True).first.click()
    expect(page).to_have_url(re.compile(re.escape(address)))
    expect(page.get_by_label("Linked trace")).to_contain_text("A message of this batch was sent in")


def test_map_leads_to_the_traces_of_a_service(page: Page, stack: Stack, event: TraceHeader):
    show(page, stack, "#/traces")
    node = page.locator(".map a.node", has=page.locator("text", has_text="SQS Queue")).first
    expect(page.locator(".map .edge.is-link").first).to_be_attached()
    name = (node.get_attribute("aria-label") or "").partition(",")[0]
    node.click()
    expect(page.locator("select[name=service]")).to_have_value(name)


def test_new_traces_appear_by_themselves_and_none_while_paused(page: Page, stack: Stack, cloud: LocalCloud):
    show(page, stack, "#/traces?text=appearing")
    expect(page.locator("main")).to_contain_text("No trace matches")
    put(cloud, "appearing-first")
    expect(page.locator(".trace", has_text="appearing-first")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#live")).to_contain_text("Paused")
    stack.advance(1)
    put(cloud, "appearing-second")
    page.get_by_label("Result").select_option("ok")  # filters apply while paused
    expect(page).to_have_url(re.compile("end=.*result=ok|result=ok.*end="))
    assert (entries(page, "appearing-first"), entries(page, "appearing-second")) == (1, 0)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".trace", has_text="appearing-second")).to_have_count(1)


@pytest.mark.usefixtures("loaded_anew")
def test_what_is_typed_is_not_lost_when_a_trace_arrives(page: Page, stack: Stack, cloud: LocalCloud):
    show(page, stack, "#/traces")
    field = page.get_by_label("Text anywhere")
    field.press_sequentially("half")
    page.evaluate("""() => {
        window.heard = 0;
        new EventSource("/_console/events").onmessage = () => { window.heard += 1; };
    }""")
    for count in (1, 2, 3):
        page.wait_for_function("count => window.heard >= count", arg=count)
        put(cloud, "interrupting")
    expect(field).to_have_value("half")
    field.press("Enter")
    expect(page).to_have_url(re.compile("text=half"))


def test_hostile_names_are_text(page: Page, stack: Stack, cloud: LocalCloud):
    trace_id = put(
        cloud, HOSTILE, annotations={HOSTILE: HOSTILE}, http={"request": {"url": HOSTILE, "method": HOSTILE}}
    )
    show(page, stack, "#/traces?text=onerror")
    expect(page.locator(".trace", has_text="<img")).to_have_count(1)
    show(page, stack, f"#/traces/{trace_id}")
    page.locator(".waterfall summary").first.click()
    expect(page.locator(".about").first).to_contain_text("<img")
    assert page.locator("main img").count() == 0


@pytest.mark.usefixtures("loaded_anew")
def test_trace_that_is_not_kept_is_said(page: Page, stack: Stack, witness: Witness):
    page.evaluate("location.hash = '#/traces/1-00000000-000000000000000000000000'")
    expect(page.get_by_role("alert").filter(has_text="There is no such trace")).to_be_visible()
    assert all("404" in error for error in witness.errors)
    witness.errors.clear()
