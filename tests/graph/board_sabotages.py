"""How to break each rule about boards: every rule with the sabotages that it must catch."""

import json
from collections.abc import Callable
from typing import Any

from localcloud.deployer.recorder import Graph
from tests.graph.alarm_rules import METRIC_FILTER, QUERY
from tests.graph.board_facts import METRICS_PER_WIDGET
from tests.graph.board_rules import (
    boards_are_documented,
    boards_ask_the_logs,
    boards_can_be_computed,
    boards_draw_thresholds,
    boards_draw_what_is_emitted,
    boards_fill_the_grid,
    boards_fit_cloudwatch,
    boards_lead_on,
    boards_read_alike,
    boards_show_alarms,
)
from tests.graph.graph_rules import ALARM, DASHBOARD, MAPPING, Rule
from tests.graph.sabotage import Sabotage, one_of, put, remove, swap

OVERVIEW = "monitoring-overview"


def edit(kind: str, change: Callable[[dict[str, Any]], Any], board: str = OVERVIEW) -> Sabotage:
    """Sabotage: the first widget of a kind that has what is changed, changed."""

    def sabotage(graph: Graph) -> None:
        resource = one_of(graph, DASHBOARD, board)
        body = json.loads(resource.inputs["dashboardBody"])
        widgets = [one for one in body["widgets"] if one["type"] == kind]
        change(next((one for one in widgets if one["properties"].get("annotations")), widgets[0]))
        resource.inputs["dashboardBody"] = json.dumps(body)

    return sabotage


def line(position: int, value: Any) -> Callable[[dict[str, Any]], Any]:
    """Another word in the last line of a graph, the last of which are its options."""
    return lambda widget: widget["properties"]["metrics"][-1].__setitem__(position, value)


def properties(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda widget: widget["properties"].update(changes)


SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (boards_fill_the_grid, edit("metric", lambda widget: widget.update(x=widget["x"] + 1))),
    (boards_fill_the_grid, edit("metric", lambda widget: widget.update(width=25))),
    (boards_fill_the_grid, edit("text", lambda widget: widget.update(height=1))),
    (boards_are_documented, edit("metric", properties(colour="red"))),
    (boards_are_documented, edit("metric", properties(view="graph"))),
    (boards_are_documented, edit("metric", properties(period=90))),
    (boards_are_documented, edit("metric", properties(start="-P7"))),
    (boards_are_documented, edit("log", lambda widget: widget["properties"].pop("region"))),
    (boards_are_documented, edit("metric", lambda widget: widget["properties"]["metrics"][-1].pop())),
    (boards_are_documented, edit("metric", line(-1, {"id": "age", "stat": "Total", "label": "age"}))),
    (boards_are_documented, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"fill": "above"', '"fill": "over"')),
    (boards_are_documented, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"#d13212"', '"red"')),
    (boards_read_alike, edit("metric", properties(yAxis={"left": {"min": 1, "label": "percent"}}))),
    (boards_read_alike, edit("metric", properties(timezone="+0100"))),
    (boards_read_alike, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"position": "bottom"', '"position": "hidden"')),
    (
        boards_fit_cloudwatch,
        edit("metric", lambda one: one["properties"].update(metrics=[[]] * METRICS_PER_WIDGET * 2)),
    ),
    (boards_fit_cloudwatch, edit("alarm", properties(alarms=["arn"] * 101))),
    (boards_fit_cloudwatch, put(DASHBOARD, OVERVIEW, "dashboardName", "event processing")),
    (boards_draw_what_is_emitted, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"EventPersisted"', '"EventStored"')),
    (boards_draw_what_is_emitted, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"stack", "dev"', '"stack", "prod"')),
    (boards_draw_what_is_emitted, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"service", "query"', '"service", "api"')),
    (boards_draw_what_is_emitted, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"QueueName"', '"Queue"')),
    (boards_draw_what_is_emitted, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"5XXError"', '"5xx"')),
    (boards_draw_what_is_emitted, put(MAPPING, None, "metricsConfig", None)),
    (boards_draw_what_is_emitted, remove(METRIC_FILTER)),
    (boards_can_be_computed, swap(DASHBOARD, OVERVIEW, "dashboardBody", "visible + held", "visible + hidden")),
    (boards_can_be_computed, swap(DASHBOARD, OVERVIEW, "dashboardBody", "visible + held", "visible +")),
    (boards_can_be_computed, swap(DASHBOARD, OVERVIEW, "dashboardBody", '"id": "held"', '"id": "visible"')),
    (boards_draw_thresholds, put(ALARM, "queue-age", "threshold", 1)),
    (boards_draw_thresholds, remove(ALARM, "queue-age")),
    (boards_draw_thresholds, swap(DASHBOARD, OVERVIEW, "dashboardBody", "(P1): >= 1", "(P1): >= 2")),
    (boards_draw_thresholds, edit("metric", lambda one: one["properties"].pop("annotations"), "monitoring-api")),
    (boards_show_alarms, swap(DASHBOARD, OVERVIEW, "dashboardBody", "-dev-queue-age", "-dev-queue-agee")),
    (boards_show_alarms, edit("alarm", lambda one: one["properties"]["alarms"].pop(), "monitoring-api")),
    (boards_show_alarms, edit("metric", lambda one: one["properties"].pop("annotations"), "monitoring-api")),
    (boards_lead_on, swap(DASHBOARD, OVERVIEW, "dashboardBody", "runbook.md", "handbook.md")),
    (boards_lead_on, swap(DASHBOARD, OVERVIEW, "dashboardBody", "-dev-ingest", "-prod-ingest")),
    (boards_lead_on, swap(DASHBOARD, OVERVIEW, "dashboardBody", "made by code", "made with care")),
    (boards_ask_the_logs, put(QUERY, "query-01-recent-errors", "queryString", "fields @message")),
    (boards_ask_the_logs, put(QUERY, "query-01-recent-errors", "logGroupNames", ["/other"])),
    (boards_ask_the_logs, swap(DASHBOARD, "monitoring-api", "dashboardBody", '"type": "log"', '"type": "explorer"')),
]
