"""docs/pages.md is what the deployed alarms say, and every one of them can be read at night on every receiver."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.pager import PATH, Pager
from tools.pages import AT, DOCUMENT, REGION, Notification, document, in_chat, in_mail, in_pagerduty, notifications

# SNS accepts no longer subject, so CloudWatch would cut off the name of the alarm.
SUBJECT_LIMIT = 100
LONGEST_REGION = "Asia Pacific (New Zealand)"
RECEIVERS: dict[str, Callable[[Notification], str]] = {"pager": in_pagerduty, "chat": in_chat, "mail": in_mail}
LINE = re.compile(r"[A-Z][^|]+\. \| First: python -m ops [^|]+ --stack \w+ \| Runbook: https://\S+#[a-z0-9-]+")


def problems(received: Notification) -> Iterator[str]:
    """Yield what keeps an engineer who was woken from reading what is wrong, since when, what to do, and where."""
    if not LINE.fullmatch(received.line):
        yield f"the line is {received.line}"
    if len(received.subject.replace(REGION, LONGEST_REGION)) > SUBJECT_LIMIT:
        yield f"the subject is cut off: {received.subject}"
    # Its reason has a time too, which need not be there.
    received = replace(received, message={**received.message, "NewStateReason": "Threshold Crossed"})
    for receiver, show in RECEIVERS.items():
        shown = show(received)
        if received.line not in " ".join(shown.split()):
            yield f"{receiver} does not show the line"
        if "03:12:07" not in shown:
            yield f"{receiver} does not show since when"
        if re.search(r'[{}\[\]\\]|":', shown):
            yield f"{receiver} shows JSON"


def test_document_is_what_the_alarms_say(prod_graph: Graph) -> None:
    assert DOCUMENT.read_text() == document(prod_graph), "run: python -m tools.pages"


@pytest.mark.parametrize("graph", ["dev_graph", "prod_graph", "extended_graph"])
def test_every_notification_is_readable(graph: str, request: pytest.FixtureRequest) -> None:
    found = list(notifications(request.getfixturevalue(graph)))
    assert len(found) > 10
    assert {resource.name: list(problems(received)) for _, resource, received in found if [*problems(received)]} == {}


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("AlarmDescription", "First: python -m ops", "First: look"),
        ("AlarmDescription", " | Runbook: https://", " | Runbook: "),
        ("AlarmDescription", "Logins are stored", '{"logins": "stored"}'),
        ("AlarmDescription", "Then: ", 'Then: {"metric": "age"} '),
        ("AlarmName", "event-processing", "event-processing-of-all-logins-of-all-users"),
        ("StateChangeTime", "03:12:07", "04:12:07"),
    ],
)
def test_unreadable_notification_is_noticed(field: str, old: str, new: str, prod_graph: Graph) -> None:
    (received,) = (found for _, resource, found in notifications(prod_graph) if resource.name == "ingest-unhealthy")
    assert list(problems(received)) == []
    message: dict[str, Any] = {**received.message, field: received.message[field].replace(old, new)}
    assert message != received.message
    subject = received.subject.replace(old, new) if field == "AlarmName" else received.subject
    assert list(problems(replace(received, message=message, subject=subject)))


def test_local_pager_shows_the_same_line(prod_graph: Graph) -> None:
    pager = Pager(SteppedClock(AT.timestamp()))
    for _, _, received in notifications(prod_graph):
        pager.receive("topic", "https", received.subject, json.dumps(received.message), "https://pager.example.com")
    page = re.sub(r"<[^>]+>", "", pager.answer(PATH, "localhost")[2].decode())
    for _, _, received in notifications(prod_graph):
        assert f"ALARM since 2026-01-31 03:12:07 UTC: {received.line}" in page.replace("&#x27;", "'")
    assert not re.search(r'{"|":', page)
