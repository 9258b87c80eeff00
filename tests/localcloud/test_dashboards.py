"""Boards are drawn from their bodies alone: the numbers, the lines across, the states, and every word of them."""

import json
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloudwatch.expressions import ExpressionError
from localcloud.cloudwatch.metrics import MetricKey, MetricStore
from localcloud.cloudwatch.states import State
from localcloud.dashboards import browser, charts
from localcloud.dashboards.page import Moment, height_of, render
from localcloud.dashboards.series import lines_of, range_minutes

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
SENT = ["AWS/SQS", "Sent", "QueueName", "q"]
ARN = "arn:aws:cloudwatch:eu-west-1:1:alarm:event-processing-dev-{}"


@pytest.fixture
def store() -> MetricStore:
    """One event sent in minute 0, two in minute 1, none in minute 2, three and a half in minute 3, ..."""
    found = MetricStore()
    for minute, value in {0: 1.0, 1: 2.0, 3: 3.5}.items():
        found.add(MetricKey.of("AWS/SQS", "Sent", {"QueueName": "q"}), minute, value)
    return found


def widget(kind: str = "metric", **properties: Any) -> dict[str, Any]:
    return {"type": kind, "x": 0, "y": 0, "width": 24, "height": 6, "properties": properties}


def graph(**changes: Any) -> dict[str, Any]:
    line = [*SENT, {"id": "sent", "stat": "Sum", "label": "sent"}]
    return {"title": "Events", "view": "timeSeries", "period": 60, "metrics": [line]} | changes


def values(store: MetricStore, now: int = 4, **changes: Any) -> list[tuple[float | None, ...]]:
    return [line.values for line in lines_of(graph(**changes), store, now, "-PT3M")]


def test_a_line_has_one_value_for_each_period_and_gaps_where_there_is_none(store: MetricStore) -> None:
    assert values(store) == [(2.0, None, 3.5)]


def test_periods_begin_at_full_multiples_and_the_last_is_what_there_is_of_it(store: MetricStore) -> None:
    assert values(store, now=3, period=120) == [(3.0, None)]
    assert values(store, now=4, period=120) == [(3.0, 3.5)]


def test_a_range_of_its_own_wins_and_a_figure_is_one_period(store: MetricStore) -> None:
    assert values(store, start="-PT2M") == [(None, 3.5)]
    assert values(store, setPeriodToTimeRange=True, start="-P1D") == [(6.5,)]


def test_math_is_computed_and_its_inputs_are_not_drawn(store: MetricStore) -> None:
    hidden = [*SENT, {"id": "sent", "stat": "Sum", "label": "sent", "visible": False}]
    result = [{"expression": "FILL(sent, 0) * 2", "id": "result", "label": "twice"}]
    assert values(store, metrics=[result, hidden]) == [(4.0, 0.0, 7.0)]
    with pytest.raises(ExpressionError):
        values(store, metrics=[[{"expression": "nothing", "id": "result", "label": ""}], hidden])


@pytest.mark.parametrize(("text", "minutes"), [("-PT30M", 30), ("-PT3H", 180), ("-P7D", 10_080)])
def test_a_range_is_so_many_minutes(text: str, minutes: int) -> None:
    assert range_minutes(text) == minutes


@pytest.mark.parametrize("text", ["-P3H", "-PT7D", "3H", "-P1W"])
def test_a_range_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a range"):
        range_minutes(text)


def figure(store: MetricStore, **changes: Any) -> charts.Figure:
    properties = graph(**changes)
    return charts.figure(properties, lines_of(properties, store, 4, "-PT3M"), EPOCH)


def test_thresholds_are_drawn_across_and_always_in_sight(store: MetricStore) -> None:
    line = {"value": 100, "label": "age (P1): > 100", "color": "#d13212", "fill": "above"}
    layout = figure(store, annotations={"horizontal": [line]})["layout"]
    assert layout["yaxis"]["range"][0] == 0
    assert layout["yaxis"]["range"][1] > 100
    across, shade = layout["shapes"]
    assert (across["y0"], across["line"]["color"]) == (100, "#d13212")
    assert (shade["y0"], shade["y1"]) == (100, layout["yaxis"]["range"][1])
    assert [one["text"] for one in layout["annotations"]] == ["age (P1): > 100"]


def test_an_empty_graph_says_so(store: MetricStore) -> None:
    empty = [["AWS/SQS", "Other", {"id": "other", "stat": "Sum", "label": "other"}]]
    assert [one["text"] for one in figure(store, metrics=empty)["layout"]["annotations"]] == ["No data in this range"]


def test_areas_are_as_high_as_their_sum(store: MetricStore) -> None:
    twice = [[*SENT, {"id": identifier, "stat": "Sum", "label": identifier}] for identifier in ("a", "b")]
    assert figure(store, metrics=twice, stacked=True)["layout"]["yaxis"]["range"][1] > 7


@pytest.fixture
def moment(store: MetricStore) -> Moment:
    states = {"event-processing-dev-api-5xx": State.OK, "event-processing-dev-queue-age": State.ALARM}
    return Moment(store=store, now=4, epoch=EPOCH, states=states, since={"event-processing-dev-queue-age": 1})


def page(moment: Moment, *widgets: dict[str, Any]) -> str:
    found = render({"start": "-PT3M", "widgets": list(widgets)}, "dev: overview", moment)
    return re.sub(r"<script>.*?</script>", "", found, count=1, flags=re.S)


def test_alarms_show_their_state_those_in_alarm_first_and_since_when(moment: Moment) -> None:
    found = page(moment, widget("alarm", title="Alarms", alarms=[ARN.format("api-5xx"), ARN.format("queue-age")]))
    assert re.findall(r'tile (\w+)".*?<b>(.*?)</b>(.*?)</div>', found) == [
        ("ALARM", "queue-age", "In alarm for 3 min"),
        ("OK", "api-5xx", "OK"),
    ]


def test_figures_show_their_number_and_nothing_where_there_is_none(moment: Moment) -> None:
    numbers = graph(view="singleValue", setPeriodToTimeRange=True)
    nothing: Any = [["AWS/SQS", "Other", {"id": "other", "stat": "Sum", "label": "other"}]]
    found = page(moment, widget(**numbers), widget(**numbers | {"metrics": nothing}))
    assert re.findall(r'class="figure">(.*?)<', found) == ["5.5", "--"]


def test_text_has_headings_buttons_and_no_markup_of_its_own(moment: Moment) -> None:
    text = "# Title\n[button:primary:Runbook](https://r) [button:Other](https://o)\n<script>alert()</script>"
    found = page(moment, widget("text", markdown=text))
    assert "<h1>Title</h1>" in found
    assert '<a class="button primary" href="https://r">Runbook</a>' in found
    assert '<a class="button " href="https://o">Other</a>' in found
    assert "<script>alert" not in found


def test_graphs_and_queries_are_all_there_and_cannot_end_the_script(moment: Moment) -> None:
    logs = widget("log", title="Errors", query="filter a < b")
    found = page(moment, widget(**graph(title="A </script> title")), logs)
    assert "<h3>A &lt;/script&gt; title</h3>" in found
    assert "filter a &lt; b" in found
    data = re.search(r"Object\.entries\((\{.*?\})\)\)", found)
    assert data
    assert json.loads(data[1])["0"]["data"][0]["y"] == [2.0, None, 3.5]
    assert found.count("</script>") == 1


def test_a_page_needs_nothing_from_anywhere(moment: Moment) -> None:
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="', page(moment, widget(**graph())))


def test_a_kind_of_widget_that_cannot_be_drawn_is_refused(moment: Moment) -> None:
    with pytest.raises(ValueError, match="explorer"):
        page(moment, widget("explorer"))


def test_a_page_is_as_high_as_its_last_row() -> None:
    assert height_of({"widgets": [widget(), widget() | {"y": 30}]}) > height_of({"widgets": [widget()]}) > 300


def fake_browser(folder: Path, script: str) -> str:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


def test_a_picture_is_taken_with_a_profile_that_is_gone_afterwards(tmp_path: Path) -> None:
    script = """for word in "$@"; do
        case "$word" in --screenshot=*) echo "$@ TMPDIR=$TMPDIR" > "${word#--screenshot=}";; esac
    done"""
    picture = tmp_path / "page.png"
    browser.take_picture(fake_browser(tmp_path, script), tmp_path / "page.html", picture, 1280, 900)
    said = picture.read_text()
    assert "--window-size=1280,900" in said
    profile = re.search(r"--user-data-dir=(\S+)", said)
    assert profile
    assert f"TMPDIR={profile[1]}" in said
    assert not Path(profile[1]).exists()


@pytest.mark.parametrize(
    ("script", "words"), [("echo broken >&2; exit 3", r"exit 3\): broken"), ("exit 0", "it said nothing")]
)
def test_a_browser_that_makes_no_picture_is_told_of(tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(browser.BrowserError, match=words):
        browser.take_picture(fake_browser(tmp_path, script), tmp_path / "page.html", tmp_path / "page.png", 10, 10)


def test_a_browser_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "TIMEOUT_SECONDS", 0.1)
    with pytest.raises(browser.BrowserError, match=r"in 0\.1 s"):
        browser.take_picture(fake_browser(tmp_path, "sleep 60"), tmp_path / "a", tmp_path / "b.png", 10, 10)


def test_without_a_browser_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find() is None
    (tmp_path / "chromium").write_text("#!/bin/sh\n")
    (tmp_path / "chromium").chmod(0o755)
    assert browser.find() == str(tmp_path / "chromium")
