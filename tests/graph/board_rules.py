"""Rules about boards and metrics, over a recorded graph: what CloudWatch documents and the stack emits."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from components.monitoring.signals import Board
from handlers import vocabulary
from handlers.vocabulary import METRICS_NAMESPACE, SERVICE_DIMENSION, STACK_DIMENSION, MetricName
from localcloud.cloudwatch import expressions
from localcloud.cloudwatch.metrics import Statistic
from localcloud.deployer.recorder import Graph
from tests.graph import board_facts as facts
from tests.graph import resource_types as aws
from tests.graph.alarm_rules import (
    HEALTH,
    alarms_of,
    children_of,
    counted_in_logs,
    dimensions_of,
    name_of,
    watched_by,
)
from tests.graph.graph_rules import prefix

# What each function emits. tests/privacy/test_emission.py shows it by running the functions.
EMITTED: set[str] = set(MetricName)
OF_QUERIES = {name for name in EMITTED if name.startswith("Query")} | {MetricName.RECORD_MALFORMED}
OF_PROBE = {name for name in EMITTED if name.startswith("Probe")}
OF_FUNCTIONS = {
    vocabulary.EVENT_HANDLER_SERVICE: EMITTED - OF_QUERIES - OF_PROBE,
    vocabulary.PROBE_SERVICE: OF_PROBE | {MetricName.COLD_START, MetricName.FUNCTION_VERSION},
    vocabulary.QUERY_SERVICE: OF_QUERIES | {MetricName.COLD_START, MetricName.FUNCTION_VERSION},
}


def bodies(graph: Graph) -> dict[Board, dict[str, Any]]:
    """The body of every board."""
    return {
        Board(board.name.removeprefix("monitoring-")): json.loads(board.inputs["dashboardBody"])
        for board in graph.of_type(aws.DASHBOARD)
    }


def widgets_of(graph: Graph, *kinds: str) -> Iterator[tuple[Board, dict[str, Any]]]:
    """Every widget of these kinds, or of all."""
    for board, body in bodies(graph).items():
        for widget in body["widgets"]:
            if not kinds or widget["type"] in kinds:
                yield board, widget


def monitored_metrics(graph: Graph) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Every metric of an alarm: the alarm, namespace, name, dimensions."""
    for alarm in graph.of_type(aws.ALARM):
        for metric in watched_by(alarm):
            yield alarm.name, metric["namespace"], metric["metricName"], metric["dimensions"]


def drawn_metrics(graph: Graph) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Every metric a widget names: where, namespace, name, dimensions."""
    for board, widget in widgets_of(graph, "metric"):
        for line in widget["properties"]["metrics"]:
            if len(line) > 1:
                namespace, name, *parts, _ = line
                where = f"{board}: {widget['properties'].get('title')}"
                yield where, namespace, name, dict(zip(parts[::2], parts[1::2], strict=True))


def boards_fill_the_grid(graph: Graph) -> Iterator[str]:
    """No widget overlaps another or leaves the 24 columns, and no row is missing between two."""
    for board, body in bodies(graph).items():
        taken: Counter[tuple[int, int]] = Counter()
        for widget in body["widgets"]:
            x, y, width, height = (widget[key] for key in ("x", "y", "width", "height"))
            if x < 0 or y < 0 or not 1 <= width <= facts.COLUMNS - x or height < 1:
                yield f"{board}: a widget lies at {x}, {y} and is {width} by {height}"
            taken.update((column, row) for column in range(x, x + width) for row in range(y, y + height))
        if overlaps := [cell for cell, times in taken.items() if times > 1]:
            yield f"{board}: {len(overlaps)} cells are taken twice"
        rows = sorted({row for _, row in taken})
        if rows[0] or any(after - before > 1 for before, after in pairwise(rows)):
            yield f"{board}: rows are empty"


def boards_are_documented(graph: Graph) -> Iterator[str]:
    """CloudWatch documents every property and its value."""
    for body in bodies(graph).values():
        if unknown := body.keys() - {"start", "end", "periodOverride", "widgets", "variables"}:
            yield f"a board has {unknown}"
    for board, widget in widgets_of(graph):
        kind, properties = widget["type"], widget["properties"]
        where = f"{board}: {properties.get('title', kind)}"
        if widget.keys() != {"type", "x", "y", "width", "height", "properties"}:
            yield f"{where} has {sorted(widget)}"
        if not facts.REQUIRED[kind] <= properties.keys() <= facts.REQUIRED[kind] | facts.OPTIONAL[kind]:
            yield f"{where} has {sorted(properties)}"
        for key, known in facts.VALUES.items():
            if properties.get(key) not in {*known, None}:
                yield f"{where}: {key} {properties[key]}"
        if kind == "metric":
            yield from _undocumented(where, properties)


def _undocumented(where: str, properties: dict[str, Any]) -> Iterator[str]:
    if properties.get("period", 60) % 60 or not re.fullmatch(r"-P\d+D", properties.get("start", "-P1D")):
        yield f"{where} draws {properties.get('start')} by {properties.get('period')} s"
    for line in properties.get("annotations", {}).get("horizontal", []):
        if not {"value"} <= line.keys() <= facts.ANNOTATION or line.get("fill", "none") not in facts.FILLS:
            yield f"{where} draws a line {line}"
        if not re.fullmatch("#[0-9a-f]{6}", line.get("color", "#000000")):
            yield f"{where} draws in {line['color']}"
    for *_, options in properties["metrics"]:
        if not isinstance(options, dict) or options.keys() - facts.RENDERING:
            yield f"{where} has a metric without options, or with {options}"
        elif "expression" not in options:
            try:
                Statistic.parse(options["stat"])
            except ValueError as error:
                yield f"{where}: {error}"


def boards_read_alike(graph: Graph) -> Iterator[str]:
    """Graphs start at zero, in UTC, with a named axis; graphs with several lines name each line."""
    for board, widget in widgets_of(graph, "metric"):
        properties = widget["properties"]
        if properties["view"] != "timeSeries":
            continue
        axis = properties.get("yAxis", {}).get("left", {})
        if axis.get("min") != 0 or not axis.get("label") or properties.get("timezone") != "+0000":
            yield f"{board}: {properties['title']} has the axis {axis}"
        labels = [line[-1]["label"] for line in properties["metrics"] if line[-1].get("visible", True)]
        if len(labels) > 1 and (properties["legend"]["position"] == "hidden" or len(set(labels)) < len(labels)):
            yield f"{board}: {properties['title']} does not tell its lines apart"
        if not 1 <= (number := len(left_lines(widget))) <= 4:
            yield f"{board}: {properties['title']} draws {number} lines"


def boards_fit_cloudwatch(graph: Graph) -> Iterator[str]:
    """Boards stay within the quotas."""
    for board in graph.of_type(aws.DASHBOARD):
        if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{facts.NAME_LENGTH}}}", board.inputs["dashboardName"]):
            yield f"{board.name} is named {board.inputs['dashboardName']}"
    for board, body in bodies(graph).items():
        metrics = [len(widget["properties"]["metrics"]) for widget in body["widgets"] if widget["type"] == "metric"]
        if len(body["widgets"]) > facts.WIDGETS_PER_BOARD or sum(metrics) > facts.METRICS_PER_BOARD:
            yield f"{board} has {len(body['widgets'])} widgets and {sum(metrics)} metrics"
        if max(metrics) > facts.METRICS_PER_WIDGET:
            yield f"{board} draws {max(metrics)} metrics in one widget"
        for widget in body["widgets"]:
            if widget["type"] == "alarm" and not 1 <= len(widget["properties"]["alarms"]) <= facts.ALARMS_PER_WIDGET:
                yield f"{board} shows {len(widget['properties']['alarms'])} alarms in one widget"


def metrics_are_emitted(graph: Graph) -> Iterator[str]:
    """Every metric is emitted: by our code, a filter or AWS, under those dimensions, by an existing resource."""
    ours = {(name, service) for service, names in OF_FUNCTIONS.items() for name in names} | set(counted_in_logs(graph))
    counted = {
        mapping.outputs["uuid"]
        for mapping in graph.of_type(aws.MAPPING)
        if "EventCount" in (mapping.inputs.get("metricsConfig") or {}).get("metrics", [])
    }
    known = dimensions_of(graph) | {"EventSourceMappingUUID": counted}
    for where, namespace, name, dimensions in [*drawn_metrics(graph), *monitored_metrics(graph)]:
        if namespace == METRICS_NAMESPACE:
            emitted = (name, dimensions.get(SERVICE_DIMENSION)) in ours
            emitted = emitted and dimensions.keys() == {SERVICE_DIMENSION, STACK_DIMENSION}
        else:
            emitted = name in facts.PUBLISHED.get((namespace, *sorted(dimensions)), set())
        if not emitted or any(value not in known.get(key, {value}) for key, value in dimensions.items()):
            yield f"{where} uses {namespace} {name} of {dimensions}, which nothing emits"


def boards_can_be_computed(graph: Graph) -> Iterator[str]:
    """Metric math names only metrics of its own graph, whose ids are unique."""
    for board, widget in widgets_of(graph, "metric"):
        options = [line[-1] for line in widget["properties"]["metrics"]]
        ids = [option["id"] for option in options]
        if len(set(ids)) < len(ids):
            yield f"{board}: {widget['properties']['title']} uses the ids {ids}"
        for option in options:
            if "expression" in option:
                try:
                    expressions.parse(option["expression"], set(ids) - {option["id"]})
                except expressions.ExpressionError as error:
                    yield f"{board}: {error}"


def boards_draw_thresholds(graph: Graph) -> Iterator[str]:
    """A threshold that is drawn is the alarm's, and every threshold is drawn on a board."""
    thresholds = {alarm.name: alarm.inputs["threshold"] for alarm in graph.of_type(aws.ALARM)}
    # The windows of an objective are drawn as burn rates; dlq-neglected has the graph of dead letters.
    missing = {name for name in thresholds if not name.startswith("slo-") and name != "dlq-neglected"}
    for board, widget, line in _lines_across(graph):
        name, _, compared = line["label"].partition(":")
        threshold, divisor = thresholds.get(name.split(" ")[0]), divisor_of(widget)
        if compared and (threshold is None or round(threshold / divisor, 2 if divisor > 1 else 9) != line["value"]):
            yield f"{board} draws {line}"
        if compared and not re.fullmatch(rf" (>|>=|<=) {line['value']:g}( [a-z]+)?(, .+)?", compared):
            yield f"{board} says {line['label']} at {line['value']}"
        missing.discard(name.split(" ")[0])
    if missing:
        yield f"no board draws the threshold of {sorted(missing)}"


def boards_show_alarms(graph: Graph) -> Iterator[str]:
    """The overview shows every alarm once; the other boards show the alarms whose thresholds they draw."""
    shown: dict[Board, list[str]] = {board: [] for board in Board}
    for board, widget in widgets_of(graph, "alarm"):
        shown[board] += widget["properties"]["alarms"]
    arns = {alarm.name: alarm.outputs["arn"] for alarm in alarms_of(graph)}
    if sorted(shown[Board.OVERVIEW]) != sorted(arns.values()):
        yield "the overview does not show every alarm once"
    drawn: dict[Board, set[str]] = {board: set() for board in Board}
    for board, _, line in _lines_across(graph):
        drawn[board].add(line["label"].partition(":")[0].split(" ")[0])
    named = {name_of(alarm): alarm.name for alarm in alarms_of(graph)}
    for board in (Board.INGEST, Board.API):
        for composite in graph.of_type(aws.COMPOSITE):
            if composite.name != HEALTH and drawn[board] & {named.get(child) for child in children_of(composite)}:
                drawn[board].add(composite.name)
        if sorted(shown[board]) != sorted(arn for name, arn in arns.items() if name in drawn[board]):
            yield f"{board} does not show the alarms whose thresholds it draws, and what they are part of"


def _lines_across(graph: Graph) -> Iterator[tuple[Board, dict[str, Any], dict[str, Any]]]:
    for board, widget in widgets_of(graph, "metric"):
        for line in widget["properties"].get("annotations", {}).get("horizontal", []):
            yield board, widget, line


def names_of(widget: dict[str, Any]) -> set[str]:
    """The names of the metrics of a graph."""
    return {line[1] for line in widget["properties"]["metrics"] if len(line) > 1}


def left_lines(widget: dict[str, Any]) -> list[list[Any]]:
    """The visible lines of a graph, without the versions on its right axis."""
    lines = widget["properties"]["metrics"]
    return [line for line in lines if line[-1].get("visible", True) and line[-1].get("yAxis") != "right"]


def divisor_of(widget: dict[str, Any]) -> int:
    """What a graph in a readable unit divides its values by."""
    unit = widget["properties"].get("yAxis", {}).get("left", {}).get("label", "").partition(",")[0]
    return next((facts.READABLE_UNITS[name].get(unit, 1) for name in names_of(widget) & facts.READABLE_UNITS.keys()), 1)


def boards_lead_on(graph: Graph) -> Iterator[str]:
    """Each board begins with its name, that code makes it, and links to runbook, boards, traces and queries."""
    for board, body in bodies(graph).items():
        first = body["widgets"][0]
        text = first["properties"].get("markdown", "")
        links = re.findall(r"\[button:(?:primary:)?[^\]]+\]\((https://[^)\s]+)\)", text)
        wanted = {f"#dashboards/dashboard/{prefix(graph)}-{other}" for other in Board if other is not board}
        wanted |= {"#xray:service-map", "#logsV2:logs-insights", "runbook.md"}
        if missing := [end for end in wanted if not any(end in link for link in links)]:
            yield f"{board} does not lead to {missing}"
        if "made by code" not in text or not text.startswith(f"# {prefix(graph)}: {board}\n") or first["y"]:
            yield f"{board} does not say what it is"


def boards_ask_the_logs(graph: Graph) -> Iterator[str]:
    """Every board has a log widget, and its query is a saved query of the same log groups."""
    saved = {
        " | ".join([*(f"SOURCE '{group}'" for group in query.inputs["logGroupNames"]), query.inputs["queryString"]])
        for query in graph.of_type(aws.QUERY)
    }
    asking = Counter(board for board, _ in widgets_of(graph, "log"))
    yield from (f"{board} asks the logs nothing" for board in Board if not asking[board])
    for board, widget in widgets_of(graph, "log"):
        if widget["properties"]["query"] not in saved:
            yield f"{board}: {widget['properties'].get('title')} asks what is not saved"
