"""The pager shows what would have been delivered, escaped, on this machine only."""

import json
import re

import pytest

from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.pager import HEADERS, PAGES_MAX, PATH, Pager

ALARM = json.dumps({"AlarmName": "a", "NewStateValue": "ALARM", "AlarmDescription": "<script>alert(1)</script>"})


@pytest.fixture
def pager() -> Pager:
    return Pager(SteppedClock(1_767_600_000))


def shown(pager: Pager, path: str = PATH, host: str = "127.0.0.1:4566") -> str:
    status, _, body = pager.answer(path, host)
    assert status == 200
    return body.decode()


def test_page_shows_what_arrived_escaped_and_without_endpoints(pager: Pager):
    assert "Nobody was notified" in shown(pager)
    assert pager.receive("t-p1", "https", 'ALARM: "a" <b>', ALARM, "https://events.example/secret-key")
    assert pager.receive("t-p2", "email", "hello", "not JSON & more", "")
    text = shown(pager)
    for expected in (
        "2026-01-05 08:00:00 UTC",
        "t-p1",
        "&lt;script&gt;",
        "e-mail, shown and not sent",
        "not JSON &amp; more",
    ):
        assert expected in text
    assert "<script" not in text
    assert "secret-key" not in text + shown(pager, f"{PATH}.json")
    assert text.index("hello") < text.index("t-p1")  # newest first


def test_page_begins_with_what_is_wrong_since_when_what_to_do_and_where_it_is_explained(pager: Pager):
    line = "Logins are late. | First: python -m ops status --stack dev | Runbook: https://example.com/runbook.md#a"
    message = {
        "AlarmName": "a",
        "AlarmDescription": f"{line}\n\nThen: look.\nBoard: https://board",
        "NewStateValue": "ALARM",
        "StateChangeTime": "2026-01-05T08:00:00.000+0000",
        "NewStateReason": "Threshold Crossed",
    }
    pager.receive("t-p1", "https", 'ALARM: "a" in EU (Ireland)', json.dumps(message), "https://a.example")
    article = shown(pager).partition("<article")[2]
    read = re.sub(r"<[^>]+>", "", article.partition("</p>")[0].partition(">")[2])
    assert read == f"ALARM since 2026-01-05 08:00:00 UTC: {line}"
    assert '<a href="https://example.com/runbook.md#a"' in article
    assert article.index("Threshold Crossed") < article.index("Then: look.")
    assert "{" not in article


def test_first_evaluations_are_folded_below_everything_else(pager: Pager):
    pager.receive("t", "https", "a page", ALARM, "https://a.example")
    for name in "bc":
        first = {"AlarmName": name, "OldStateValue": "INSUFFICIENT_DATA", "NewStateValue": "OK"}
        pager.receive("t", "https", f"OK: {name}", json.dumps(first), "https://a.example")
    text = shown(pager)
    assert text.index("a page") < text.index("2 notices of alarms") < text.index("OK: b")


def test_endpoint_that_never_exists_is_a_pager_that_is_down(pager: Pager):
    assert not pager.receive("t", "https", "s", ALARM, "https://pager.invalid/x")
    assert "not delivered" in shown(pager)
    assert json.loads(shown(pager, f"{PATH}.json"))[0]["delivered"] is False


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:1", 200), ("localhost", 200), ("evil.example", 403), ("127.0.0.1.evil.example:80", 403), ("", 403)],
)
def test_other_hosts_cannot_read_it(pager: Pager, host: str, status: int):
    assert pager.answer(PATH, host)[0] == status


def test_headers_allow_no_script_and_no_frame():
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


def test_old_pages_are_forgotten(pager: Pager):
    for number in range(PAGES_MAX + 10):
        pager.receive("t", "https", f"number {number}", "", "https://a.example")
    assert len(pager.pages) == PAGES_MAX
    assert pager.answer(f"{PATH}/other", "localhost")[0] == 404
