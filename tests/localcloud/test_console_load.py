"""What the console costs and holds: many log lines, several consoles, and a week of uptime."""

import json
import tracemalloc

import pytest

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.console import views
from localcloud.console.console import Console
from localcloud.observatory import alarms, pager
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.observatory import Observatory
from tests.fakes.consoles import START, ask, put

DAY_MINUTES = 1_440
LINES = 10_000
ALARMS = 26
TOPICS = ["arn:aws:sns:eu-west-1:123456789012:p-dev-alerts-p1"]
HELD_BYTES = 60_000_000
"""What a week may leave, its metrics included. 36 MB were measured, in eight minutes on a busy machine."""


def board() -> str:
    lines = [["App", f"m{number}", {"id": f"m{number}", "stat": "Sum", "label": "m"}] for number in range(8)]
    place = {"x": 0, "y": 0, "width": 24, "height": 6}
    graph = {"title": "t", "view": "timeSeries", "period": 60, "metrics": lines}
    return json.dumps({"start": "-PT3H", "widgets": [{"type": "metric", "properties": graph, **place}] * 10})


def observed(count: int) -> Observatory:
    """An observatory with that many alarms, whose actions reach the pager, and a board."""
    observatory = Observatory(SteppedClock(START))
    for number in range(count):
        put(observatory, name=f"p-dev-a{number}", AlarmActions=TOPICS, OKActions=TOPICS)

    def publish(topic: str, _: str, subject: str, message: str) -> None:
        observatory.pager.receive(topic, "https", subject, message, "https://a.example")

    observatory.alarms.publish = publish
    observatory.boards = lambda: {"p-dev-overview": board()}
    observatory.advance(180)
    return observatory


@pytest.fixture
def observatory() -> Observatory:
    return observed(ALARMS)


def emf(number: int) -> str:
    directive = {"Namespace": "App", "Dimensions": [[]], "Metrics": [{"Name": f"m{number % 8}", "Unit": "Count"}]}
    return json.dumps({"_aws": {"Timestamp": START * 1000, "CloudWatchMetrics": [directive]}, f"m{number % 8}": 1})


def test_log_lines_draw_nothing_again_and_two_consoles_share_a_drawing(
    observatory: Observatory, monkeypatch: pytest.MonkeyPatch
):
    drawn: list[str] = []
    draw = views.Views._draw
    monkeypatch.setattr(
        views.Views, "_draw", lambda self, name, *more: (drawn.append(name), draw(self, name, *more))[1]
    )
    told: list[int] = []
    console = Console(observatory)
    with observatory.feed.subscribed(lambda: told.append(observatory.feed.version)):
        before = observatory.feed.version
        observatory.log_lines("g", [*map(emf, range(LINES)), '{"_aws": {"CloudWatchMetrics": [', "{", "\ud800"])
        # An event says how many there are now, to the view that shows lines; the version is that of all others.
        assert told == [before]
        for _ in range(2):
            assert ask(console, "/board?name=p-dev-overview").status == 200
        observatory.advance(60)
        assert told[-1] > before
    figures, again = (ask(console, "/board?name=p-dev-overview").json()["figures"] for _ in range(2))
    assert figures == again
    assert len(drawn) == 2, "once before the end of the minute, once after it"
    assert sum(line["y"][-4] for line in figures["0"]["data"]) == LINES


def live(observatory: Observatory, console: Console, minutes: int) -> None:
    """Let time pass in which every alarm changes every five minutes, and a console looks every hour."""
    for minute in range(minutes):
        if minute // 5 % 2:
            observatory.store.add(MetricKey.of("App", "Failed"), int(observatory.clock.now() // 60), 1)
        observatory.log_lines("g", [emf(number) for number in range(8)])
        observatory.advance(60)
        if minute % 60 == 0:
            for address in ("/state", "/board?name=p-dev-overview", "/changes?since=2026-01-01T00:00:00Z"):
                assert ask(console, address).status == 200


def test_what_is_remembered_is_bounded(observatory: Observatory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(views, "DRAWN_MAX", 2)
    monkeypatch.setattr(views, "CHANGES_MAX", 50)
    console = Console(observatory)
    live(observatory, console, 180)
    assert len(observatory.pager.pages) == pager.PAGES_MAX
    assert len(console._views._drawn) == 2
    found = ask(console, "/changes?since=2026-01-01T00:00:00Z").json()
    assert (found["count"] > 1_000, len(found["changes"])) == (True, 50)


@pytest.mark.soak
def test_week_of_uptime_fits_in_the_stated_memory():
    observatory = observed(6)  # enough to fill the history
    console = Console(observatory)
    live(observatory, console, 60)  # what is imported and filled once
    tracemalloc.start()
    live(observatory, console, 7 * DAY_MINUTES)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(observatory.alarms.history) == alarms.HISTORY_MAX
    assert held < HELD_BYTES, held
