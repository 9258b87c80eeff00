"""The rules about boards, with the sabotages that each rule must catch."""

import json
from collections.abc import Callable
from typing import Any

from localcloud.deployer.recorder import Graph
from tests.graph import board_reading_rules as reading
from tests.graph import board_rules as boards
from tests.graph import resource_types as aws
from tests.graph.board_facts import METRICS_PER_WIDGET
from tests.graph.graph_rules import Rule
from tests.graph.sabotage import Sabotage, one_of, put, remove, swap

# What the alarm evaluates, in the graph.
FILLED = '[{"expression": "FILL(latency, 0)", "id": "filled", "label": "filled"}], '
OVERVIEW, API = "monitoring-overview", "monitoring-api"


def edit(kind: str, change: Callable[[dict[str, Any]], Any], board: str = OVERVIEW) -> Sabotage:
    """Sabotage: a change of the first widget of a kind, preferably with annotations."""

    def sabotage(graph: Graph) -> None:
        resource = one_of(graph, aws.DASHBOARD, board)
        body = json.loads(resource.inputs["dashboardBody"])
        widgets = [widget for widget in body["widgets"] if widget["type"] == kind]
        change(next((widget for widget in widgets if widget["properties"].get("annotations")), widgets[0]))
        resource.inputs["dashboardBody"] = json.dumps(body)

    return sabotage


def reword(old: str, new: str) -> Sabotage:
    """Sabotage: another word in the overview."""
    return swap(aws.DASHBOARD, OVERVIEW, "dashboardBody", old, new)


def line(position: int, value: Any) -> Callable[[dict[str, Any]], Any]:
    """Another element in the last line of a graph; the last element holds its options."""
    return lambda widget: widget["properties"]["metrics"][-1].__setitem__(position, value)


def properties(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda widget: widget["properties"].update(changes)


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda widget: widget["properties"].pop(name)


def enlarge(metric: str, **changes: int) -> Sabotage:
    """Sabotage: another size of the graphs of a metric on the overview."""

    def sabotage(graph: Graph) -> None:
        resource = one_of(graph, aws.DASHBOARD, OVERVIEW)
        body = json.loads(resource.inputs["dashboardBody"])
        for widget in body["widgets"]:
            if widget["type"] == "metric" and metric in boards.names_of(widget):
                widget.update(changes)
        resource.inputs["dashboardBody"] = json.dumps(body)

    return sabotage


SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (boards.boards_fill_the_grid, edit("metric", lambda widget: widget.update(x=widget["x"] + 1))),
    (boards.boards_fill_the_grid, edit("metric", lambda widget: widget.update(width=25))),
    (boards.boards_fill_the_grid, edit("text", lambda widget: widget.update(height=1))),
    (boards.boards_are_documented, edit("metric", properties(colour="red"))),
    (boards.boards_are_documented, edit("metric", properties(view="graph"))),
    (boards.boards_are_documented, edit("metric", properties(period=90))),
    (boards.boards_are_documented, edit("metric", properties(start="-P7"))),
    (boards.boards_are_documented, edit("log", without("region"))),
    (boards.boards_are_documented, edit("metric", lambda widget: widget["properties"]["metrics"][-1].pop())),
    (boards.boards_are_documented, edit("metric", line(-1, {"id": "age", "stat": "Total", "label": "age"}))),
    (boards.boards_are_documented, reword('"fill": "above"', '"fill": "over"')),
    (boards.boards_are_documented, reword('"#d13212"', '"red"')),
    (boards.boards_read_alike, edit("metric", properties(yAxis={"left": {"min": 1, "label": "percent"}}))),
    (boards.boards_read_alike, edit("metric", properties(timezone="+0100"))),
    (boards.boards_read_alike, reword('"position": "bottom"', '"position": "hidden"')),
    (boards.boards_fit_cloudwatch, edit("metric", properties(metrics=[[]] * METRICS_PER_WIDGET * 2))),
    (boards.boards_fit_cloudwatch, edit("alarm", properties(alarms=["arn"] * 101))),
    (boards.boards_fit_cloudwatch, put(aws.DASHBOARD, OVERVIEW, "dashboardName", "event processing")),
    (boards.metrics_are_emitted, reword('"EventPersisted"', '"EventStored"')),
    (boards.metrics_are_emitted, reword('"stack", "dev"', '"stack", "prod"')),
    (boards.metrics_are_emitted, reword('"service", "query"', '"service", "api"')),
    (boards.metrics_are_emitted, reword('"QueueName"', '"Queue"')),
    (boards.metrics_are_emitted, reword('"5XXError"', '"5xx"')),
    (boards.metrics_are_emitted, put(aws.MAPPING, None, "metricsConfig", None)),
    (boards.metrics_are_emitted, remove(aws.METRIC_FILTER)),
    (boards.boards_can_be_computed, reword("visible + held", "visible + hidden")),
    (boards.boards_can_be_computed, reword("visible + held", "visible +")),
    (boards.boards_can_be_computed, reword('"id": "held"', '"id": "visible"')),
    (boards.boards_draw_thresholds, put(aws.ALARM, "queue-age", "threshold", 1)),
    (boards.boards_draw_thresholds, remove(aws.ALARM, "queue-age")),
    (boards.boards_draw_thresholds, reword("(P1): > 4 minutes", "(P1): > 5 minutes")),
    (boards.boards_draw_thresholds, edit("metric", without("annotations"), API)),
    (boards.boards_draw_thresholds, reword('"value": 4.0,', '"value": 240,')),
    (reading.boards_use_readable_units, reword('"age / 60"', '"age / 61"')),
    (reading.boards_begin_with_failures, edit("metric", lambda widget: widget.update(y=60))),
    (reading.boards_begin_with_failures, reword('"EventFailed"', '"EventLate"')),
    (reading.boards_mark_releases, reword("FILL(oldest_version, REPEAT)", "FILL(oldest_version, 0)")),
    (reading.boards_mark_releases, reword('"FunctionVersion", "service", "query"', '"ColdStart", "service", "query"')),
    (reading.boards_mark_releases, reword('{"label": "version of', '{"min": 0, "label": "version of')),
    (reading.boards_mark_releases, reword('"yAxis": "right", ', "")),
    (reading.boards_mark_releases, reword('"stat": "Minimum"', '"stat": "Average"')),
    (reading.boards_mark_releases, swap(aws.DASHBOARD, API, "dashboardBody", '"FunctionVersion"', '"ColdStart"')),
    (reading.boards_draw_what_was_measured, reword('"100 * errors / requests"', '"IF(requests >= 20, errors, 0)"')),
    (
        reading.boards_draw_what_was_measured,
        swap(
            aws.DASHBOARD,
            API,
            "dashboardBody",
            '["AWS/DynamoDB", "SuccessfulRequestLatency"',
            FILLED + '["AWS/DynamoDB", "SuccessfulRequestLatency"',
        ),
    ),
    (reading.boards_use_readable_units, reword('"expression": "age / 60"', '"expression": "age"')),
    (reading.boards_use_readable_units, reword('"label": "minutes"', '"label": "seconds"')),
    (reading.boards_have_no_large_empty_graphs, enlarge("EMFParsingErrors", height=6)),
    (reading.boards_have_no_large_empty_graphs, enlarge("EMFParsingErrors", width=24)),
    (reading.boards_name_severities, reword("P1: pages at once", "Alarms")),
    (reading.boards_name_severities, reword("P1: pages at once", "P2: pages")),
    (reading.boards_name_severities, reword("-dev-dlq-expiring", "-dev-dlq-neglected")),
    (boards.boards_show_alarms, reword("-dev-queue-age", "-dev-queue-agee")),
    (boards.boards_show_alarms, edit("alarm", lambda widget: widget["properties"]["alarms"].pop(), API)),
    (boards.boards_show_alarms, edit("metric", without("annotations"), API)),
    (boards.boards_lead_on, reword("runbook.md", "handbook.md")),
    (boards.boards_lead_on, reword("-dev-ingest", "-prod-ingest")),
    (boards.boards_lead_on, reword("made by code", "made with care")),
    (boards.boards_ask_the_logs, put(aws.QUERY, "query-01-recent-errors", "queryString", "fields @message")),
    (boards.boards_ask_the_logs, put(aws.QUERY, "query-01-recent-errors", "logGroupNames", ["/other"])),
    (boards.boards_ask_the_logs, swap(aws.DASHBOARD, API, "dashboardBody", '"type": "log"', '"type": "explorer"')),
    (reading.boards_say_over_which_time, reword("30 days: API availability", "API availability")),
    (reading.boards_say_over_which_time, reword("% good in 30 days", "% good")),
    (reading.boards_say_over_which_time, reword('"start": "-P30D"', '"start": "-P7D"')),
    (reading.boards_say_over_which_time, reword('"singleValueFullPrecision": true, ', "")),
]
