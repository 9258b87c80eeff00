"""Converts a graph widget to a Plotly figure, with its lines and thresholds."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from localcloud.boards.series import Line

# Distinguishable with red-green colour blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")
HEADROOM = 1.15
# A threshold more than this many times the highest value would press the lines flat: it is named at the edge instead.
FAR = 4
LINE_WIDTH, HALO_WIDTH = 1.6, 2.0
# A line that equals a later line in this share of its points is drawn wider, or the later line would hide it. Zeros do
# not count: they are where nothing happened.
EQUAL_SHARE = 0.2
POINT_SIZE, LABEL_HEIGHT = 5, 13
# The share of the axis that a label covers, and what stands between two labels on one line.
LABEL_SHARE, LABELS_JOINED = 0.09, " · "
# Up to this many points are drawn as dots too.
FEW_POINTS = 40
DAY_MINUTES = 1_440
# Room for the numbers of the right axis and its label.
RIGHT_MARGIN = 40
# Up to this height, the axis of a count shows no fractions.
SMALL_COUNT = 5

Figure = dict[str, Any]


def figure(properties: Mapping[str, Any], lines: Sequence[Line], epoch: datetime) -> Figure:
    """The figure of a widget that draws lines over time."""
    thresholds = properties.get("annotations", {}).get("horizontal", [])
    stacked = properties.get("stacked", False)
    left = [line for line in lines if not line.is_on_the_right]
    right = [line for line in lines if line.is_on_the_right]
    tops = _tops(left, stacked=stacked)
    far = _far_thresholds(thresholds, max([*tops, 0.0]))
    near = [threshold for threshold in thresholds if threshold not in far]
    top = HEADROOM * max([*tops, *(threshold["value"] for threshold in near), 0.0]) or 1.0
    traces = [_trace(line, number, left, epoch, stacked=stacked) for number, line in enumerate(left)]
    traces += [_right_trace(line, epoch) for line in right]
    layout = {
        "margin": {"l": 38, "r": 8, "t": 4, "b": 20},
        "font": {"size": 10, "family": "sans-serif", "color": "#16191f"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,  # the page has one, which takes less room
        "xaxis": _time_axis(lines[0], epoch),
        "yaxis": _value_axis(properties, tops, top),
        "shapes": [shape for threshold in near for shape in _threshold_shapes(threshold, top)],
        "annotations": [
            *_threshold_labels(near, top),
            *(_edge_label(threshold, number) for number, threshold in enumerate(far)),
        ],
    }
    if right:
        layout["yaxis2"] = _right_axis(properties, right)
        layout["margin"]["r"] = RIGHT_MARGIN
    if all(line.is_empty for line in left):
        layout["yaxis"]["showticklabels"] = bool(near)
        layout["annotations"].append(
            {"text": "No data in this range", "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
            | {"font": {"color": "#687078", "size": 12}}
        )
    return {"data": traces, "layout": layout, "config": {"displayModeBar": False, "responsive": True}}


def colour_of(line: Line, number: int) -> str:
    """The colour of a line: its own, or by its place in the graph."""
    return line.colour or COLOURS[number % len(COLOURS)]


def _tops(lines: Sequence[Line], *, stacked: bool) -> list[float]:
    if stacked:
        columns = zip(*(line.values for line in lines), strict=True)
        return [sum(value or 0.0 for value in column) for column in columns]
    return [value for line in lines for value in line.values if value is not None]


def _far_thresholds(thresholds: Sequence[Mapping[str, Any]], highest: float) -> list[Mapping[str, Any]]:
    """The thresholds beyond the axis. Without a value above zero, no line can be pressed flat."""
    return [threshold for threshold in thresholds if highest and threshold["value"] > FAR * highest]


def _time_axis(line: Line, epoch: datetime) -> dict[str, Any]:
    first, last = line.minutes[0], line.minutes[-1] + 1
    return {
        "type": "date",
        "range": [_time(first, epoch), _time(last, epoch)],
        "tickformat": "%H:%M" if last - first <= DAY_MINUTES else "%b %d",
        "nticks": 7,
        "gridcolor": "#eaeded",
        # Room for the 0 of the other axis.
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": "rgba(0,0,0,0)",
    }


def _value_axis(properties: Mapping[str, Any], tops: Sequence[float], top: float) -> dict[str, Any]:
    axis = properties.get("yAxis", {}).get("left", {})
    whole = top <= SMALL_COUNT and all(value == int(value) for value in tops)
    return {
        "range": [axis.get("min", 0), top],
        "gridcolor": "#eaeded",
        "zerolinecolor": "#aab7b8",
        "separatethousands": True,
    } | ({"tick0": 0, "dtick": 1} if whole else {"nticks": 5})


def _right_axis(properties: Mapping[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    """Scaled to the values, so that a small step is seen; the line of one value is in the middle."""
    values = [value for line in lines for value in line.values if value is not None] or [0.0]
    room = max((max(values) - min(values)) * (HEADROOM - 1), 0.5)
    return {
        "title": {"text": properties["yAxis"]["right"]["label"], "font": {"size": 10}, "standoff": 4},
        "range": [min(values) - room, max(values) + room],
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "zeroline": False,
        "tickvals": sorted({min(values), max(values)}),
        "showticklabels": not all(line.is_empty for line in lines),
    }


def _right_trace(line: Line, epoch: datetime) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": line.label,
        "x": [_time(minute, epoch) for minute in line.minutes],
        "y": list(line.values),
        "yaxis": "y2",
        "mode": "lines+markers",
        "line": {"color": colour_of(line, 0), "width": LINE_WIDTH, "shape": "hv"},
        "marker": {"size": _point_sizes(line)},
    }


def _trace(line: Line, number: int, lines: Sequence[Line], epoch: datetime, *, stacked: bool) -> dict[str, Any]:
    colour = colour_of(line, number)
    hidden_by = sum(_is_hidden_by(line, later) for later in lines[number + 1 :])
    trace = {
        "type": "scatter",
        "name": line.label,
        "x": [_time(minute, epoch) for minute in line.minutes],
        "y": list(line.values),
        "mode": "lines+markers",
        "line": {"color": colour, "width": LINE_WIDTH + HALO_WIDTH * hidden_by},
        "marker": {"size": _point_sizes(line)},
    }
    # Thin, so that a line of zeros does not hide the area below it.
    stack = {"stackgroup": "all", "fillcolor": colour + "66", "mode": "lines", "line": {"color": colour, "width": 0.5}}
    return trace | stack if stacked else trace


def _is_hidden_by(line: Line, later: Line) -> bool:
    pairs = [(mine, other) for mine, other in zip(line.values, later.values, strict=True) if mine]
    return bool(pairs) and sum(mine == other for mine, other in pairs) >= EQUAL_SHARE * len(pairs)


def _point_sizes(line: Line) -> list[int]:
    """Dots where a line between two points would show nothing, and on lines of few points."""
    present = [value is not None for value in line.values]
    if sum(present) <= FEW_POINTS:
        return [POINT_SIZE] * len(present)
    joined = [before and after for before, after in pairwise([False, *present, False])]
    return [0 if left or right else POINT_SIZE for left, right in pairwise(joined)]


def _threshold_shapes(threshold: Mapping[str, Any], top: float) -> list[dict[str, Any]]:
    value, colour = threshold["value"], threshold["color"]
    full_width = {"xref": "paper", "x0": 0, "x1": 1}
    shapes: list[dict[str, Any]] = [
        full_width | {"type": "line", "y0": value, "y1": value, "line": {"color": colour, "width": 1.4, "dash": "dash"}}
    ]
    if threshold.get("fill", "none") != "none":
        edges = (value, top) if threshold["fill"] == "above" else (0, value)
        shade = {"type": "rect", "y0": edges[0], "y1": edges[1], "fillcolor": colour, "opacity": 0.08}
        shapes.append(full_width | shade | {"line": {"width": 0}, "layer": "below"})
    return shapes


def _threshold_labels(thresholds: Sequence[Mapping[str, Any]], top: float) -> Iterator[dict[str, Any]]:
    """On the lines: those of alarms on the left, where the newest values are not, those of limits on the right.

    Labels that would cover each other are one label, on the highest of their lines.
    """
    for of_alarm in (True, False):
        rows: list[list[Mapping[str, Any]]] = []
        on_side = (threshold for threshold in thresholds if _is_of_alarm(threshold) is of_alarm)
        for threshold in sorted(on_side, key=lambda threshold: -threshold["value"]):
            if rows and rows[-1][-1]["value"] - threshold["value"] < LABEL_SHARE * top:
                rows[-1].append(threshold)
            else:
                rows.append([threshold])
        place = {"x": 0.005, "xanchor": "left"} if of_alarm else {"x": 0.995, "xanchor": "right"}
        for row in rows:
            label = _label(row[0], LABELS_JOINED.join(threshold["label"] for threshold in row))
            yield label | place | {"y": row[0]["value"], "yanchor": "bottom"}


def _is_of_alarm(threshold: Mapping[str, Any]) -> bool:
    return ":" in threshold["label"]


def _edge_label(threshold: Mapping[str, Any], number: int) -> dict[str, Any]:
    """At the upper edge, below the labels of the far thresholds before it."""
    place = {"x": 0.005, "xanchor": "left", "yref": "paper", "y": 1, "yanchor": "top"}
    text = f"↑ {threshold['label']}"
    if not _is_of_alarm(threshold):
        text += f" ({threshold['value']:,g})"  # the label of an alarm has the value
    return _label(threshold, text) | place | {"yshift": -number * LABEL_HEIGHT}


def _label(threshold: Mapping[str, Any], text: str) -> dict[str, Any]:
    look = {"font": {"size": 10, "color": threshold["color"]}, "bgcolor": "rgba(255,255,255,0.75)", "borderpad": 0}
    # A condition gets a line of its own, because a graph can be narrow.
    return {"text": text.replace(", ", ",<br>", 1), "align": "left", "showarrow": False, "xref": "paper"} | look


def _time(minute: int, epoch: datetime) -> str:
    return (epoch + timedelta(minutes=minute)).strftime("%Y-%m-%d %H:%M")
