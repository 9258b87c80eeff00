"""Signals and queries become widgets: graphs with the thresholds of their alarms, figures, logs, texts."""

from collections.abc import Sequence
from typing import Any

from components.monitoring.metrics import Metric
from components.monitoring.queries import SavedQuery
from components.monitoring.selection import AnyAlarm, Selection
from components.monitoring.signals import Alarm, Comparison, Severity, Signal, Versions, View

REFERENCE_COLOUR = "#687078"
# Neither the colour of a threshold nor one that a graph gives to its first lines.
VERSION_COLOUR = "#8456ce"
COLOURS = {Severity.P1: "#d13212", Severity.P2: "#eb6f00", Severity.P3: "#0972d3"}

Widget = dict[str, Any]


def figure(signal: Signal, region: str) -> Widget:
    """One number over its whole range, so the period is as long as the range."""
    properties: dict[str, Any] = {
        "title": signal.title,
        "region": region,
        "view": "singleValue",
        "setPeriodToTimeRange": True,
        # Rounded, 99.96 % of 99.95 % could read as 100.
        "singleValueFullPrecision": True,
        "period": signal.period_seconds,
        "metrics": _lines(signal),
    }
    return _widget("metric", properties | _range(signal))


def latest(signal: Signal, region: str) -> Widget:
    """The last value of each metric, also if it is hours old."""
    repeated = [
        [{"expression": f"FILL({metric.id}, REPEAT)", "id": f"last_{metric.id}", "label": metric.label}]
        for metric in signal.metrics
    ]
    properties: dict[str, Any] = {
        "title": signal.title,
        "region": region,
        "view": "singleValue",
        "singleValueFullPrecision": True,
        "period": signal.period_seconds,
        "metrics": [*repeated, *(_line(metric, visible=False) for metric in signal.metrics)],
    }
    return _widget("metric", properties | _range(signal))


def graph(signal: Signal, selection: Selection, region: str) -> Widget:
    """The lines of a signal over time, with the threshold of its alarm and its references."""
    lines, unit = _lines(signal), signal.drawing.unit
    properties: dict[str, Any] = {
        "title": signal.title,
        "region": region,
        "view": "timeSeries",
        "stacked": signal.view is View.STACKED,
        "timezone": "+0000",
        "period": signal.period_seconds,
        "metrics": lines + _version_lines(signal.versions),
        "yAxis": {"left": {"min": 0, "label": unit, "showUnits": False}} | _version_axis(signal.versions),
        # With one line, the title and the axis are enough.
        "legend": {"position": "bottom" if signal.versions or _visible(lines) > 1 else "hidden"},
    }
    across = [
        {"label": reference.label, "value": _number(reference.value, signal), "color": REFERENCE_COLOUR}
        for reference in signal.references
    ]
    if alarm := signal.alarm:
        across.insert(0, _threshold(alarm, signal, selection.notifier(alarm)))
    if across:
        properties["annotations"] = {"horizontal": across}
    return _widget("metric", properties | _range(signal))


def _visible(lines: list[list[Any]]) -> int:
    return sum(line[-1].get("visible", True) for line in lines)


def _version_lines(versions: Versions | None) -> list[list[Any]]:
    # Gaps stay gaps: a version that crashes before it reports must not look like the version before it.
    options = {"yAxis": "right", "color": VERSION_COLOUR}
    return [_line(metric, **options) for metric in versions.metrics] if versions else []


def _version_axis(versions: Versions | None) -> dict[str, Any]:
    # Without a minimum, CloudWatch scales the axis to the values: from 0, a step from 41 to 42 would not be seen.
    return {"right": {"label": f"version of the {versions.function}", "showUnits": False}} if versions else {}


def _range(signal: Signal) -> dict[str, str]:
    return {"start": f"-P{signal.days}D"} if signal.days else {}


def _lines(signal: Signal) -> list[list[Any]]:
    """The lines that are drawn, then the metrics that they are computed from."""
    drawing = signal.drawing
    computed = [("result", drawing.expression, drawing.unit)] if drawing.expression else []
    if drawing.divisor > 1 and not computed:
        # With one metric, the unit says more than the name.
        names = [metric.label if len(signal.metrics) > 1 else drawing.unit for metric in signal.metrics]
        computed = [(f"drawn_{metric.id}", metric.id, name) for metric, name in zip(signal.metrics, names, strict=True)]
    lines: list[list[Any]] = [
        [{"expression": _divided(expression, drawing.divisor), "id": line_id, "label": label}]
        for line_id, expression, label in computed
    ]
    hidden = {"visible": False} if computed else {}
    return lines + [_line(metric, **hidden) for metric in signal.metrics]


def _divided(expression: str, divisor: int) -> str:
    if divisor == 1:
        return expression
    return f"{expression} / {divisor}" if expression.isidentifier() else f"({expression}) / {divisor}"


def _line(metric: Metric, **rendering: Any) -> list[Any]:
    dimensions = [word for pair in metric.dimensions.items() for word in pair]
    options: dict[str, Any] = {"id": metric.id, "stat": metric.statistic, "label": metric.label}
    return [metric.namespace, metric.name, *dimensions, options | rendering]


def _threshold(alarm: Alarm, signal: Signal, notifier: AnyAlarm) -> dict[str, Any]:
    severity, drawing = notifier.severity, signal.drawing
    via = f" of {notifier.id}" if severity and notifier is not alarm else ""
    level = f" ({severity.upper()})" if severity else ""
    value = _number(alarm.threshold, signal)
    unit = f" {drawing.unit}" if drawing.divisor > 1 else ""
    condition = f", {drawing.condition}" if drawing.condition else ""
    line = {
        "label": f"{alarm.id}{via}{level}: {alarm.comparison.sign} {value:g}{unit}{condition}",
        "value": value,
        "color": COLOURS[severity] if severity else REFERENCE_COLOUR,
    }
    # With a threshold of 0, the whole graph would be shaded.
    if alarm.threshold > 0:
        line["fill"] = "below" if alarm.comparison is Comparison.AT_MOST else "above"
    return line


def _number(value: float, signal: Signal) -> float:
    """A value of the signal in the unit in which it is drawn."""
    divisor = signal.drawing.divisor
    return round(value / divisor, 2) if divisor > 1 else value


def log(query: SavedQuery, region: str) -> Widget:
    """The table that a saved query returns."""
    sources = [f"SOURCE '{group}'" for group in query.log_groups]
    asked = " | ".join([*sources, query.text])
    return _widget("log", {"title": query.title, "region": region, "query": asked, "view": "table"})


def text(markdown: str) -> Widget:
    """A text without a frame."""
    return _widget("text", {"markdown": markdown})


def matrix_of(title: str, alarm_arns: Sequence[str]) -> Widget:
    """A tile for each alarm; the alarms that changed last come first."""
    return _widget("alarm", {"title": title, "alarms": list(alarm_arns), "sortBy": "stateUpdatedTimestamp"})


def _widget(kind: str, properties: dict[str, Any]) -> Widget:
    return {"type": kind, "properties": properties}
