"""Rules about how a board reads to the on-call engineer, over a recorded graph."""

import re
from collections import Counter
from collections.abc import Iterator

from components.monitoring.signals import Board
from handlers.vocabulary import MetricName
from localcloud.deployer.recorder import Graph
from tests.graph import board_facts as facts
from tests.graph.alarm_rules import alarms_of
from tests.graph.board_rules import divisor_of, left_lines, names_of, widgets_of


def boards_begin_with_failures(graph: Graph) -> Iterator[str]:
    """The overview draws over time what fails, on the first screen."""
    widgets = [widget for board, widget in widgets_of(graph, "metric") if board is Board.OVERVIEW]
    first = [widget for widget in widgets if widget["y"] + widget["height"] <= facts.FIRST_SCREEN_ROWS]
    drawn = {name for widget in first if widget["properties"]["view"] == "timeSeries" for name in names_of(widget)}
    if missing := facts.FAILURES - drawn:
        yield f"the first screen does not draw {sorted(missing)}"


def boards_say_over_which_time(graph: Graph) -> Iterator[str]:
    """A single number names its time, and is not rounded: 100 % of 30 days says nothing about the last minutes."""
    for board, widget in widgets_of(graph, "metric"):
        properties = widget["properties"]
        if properties["view"] != "singleValue" or names_of(widget) == {MetricName.FUNCTION_VERSION}:
            continue
        days = re.sub(r"-P(\d+)D", r"\1 days", properties.get("start", ""))
        (label,) = [line[-1]["label"] for line in properties["metrics"] if line[-1].get("visible", True)]
        if not days or not properties["title"].startswith(f"{days}: ") or days not in label:
            yield f"{board}: {properties['title']}: {label} does not say that it is of {days}"
        if not properties.get("singleValueFullPrecision"):
            yield f"{board}: {properties['title']} is rounded"


def boards_mark_releases(graph: Graph) -> Iterator[str]:
    """What the on-call engineer looks at shows the version of its function; a step is not lost in the axis.

    A graph leaves gaps: if a version crashes before it reports, a repeated value would say that the old one runs.
    """
    marked: Counter[tuple[Board, str]] = Counter()
    for board, widget in widgets_of(graph, "metric"):
        properties = widget["properties"]
        lines = [line for line in properties["metrics"] if MetricName.FUNCTION_VERSION in line]
        if lines and properties["view"] == "singleValue":
            shown = [line[-1].get("expression") for line in properties["metrics"] if line[-1].get("visible", True)]
            if shown != [f"FILL({line[-1]['id']}, REPEAT)" for line in lines] or "setPeriodToTimeRange" in properties:
                yield f"{board}: {properties['title']} does not show the last version"
        elif lines:
            axis = properties["yAxis"].get("right", {})
            if "version of the" not in axis.get("label", "") or axis.keys() & {"min", "max"} or properties["stacked"]:
                yield f"{board}: {properties['title']} has the right axis {axis}"
            if not all(line[-1].get("yAxis") == "right" and line[-1].get("visible", True) for line in lines):
                yield f"{board}: {properties['title']} does not draw the version on the right axis"
        if lines and [line[-1]["stat"] for line in lines] != ["Maximum", "Minimum"]:
            yield f"{board}: {properties['title']} does not show that two versions run"
        services = {line[line.index("service") + 1] for line in lines}
        marked.update((board, name) for name in names_of(widget) - {MetricName.FUNCTION_VERSION} if services)
        first = board is Board.OVERVIEW and widget["y"] + widget["height"] <= facts.FIRST_SCREEN_ROWS
        if first and properties["view"] == "timeSeries" and not services:
            yield f"{board}: {properties['title']} does not mark releases"
    if missing := facts.MARKED - marked.keys():
        yield f"releases are not marked on {sorted(missing)}"


def boards_draw_what_was_measured(graph: Graph) -> Iterator[str]:
    """A duration has a gap when nothing runs, and a percentage has its value at few requests, instead of 0."""
    for board, widget in widgets_of(graph, "metric"):
        properties = widget["properties"]
        unit = properties.get("yAxis", {}).get("left", {}).get("label")
        for *_, options in properties["metrics"]:
            invented = re.search(r"FILL\(|IF\(", options.get("expression", ""))
            if invented and (unit == "percent" or names_of(widget) & facts.DURATIONS):
                yield f"{board}: {properties['title']} draws {options['expression']}"


def boards_use_readable_units(graph: Graph) -> Iterator[str]:
    """Ages, durations and sizes that become large are drawn in minutes, days, seconds and KB."""
    for board, widget in widgets_of(graph, "metric"):
        properties = widget["properties"]
        for name in names_of(widget) & facts.READABLE_UNITS.keys():
            ends = f" / {divisor_of(widget)}"
            visible = [line[-1] for line in left_lines(widget)]
            if divisor_of(widget) == 1 or not all(line.get("expression", "").endswith(ends) for line in visible):
                yield f"{board}: {properties['title']} draws {name} in {properties['yAxis']['left']['label']}"


def boards_have_no_large_empty_graphs(graph: Graph) -> Iterator[str]:
    """Graphs that are empty as long as the monitoring works are small."""
    for board, widget in widgets_of(graph, "metric"):
        if names_of(widget) & facts.RARELY_DRAWN and widget["height"] > facts.SMALL_GRAPH_ROWS:
            yield f"{board}: {widget['properties']['title']} has {widget['height']} rows"
        if names_of(widget) & facts.RARELY_DRAWN and widget["width"] > facts.COLUMNS // 2:
            yield f"{board}: {widget['properties']['title']} has {widget['width']} columns"


def boards_name_severities(graph: Graph) -> Iterator[str]:
    """The title of a matrix names the severity of its alarms, because a tile has only the name and the state."""
    severities = {
        alarm.outputs["arn"]: topic.rpartition("-")[2].upper()
        for alarm in alarms_of(graph)
        for topic in alarm.inputs.get("alarmActions", [])
        # Tells that its own topic may be broken, by the other topic.
        if alarm.name != "alerts-undelivered-p2"
    }
    for board, widget in widgets_of(graph, "alarm"):
        title = widget["properties"]["title"]
        named = set(re.findall(r"^P\d", title))
        found = {severity for arn in widget["properties"]["alarms"] if (severity := severities.get(arn))}
        if found != named or (not named and not title.startswith("Parts of ")):
            yield f"{board}: {title} shows alarms of severity {sorted(found)}"
