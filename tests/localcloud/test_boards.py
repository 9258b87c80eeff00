"""Boards are drawn from their bodies alone, with all values, thresholds, alarm states and texts."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.boards import browser, charts
from localcloud.boards.page import Snapshot, height_of, render
from localcloud.boards.series import lines_of, range_minutes
from localcloud.cloudwatch.expressions import ExpressionError
from localcloud.cloudwatch.metrics import MetricKey, MetricStore
from localcloud.cloudwatch.states import State

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
SENT = ["AWS/SQS", "Sent", "QueueName", "q"]
OTHER: Any = [["AWS/SQS", "Other", {"id": "other", "stat": "Sum", "label": "other"}]]
ARN = "arn:aws:cloudwatch:eu-west-1:1:alarm:event-processing-dev-{}"


@pytest.fixture
def store() -> MetricStore:
    """A metric with a gap in minute 2."""
    store = MetricStore()
    for minute, value in {0: 1.0, 1: 2.0, 3: 3.5}.items():
        store.add(MetricKey.of("AWS/SQS", "Sent", {"QueueName": "q"}), minute, value)
    return store


def widget(kind: str = "metric", **properties: Any) -> dict[str, Any]:
    return {"type": kind, "x": 0, "y": 0, "width": 24, "height": 6, "properties": properties}


def graph(**changes: Any) -> dict[str, Any]:
    line = [*SENT, {"id": "sent", "stat": "Sum", "label": "sent"}]
    return {"title": "Events", "view": "timeSeries", "period": 60, "metrics": [line]} | changes


def values(store: MetricStore, now: int = 4, **changes: Any) -> list[tuple[float | None, ...]]:
    return [line.values for line in lines_of(graph(**changes), store, now, "-PT3M")]


def test_periods_start_at_multiples_and_the_last_may_be_incomplete(store: MetricStore) -> None:
    assert values(store, now=3, period=120) == [(3.0, None)]
    assert values(store, now=4, period=120) == [(3.0, 3.5)]


def test_range_of_the_widget_overrides_the_board_and_a_figure_is_one_period(store: MetricStore) -> None:
    assert values(store, start="-PT2M") == [(None, 3.5)]
    assert values(store, setPeriodToTimeRange=True, start="-P1D") == [(6.5,)]


def test_math_is_computed_and_its_hidden_inputs_are_not_drawn(store: MetricStore) -> None:
    hidden = [*SENT, {"id": "sent", "stat": "Sum", "label": "sent", "visible": False}]
    result = [{"expression": "FILL(sent, 0) * 2", "id": "result", "label": "twice"}]
    assert values(store, metrics=[result, hidden]) == [(4.0, 0.0, 7.0)]
    with pytest.raises(ExpressionError):
        values(store, metrics=[[{"expression": "nothing", "id": "result", "label": ""}], hidden])


@pytest.mark.parametrize(("text", "minutes"), [("-PT30M", 30), ("-PT3H", 180), ("-P7D", 10_080)])
def test_range_in_minutes(text: str, minutes: int) -> None:
    assert range_minutes(text) == minutes


@pytest.mark.parametrize("text", ["-P3H", "-PT7D", "3H", "-P1W"])
def test_invalid_range_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a supported range"):
        range_minutes(text)


def figure(store: MetricStore, **changes: Any) -> charts.Figure:
    properties = graph(**changes)
    return charts.figure(properties, lines_of(properties, store, 4, "-PT3M"), EPOCH)


def test_thresholds_are_drawn_and_always_visible(store: MetricStore) -> None:
    line = {"value": 100, "label": "age (P1): > 100", "color": "#d13212", "fill": "above"}
    layout = figure(store, annotations={"horizontal": [line]})["layout"]
    assert layout["yaxis"]["range"][0] == 0
    assert layout["yaxis"]["range"][1] > 100
    threshold, shade = layout["shapes"]
    assert (threshold["y0"], threshold["line"]["color"]) == (100, "#d13212")
    assert (shade["y0"], shade["y1"]) == (100, layout["yaxis"]["range"][1])
    assert [note["text"] for note in layout["annotations"]] == ["age (P1): > 100"]


def test_empty_graph_says_that_it_has_no_data(store: MetricStore) -> None:
    notes = figure(store, metrics=OTHER)["layout"]["annotations"]
    assert [note["text"] for note in notes] == ["No data in this range"]


def test_axis_of_stacked_areas_fits_their_sum(store: MetricStore) -> None:
    twice = [[*SENT, {"id": identifier, "stat": "Sum", "label": identifier}] for identifier in ("a", "b")]
    assert figure(store, metrics=twice, stacked=True)["layout"]["yaxis"]["range"][1] > 7


@pytest.fixture
def snapshot(store: MetricStore) -> Snapshot:
    states = {"event-processing-dev-api-5xx": State.OK, "event-processing-dev-queue-age": State.ALARM}
    return Snapshot(store=store, now=4, epoch=EPOCH, states=states, since={"event-processing-dev-queue-age": 1})


def page(snapshot: Snapshot, *widgets: dict[str, Any]) -> str:
    html = render({"start": "-PT3M", "widgets": list(widgets)}, "dev: overview", snapshot)
    return re.sub(r"<script>.*?</script>", "", html, count=1, flags=re.S)


def test_alarms_in_alarm_come_first_with_their_duration(snapshot: Snapshot) -> None:
    found = page(snapshot, widget("alarm", title="Alarms", alarms=[ARN.format("api-5xx"), ARN.format("queue-age")]))
    assert re.findall(r'tile (\w+)".*?<b>(.*?)</b>(.*?)</div>', found) == [
        ("ALARM", "queue-age", "In alarm for 3 min"),
        ("OK", "api-5xx", "OK"),
    ]


def test_figures_show_their_value_or_dashes(snapshot: Snapshot) -> None:
    numbers = graph(view="singleValue", setPeriodToTimeRange=True)
    found = page(snapshot, widget(**numbers), widget(**numbers | {"metrics": OTHER}))
    assert re.findall(r'class="figure">(.*?)<', found) == ["5.5", "--"]


def test_text_has_headings_and_buttons_but_no_html(snapshot: Snapshot) -> None:
    text = "# Title\n[button:primary:Runbook](https://r) [button:Other](https://o)\n<script>alert()</script>"
    found = page(snapshot, widget("text", markdown=text))
    assert "<h1>Title</h1>" in found
    assert '<a class="button primary" href="https://r">Runbook</a>' in found
    assert '<a class="button " href="https://o">Other</a>' in found
    assert "<script>alert" not in found


def test_graphs_have_values_and_gaps_and_are_escaped_as_queries_are(snapshot: Snapshot) -> None:
    logs = widget("log", title="Errors", query="filter a < b")
    found = page(snapshot, widget(**graph(title="A </script> title")), logs)
    assert "<h3>A &lt;/script&gt; title</h3>" in found
    assert "filter a &lt; b" in found
    data = re.search(r"Object\.entries\((\{.*?\})\)\)", found)
    assert data
    assert json.loads(data[1])["0"]["data"][0]["y"] == [2.0, None, 3.5]
    assert found.count("</script>") == 1


def test_page_loads_no_external_resources(snapshot: Snapshot) -> None:
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="', page(snapshot, widget(**graph())))


def test_unsupported_widget_type_is_an_error(snapshot: Snapshot) -> None:
    with pytest.raises(ValueError, match="explorer"):
        page(snapshot, widget("explorer"))


def test_page_is_as_high_as_its_last_row() -> None:
    assert height_of({"widgets": [widget(), widget() | {"y": 30}]}) > height_of({"widgets": [widget()]}) > 300


def fake_browser(folder: Path, script: str) -> str:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_browser_profile_is_removed_after_the_picture(tmp_path: Path) -> None:
    write = '--screenshot=*) echo "TMPDIR=$TMPDIR $@" > "${option#*=}"'
    script = f'for option in "$@"; do case "$option" in {write};; esac; done'
    picture = tmp_path / "page.png"
    browser.take_picture(fake_browser(tmp_path, script), tmp_path / "page.html", picture, 1280, 900)
    arguments = picture.read_text()
    assert "--window-size=1280,900" in arguments
    profile = re.search(r"--user-data-dir=(\S+)", arguments)
    assert profile
    assert f"TMPDIR={profile[1]}" in arguments
    assert not Path(profile[1]).exists()


@pytest.mark.parametrize(
    ("script", "error"), [("echo broken >&2; exit 3", r"exit code 3\): broken"), ("exit 0", "no error output")]
)
def test_browser_that_takes_no_picture_is_an_error(tmp_path: Path, script: str, error: str) -> None:
    with pytest.raises(browser.BrowserError, match=error):
        browser.take_picture(fake_browser(tmp_path, script), tmp_path / "page.html", tmp_path / "page.png", 10, 10)


def test_browser_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "TIMEOUT_SECONDS", 0.1)
    with pytest.raises(browser.BrowserError, match=r"within 0\.1 s"):
        browser.take_picture(fake_browser(tmp_path, "sleep 60"), tmp_path / "a", tmp_path / "b.png", 10, 10)


def test_browser_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find() is None
    installed = fake_browser(tmp_path, "")
    assert browser.find() == installed
