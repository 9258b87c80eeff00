"""Boards are drawn from their bodies alone, with all values, thresholds, alarm states and texts."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.boards import charts
from localcloud.boards.log_widgets import LogTable
from localcloud.boards.page import ROW_HEIGHT, Snapshot, height_of, render
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


def threshold(value: float, label: str = "") -> dict[str, Any]:
    return {"value": value, "label": label or f"age (P1): > {value}", "color": "#d13212", "fill": "above"}


def labels(layout: dict[str, Any]) -> list[str]:
    return [note["text"] for note in layout["annotations"]]


def test_threshold_near_the_values_is_drawn_with_its_breaching_side(store: MetricStore) -> None:
    layout = figure(store, annotations={"horizontal": [threshold(10)]})["layout"]
    assert layout["yaxis"]["range"] == [0, pytest.approx(11.5)]
    line, shade = layout["shapes"]
    assert (line["y0"], line["line"]["color"]) == (10, "#d13212")
    assert (shade["y0"], shade["y1"]) == (10, layout["yaxis"]["range"][1])
    assert labels(layout) == ["age (P1): > 10"]


def test_axis_fits_the_values_and_far_thresholds_are_named_at_its_edge(store: MetricStore) -> None:
    lines = [threshold(15), threshold(3), threshold(1_000, "timeout")]
    layout = figure(store, annotations={"horizontal": lines})["layout"]
    assert layout["yaxis"]["range"] == [0, pytest.approx(1.15 * 3.5)]
    assert {shape["y0"] for shape in layout["shapes"]} == {3}
    assert labels(layout) == ["age (P1): > 3", "↑ age (P1): > 15", "↑ timeout (1,000)"]
    first, second = layout["annotations"][1:]
    assert (first["yref"], first["y"], first["yshift"] - second["yshift"]) == ("paper", 1, charts.LABEL_HEIGHT)


def test_every_threshold_is_drawn_where_no_value_is_above_zero(store: MetricStore) -> None:
    layout = figure(store, metrics=OTHER, annotations={"horizontal": [threshold(100)]})["layout"]
    assert layout["shapes"][0]["y0"] == 100


def test_labels_that_would_cover_each_other_are_one_label(store: MetricStore) -> None:
    lines = [threshold(10, "slow"), threshold(2.2, "fast"), threshold(2, "medium"), threshold(10)]
    layout = figure(store, annotations={"horizontal": lines})["layout"]
    assert [(note["text"], note["y"], note["xanchor"]) for note in layout["annotations"]] == [
        ("age (P1): > 10", 10, "left"),
        ("slow", 10, "right"),
        ("fast · medium", 2.2, "right"),
    ]


def test_line_that_a_later_equal_line_would_hide_is_wider(store: MetricStore) -> None:
    def widths(*names: str) -> list[float]:
        metrics = [
            ["AWS/SQS", name, "QueueName", "q", {"id": f"m{number}", "stat": "Sum", "label": str(number)}]
            for number, name in enumerate(names)
        ]
        return [trace["line"]["width"] for trace in figure(store, metrics=metrics)["data"]]

    for minute in (1, 2, 3):
        store.add(MetricKey.of("AWS/SQS", "Twice", {"QueueName": "q"}), minute, 8.0)
        store.add(MetricKey.of("AWS/SQS", "None", {"QueueName": "q"}), minute, 0.0)
    thin = charts.LINE_WIDTH
    wider = [thin + 2 * charts.HALO_WIDTH, thin + charts.HALO_WIDTH, thin]
    assert widths("Sent", "Sent", "Sent") == pytest.approx(wider)
    assert widths("Sent", "Twice") == widths("None", "None") == [charts.LINE_WIDTH] * 2


def test_point_without_neighbours_is_a_dot(monkeypatch: pytest.MonkeyPatch, store: MetricStore) -> None:
    assert figure(store)["data"][0]["marker"]["size"] == [charts.POINT_SIZE] * 3
    monkeypatch.setattr(charts, "FEW_POINTS", 0)
    store.add(MetricKey.of("AWS/SQS", "Sent", {"QueueName": "q"}), 4, 1.0)
    properties = graph()

    def dots(now: int) -> list[float]:
        drawn = charts.figure(properties, lines_of(properties, store, now, "-PT4M"), EPOCH)["data"][0]
        sizes = zip(drawn["y"], drawn["marker"]["size"], strict=True)
        return [value for value, size in sizes if value is not None and size]

    assert dots(now=4) == [3.5]
    assert dots(now=5) == [2.0]


def test_axis_of_a_small_count_has_no_fractions(store: MetricStore) -> None:
    assert figure(store)["layout"]["yaxis"].get("dtick") is None
    count = [[*SENT, {"id": "count", "stat": "SampleCount", "label": "count"}]]
    assert figure(store, metrics=count)["layout"]["yaxis"]["dtick"] == 1


VERSION: Any = [*SENT, {"id": "v", "stat": "Maximum", "label": "version", "yAxis": "right", "color": "#8456ce"}]


def test_right_axis_has_its_lines_and_is_scaled_to_their_values(store: MetricStore) -> None:
    axes = {"right": {"label": "version"}}
    drawn = figure(store, metrics=[*OTHER, VERSION], yAxis=axes)
    assert [(trace.get("yaxis"), trace["line"]["color"]) for trace in drawn["data"]] == [
        (None, charts.COLOURS[0]),
        ("y2", "#8456ce"),
    ]
    layout = drawn["layout"]
    low, high = layout["yaxis2"]["range"]
    assert 1 < low < 2 < 3.5 < high
    assert (layout["yaxis2"]["tickvals"], layout["yaxis2"]["title"]["text"]) == ([2, 3.5], "version")
    # The left axis is that of the other line, which has no data.
    assert (layout["yaxis"]["range"], labels(layout)) == ([0, 1], ["No data in this range"])
    empty = figure(store, metrics=[[*OTHER[0][:-1], VERSION[-1]]], yAxis=axes)["layout"]["yaxis2"]
    assert not empty["showticklabels"]
    assert "yaxis2" not in figure(store)["layout"]


def test_empty_graph_says_that_it_has_no_data(store: MetricStore) -> None:
    layout = figure(store, metrics=OTHER)["layout"]
    assert labels(layout) == ["No data in this range"]
    assert not layout["yaxis"]["showticklabels"]


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


@pytest.mark.parametrize(
    ("minutes", "shown"), [(119, "119 min"), (120, "2 h"), (2_879, "47 h"), (2_880, "2 days"), (4_400, "3 days")]
)
def test_long_alarms_are_told_in_hours_and_days(snapshot: Snapshot, minutes: int, shown: str) -> None:
    found = page(replace(snapshot, now=1 + minutes), widget("alarm", title="P1", alarms=[ARN.format("queue-age")]))
    assert f"In alarm for {shown}<" in found


def test_figures_show_their_value_or_dashes(snapshot: Snapshot) -> None:
    numbers = graph(view="singleValue", setPeriodToTimeRange=True)
    found = page(snapshot, widget(**numbers), widget(**numbers | {"metrics": OTHER}))
    assert re.findall(r'class="figure">(.*?)<', found) == ["5.5", "--"]


@pytest.mark.parametrize(
    ("value", "shown"), [(99.99996, "99.999"), (100.0, "100"), (0.1234, "0.123"), (-1096.3, "-1097")]
)
def test_figure_is_rounded_down_so_that_less_than_100_never_reads_as_100(value: float, shown: str) -> None:
    store = MetricStore()
    store.add(MetricKey.of("AWS/SQS", "Sent", {"QueueName": "q"}), 1, value)
    opened = Snapshot(store=store, now=2, epoch=EPOCH, states={}, since={})
    found = page(opened, widget(**graph(view="singleValue", setPeriodToTimeRange=True)))
    assert re.findall(r'class="figure">(.*?)<', found) == [shown]


CONSOLE_URL = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#"


def test_links_lead_to_drawn_boards_and_never_to_an_account_that_may_not_exist(snapshot: Snapshot) -> None:
    places = {"A": "dashboards/dashboard/dev-a", "B": "dashboards/dashboard/dev-b", "Traces": "xray:service-map/map"}
    text = " ".join(f"[button:{label}]({CONSOLE_URL}{place})" for label, place in places.items())
    found = page(replace(snapshot, links={"dev-a": "x-a.html"}), widget("text", markdown=text))
    assert re.findall(r'<a class="button ?" href="(.*?)">(.*?)</a>', found) == [("x-a.html", "A")]
    assert re.findall(r'<span class="button"[^>]*>(.*?)</span>', found) == ["B", "Traces"]


def test_graph_names_its_unit_and_its_lines(snapshot: Snapshot) -> None:
    several = graph(legend={"position": "bottom"}, yAxis={"left": {"label": "events"}})
    found = page(snapshot, widget(**several), widget(**graph(yAxis={"left": {"label": "a < b"}})))
    colour = charts.COLOURS[0]
    legend = f'<span>events</span><span><i style="background: {colour}"></i>sent</span>'
    assert f'<div class="legend">{legend}</div>' in found
    assert '<div class="unit">a &lt; b</div>' in found


def test_rows_of_logs_alone_shrink(snapshot: Snapshot) -> None:
    log, lines = widget("log", title="Errors", query="x"), widget(**graph())
    alone, beside = {"widgets": [log]}, {"widgets": [log, lines]}
    assert height_of(alone) + 5 * ROW_HEIGHT == height_of(beside)
    assert f"grid-template-rows: {ROW_HEIGHT}px 0px 0px 0px 0px 0px" in page(snapshot, log)


def test_tiles_have_the_columns_of_their_widget(snapshot: Snapshot) -> None:
    tiles = widget("alarm", title="P1", alarms=[ARN.format("api-5xx")]) | {"width": 8}
    assert "repeat(2, minmax(0, 1fr))" in page(snapshot, tiles)


def test_button_leads_to_the_view_of_the_console_that_shows_the_same(snapshot: Snapshot) -> None:
    text = f"[button:Trace map]({CONSOLE_URL}#xray:service-map/map) [button:primary:Runbook](https://r)"
    found = page(
        replace(snapshot, buttons={"Trace map": "#/traces", "Runbook": "#/runbook"}), widget("text", markdown=text)
    )
    assert re.findall(r'<a class="button[^>]*href="(.*?)">', found) == ["#/traces", "#/runbook"]


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


QUERY = "SOURCE '/a' | SOURCE '/b' | fields x\n| limit 1"
TRACE = "1-6ab12300-0123456789abcdef01234567"
TABLE = LogTable(
    columns=("@timestamp", "text", "xray_trace_id"),
    rows=(("2026-09-21 14:13:20.000", "<b>&", TRACE), ("2026-09-21 14:13:21.000", "", "1-no-trace")),
)


def test_log_widget_shows_the_rows_of_its_query_over_the_range_of_the_board(snapshot: Snapshot) -> None:
    asked: list[Any] = []

    def logs(*of: Any) -> LogTable:
        asked.append(of)
        return TABLE

    found = page(replace(snapshot, logs=logs, log_link="#/logs"), widget("log", title="Last <errors>", query=QUERY))
    start = snapshot.now - range_minutes("-PT3M")
    assert asked == [(("/a", "/b"), "fields x\n| limit 1", start, snapshot.now)]
    assert f"grid-template-rows: {' '.join([f'{ROW_HEIGHT}px'] * 6)}" in found
    assert '<th scope="col">text</th>' in found
    assert "<td>&lt;b&gt;&amp;</td>" in found
    assert f'<a href="#/logs?trace={TRACE}">{TRACE}</a>' in found
    assert "<td>1-no-trace</td>" in found
    assert 'href="#/logs?query=fields%20x%0A%7C%20limit%201&amp;groups=%2Fa%2C%2Fb"' in found
    assert 'aria-label="Rows of Last &lt;errors&gt;"' in found


@pytest.mark.parametrize(
    ("query", "table", "sentence"),
    [
        (QUERY, LogTable(), "No rows in this range"),
        (QUERY, LogTable(error="Expected <a>"), "Expected &lt;a&gt;"),
        ("fields x", TABLE, "The query names no log group."),
    ],
)
def test_log_widget_says_why_it_has_no_rows(snapshot: Snapshot, query: str, table: LogTable, sentence: str) -> None:
    found = page(replace(snapshot, logs=lambda *_: table), widget("log", title="Errors", query=query))
    assert sentence in found
    assert "<td" not in found
