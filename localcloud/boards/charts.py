"""Converts a graph widget to a Plotly figure, with its lines, thresholds and labels."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from localcloud.boards.series import Line

# Distinguishable with red-green colour blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")
HEADROOM = 1.15
# Up to this many points are drawn as dots, because a line needs two points.
FEW_POINTS = 40
DAY_MINUTES = 1_440

Figure = dict[str, Any]


def figure(properties: Mapping[str, Any], lines: Sequence[Line], epoch: datetime) -> Figure:
    """The figure of a widget that draws lines over time."""
    thresholds = properties.get("annotations", {}).get("horizontal", [])
    stacked = properties.get("stacked", False)
    top = HEADROOM * max([*_tops(lines, stacked=stacked), *(threshold["value"] for threshold in thresholds), 0.0])
    traces = [_trace(line, number, epoch, stacked=stacked) for number, line in enumerate(lines)]
    axis = properties.get("yAxis", {}).get("left", {})
    look = {"gridcolor": "#eaeded", "zerolinecolor": "#aab7b8", "nticks": 5, "separatethousands": True}
    layout = {
        "margin": {"l": 46, "r": 8, "t": 4, "b": 20},
        "font": {"size": 10, "family": "sans-serif", "color": "#16191f"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": properties.get("legend", {}).get("position") == "bottom",
        "legend": {"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0, "font": {"size": 10}},
        "xaxis": _time_axis(lines[0], epoch),
        "yaxis": {
            "range": [axis.get("min", 0), top or 1],
            "title": {"text": axis.get("label", ""), "font": {"size": 10}},
        }
        | look,
        "shapes": [shape for threshold in thresholds for shape in _threshold_shapes(threshold, top)],
        "annotations": [_threshold_label(threshold) for threshold in thresholds],
    }
    if all(line.is_empty for line in lines):
        layout["annotations"].append(
            {"text": "No data in this range", "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
            | {"font": {"color": "#687078", "size": 12}}
        )
    return {"data": traces, "layout": layout, "config": {"displayModeBar": False, "responsive": True}}


def _tops(lines: Sequence[Line], *, stacked: bool) -> list[float]:
    if stacked:
        columns = zip(*(line.values for line in lines), strict=True)
        return [sum(value or 0.0 for value in column) for column in columns]
    return [value for line in lines for value in line.values if value is not None]


def _time_axis(line: Line, epoch: datetime) -> dict[str, Any]:
    first, last = line.minutes[0], line.minutes[-1] + 1
    return {
        "type": "date",
        "range": [_time(first, epoch), _time(last, epoch)],
        "tickformat": "%H:%M" if last - first <= DAY_MINUTES else "%b %d",
        "nticks": 7,
        "gridcolor": "#eaeded",
    }


def _trace(line: Line, number: int, epoch: datetime, *, stacked: bool) -> dict[str, Any]:
    colour = COLOURS[number % len(COLOURS)]
    points = sum(value is not None for value in line.values)
    trace = {
        "type": "scatter",
        "name": line.label,
        "x": [_time(minute, epoch) for minute in line.minutes],
        "y": list(line.values),
        "mode": "lines+markers" if points <= FEW_POINTS else "lines",
        "line": {"color": colour, "width": 1.6},
        "marker": {"size": 4},
    }
    # Thin, so that a line of zeros does not hide the area below it.
    stack = {"stackgroup": "all", "fillcolor": colour + "66", "line": {"color": colour, "width": 0.5}}
    return trace | stack if stacked else trace


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


def _threshold_label(threshold: Mapping[str, Any]) -> dict[str, Any]:
    place = {"xref": "paper", "x": 0.995, "xanchor": "right", "y": threshold["value"], "yanchor": "bottom"}
    look = {"font": {"size": 10, "color": threshold["color"]}, "bgcolor": "rgba(255,255,255,0.75)", "borderpad": 0}
    return {"text": threshold["label"], "showarrow": False} | place | look


def _time(minute: int, epoch: datetime) -> str:
    return (epoch + timedelta(minutes=minute)).strftime("%Y-%m-%d %H:%M")
