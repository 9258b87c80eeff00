"""The console over HTTP: who may read and change what, bad input, and what its views contain."""

import json
from typing import Any

import pytest

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.console import console as console_module
from localcloud.console import http
from localcloud.console.console import Console
from localcloud.console.runbook import Runbook
from localcloud.observatory.alarm_parameters import read_composite_alarm
from localcloud.observatory.observatory import Observatory
from tests.fakes.consoles import ARN, HOST, NAME, ask, observed, post, token_of

HOSTILE = "<script>alert(1)</script>"
ADDRESSES = ("", "/state", "/style.css", "/console.js", f"/alarm?name={NAME}", "/changes?since=2026-01-01T00:00:00Z")


def board(title: str = "Failures", **more: Any) -> str:
    line = ["App", "Failed", {"id": "failed", "stat": "Sum", "label": "failed"}]
    graph = {"title": title, "view": "timeSeries", "period": 60, "metrics": [line]}
    place = {"x": 0, "y": 0, "width": 24, "height": 6}
    tiles = {"title": "Alarms", "alarms": [ARN + NAME, f"{ARN}event-processing-dev-absent"]}
    widgets = [{"type": "metric", "properties": graph | more, **place}, {"type": "alarm", "properties": tiles, **place}]
    return json.dumps({"start": "-PT3H", "widgets": widgets})


@pytest.fixture
def observatory() -> Observatory:
    observatory = observed()
    observatory.boards = lambda: {"overview": board()}
    observatory.advance(180)
    return observatory


def fail(observatory: Observatory, count: int = 3) -> None:
    observatory.store.add(MetricKey.of("App", "Failed", {}), int(observatory.clock.now() // 60), count)


@pytest.fixture
def console(observatory: Observatory) -> Console:
    return Console(observatory)


def mute(console: Console, value: object = None, **headers: str) -> int:
    return post(console, "/mute", {"name": NAME, "muted": True} if value is None else value, **headers).status


# Security


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_forbids_other_origins_frames_and_foreign_code(console: Console, address: str):
    found = ask(console, address, headers={"origin": "https://evil.example"})
    assert found.status == 200
    assert not [name for name in found.headers if name.startswith("access-control-")]
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.0.0.1:x", ""]
)
@pytest.mark.parametrize("address", [*ADDRESSES, "/events", "/absent"])
def test_request_for_another_host_is_rejected(console: Console, address: str, host: str):
    found = ask(console, address, headers={"host": host})
    assert (found.status, b"consumer-down" in found.body) == (403, False)


def test_unchecked_host_is_noticed(console: Console, monkeypatch: pytest.MonkeyPatch):
    """The control."""
    monkeypatch.setattr(console_module, "require_local", lambda scope: None)
    assert ask(console, "/state", headers={"host": "evil.example"}).status == 200


def test_change_needs_the_token_of_the_page(console: Console, observatory: Observatory):
    def muted() -> bool:
        return ask(console, "/state").json()["alarms"][0]["muted"]

    assert mute(console, x_console_token="") == 403
    assert mute(console, x_console_token=token_of(Console(observatory))) == 403
    assert mute(console, origin="http://127.0.0.1:1") == 403
    assert mute(console, origin="null") == 403
    assert mute(console, content_type="text/plain") == 415
    assert not muted()
    assert mute(console, origin=f"http://{HOST}") == 200
    assert muted()
    assert mute(console, {"name": NAME, "muted": False}) == 200
    assert not muted()


@pytest.mark.parametrize("value", [[], {}, 5, {"name": NAME}, {"name": NAME, "muted": 1}, {"name": [], "muted": True}])
def test_malformed_change_is_rejected(console: Console, value: object):
    assert mute(console, value) == 400


def test_change_of_an_absent_alarm_and_a_large_change_are_rejected(console: Console):
    assert mute(console, {"name": "absent", "muted": True}) == 404
    assert mute(console, {"name": "a" * http.BODY_MAX_BYTES, "muted": True}) == 413


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_reading_is_by_get_alone_and_changing_by_post(console: Console, method: str):
    found = ask(console, "/state", method=method)
    assert (found.status, "access-control-allow-methods" in found.headers) == (405, False)
    assert ask(console, "/mute").status == 405


def test_markup_in_names_and_texts_is_escaped(console: Console, observatory: Observatory):
    observatory.boards = lambda: {"overview": board(HOSTILE)}
    markup = ask(console, "/board?name=overview").json()["markup"]
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup
    assert "<script" not in Runbook(f"## absent\n{HOSTILE} [x](javascript:alert)\n").section_of(
        "a-absent", (), "#/alarms/", "#/runbook"
    )


# Bad input


@pytest.mark.parametrize(
    "query",
    [
        *(
            "range=",
            "range=3H",
            "range=PT4M",
            "range=P8D",
            "range=PT0H",
            "range=PT99999H",
            "range=P-1D",
            "range=PT3H%00",
        ),
        *("range=PT%D9%A1H", "end=", "end=tomorrow", "end=2026-13-01T00:00:00Z", "end=2026-01-01", "end=%FF"),
        *("range=PT3H&range=PT1H", "unknown=1", "range", f"range={'9' * 3_000}", "end=2026-01-01T00:00:00+01:00"),
    ],
)
def test_malformed_range_is_a_sentence(console: Console, query: str):
    found = ask(console, f"/board?name=overview&{query}")
    assert found.status == 400
    assert found.json()["error"].endswith((".", "none."))


def test_addresses_that_lead_nowhere_are_sentences(console: Console):
    for address in ("/absent", "/board?name=absent", "/alarm?name=absent", "/../x", "/board/overview", "/%2e%2e/x"):
        assert ask(console, address).status == 404, address
    for address in ("/board", "/alarm", "/changes", "/changes?since=", "/state?end=soon"):
        assert ask(console, address).status == 400, address


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            "[]",
            "{}",
            '{"start": "x", "widgets": 5}',
            board(view="pie", period="x"),
            '{"widgets": [{"type": "x"}]}',
        ),
        *(
            board(metrics=[[{"expression": text, "id": "e"}]])
            for text in ("ANOMALY_DETECTION_BAND(m1)", "1 +", "", "é")
        ),
        *(board(metrics=metrics) for metrics in (5, [[]], [["App"]], [["App", "Failed", {"stat": "p101", "id": "m"}]])),
    ],
)
def test_board_that_cannot_be_drawn_is_a_sentence(console: Console, observatory: Observatory, body: str):
    observatory.boards = lambda: {"overview": body}
    found = ask(console, "/board?name=overview")
    assert (found.status, "Board overview cannot be drawn here: " in found.json()["error"]) == (422, True)
    assert "KeyError" not in found.json()["error"]


def test_failure_of_the_console_quotes_nothing(console: Console, observatory: Observatory):
    def boards() -> dict[str, str]:
        raise OSError("secret")

    observatory.boards = boards
    found = ask(console, "/state")
    assert (found.status, b"secret" in found.body) == (500, False)
    assert "content-security-policy" in found.headers


# Views


def test_alarm_shows_state_severity_history_boards_and_its_runbook(console: Console, observatory: Observatory):
    fail(observatory)
    observatory.advance(120)
    [summary] = ask(console, "/state").json()["alarms"]
    assert (summary["state"], summary["since"], summary["severity"]) == ("ALARM", "2026-01-01T00:05:00Z", "P1")
    found = ask(console, f"/alarm?name={NAME}").json()
    assert found["boards"] == ["overview"]
    action, change = found["history"][:2]
    assert action["summary"].startswith("Failed to execute action arn:aws:sns:")
    assert action["text"] == 'Could not notify event-processing-dev-alerts-p1. Received error: "nothing publishes"'
    assert (change["state"], change["text"]) == ("ALARM", "OK → In alarm")
    assert "aws lambda list-event-source-mappings" in found["runbook"]


def test_links_of_the_runbook_lead_to_alarms_that_exist():
    runbook = Runbook(
        "# Runbook\n\n[b](#b)\n## a\nSee [b](#b), [c](#c), [AWS](https://aws.example/?a=1&b=2), [file](x.md).\n## b\n"
        "Roll back (top of this page).\n"
    )
    alarms = {"p-dev-a", "p-dev-b"}
    markup = runbook.section_of("p-dev-a", alarms, "#/alarms/", "#/runbook")
    assert '<a href="#/alarms/p-dev-b">b</a>, c, ' in markup
    assert 'href="https://aws.example/?a=1&amp;b=2" rel="noopener noreferrer"' in markup
    assert markup.count("<a ") == 2
    assert runbook.section_of("p-dev-absent", alarms, "#/alarms/", "#/runbook") == ""
    assert '(<a href="#/runbook">top of the runbook</a>)' in runbook.section_of("p-dev-b", alarms, "#/", "#/runbook")
    assert runbook.top == "<p>b</p>\n"


def test_committed_runbook_says_above_its_headings_what_its_sections_refer_to(console: Console):
    found = ask(console, "/runbook").json()
    assert found["alarms"] == [NAME]
    for part in ("See what is wrong now", "Roll back", "Undo manual changes"):
        assert f"<strong>{part}" in found["top"]


def test_longest_heading_that_fits_is_the_section():
    runbook = Runbook("## delivered\nshort\n## alerts-delivered\nlong\n")
    assert "long" in runbook.section_of("p-dev-alerts-delivered", (), "#/alarms/", "#/runbook")


def test_board_has_graphs_tiles_that_are_links_and_alarms_that_do_not_exist(console: Console, observatory: Observatory):
    fail(observatory)
    observatory.advance(60)
    found = ask(console, "/board?name=overview&range=PT5M").json()
    values = found["figures"]["0"]["data"][0]["y"]
    assert (len(values), values[-1]) == (5, 3)
    assert f'<a href="#/alarms/{NAME}"' in found["markup"]
    assert "event-processing-dev-absent" in found["markup"]


def test_past_has_the_states_and_values_of_then(console: Console, observatory: Observatory):
    before = "end=2026-01-01T00:03:00Z"
    was = ask(console, f"/board?name=overview&{before}").json()
    fail(observatory)
    observatory.advance(120)
    assert ask(console, "/board?name=overview").json()["markup"] != was["markup"]
    assert ask(console, f"/board?name=overview&{before}").json() == was
    [alarm] = ask(console, f"/state?{before}").json()["alarms"]
    assert alarm["state"] != "ALARM"
    assert ask(console, f"/alarm?name={NAME}&{before}").json()["history"][0]["state"] != "ALARM"
    future = ask(console, "/state?end=2999-01-01T00:00:00Z").json()
    assert future["end"] == future["now"]


def test_changes_are_those_after_a_time(console: Console, observatory: Observatory):
    fail(observatory)
    observatory.advance(120)
    found = ask(console, "/changes?since=2026-01-01T00:04:00Z").json()
    assert (found["count"], found["changes"][-1]["state"]) == (2, "ALARM")
    assert ask(console, "/changes?since=2026-01-01T00:05:00Z").json()["count"] == 0


def test_composite_names_its_parts(console: Console, observatory: Observatory):
    whole = {"AlarmName": "event-processing-dev-service-health", "AlarmRule": f'ALARM("{NAME}")'}
    alarm = read_composite_alarm(whole)
    observatory.alarms.put(alarm, whole, ARN + alarm.name)
    assert ask(console, f"/alarm?name={alarm.name}").json()["parts"] == [{"name": NAME, "state": "OK"}]
    assert ask(console, f"/alarm?name={NAME}").json()["partOf"] == [{"name": alarm.name, "state": "INSUFFICIENT_DATA"}]
