"""What is worth monitoring, as plain data: signals, the alarms defined on them, and alarms on other alarms.

No resources here. `components.signals` describes the signals of each component; `Monitoring` derives alarms, thresholds
in graphs and links from them.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import AnyAlarmId
from components.monitoring.metrics import Metric

METRICS_PER_ALARM = 10
# The newest minutes may not be published yet when CloudWatch evaluates, and missing data does not breach. An alarm that
# needs all of its minutes to breach would depend on how much more data CloudWatch happens to retrieve.
UNPUBLISHED_MINUTES = 3


class Severity(StrEnum):
    """How urgently an engineer is needed; each severity has its topic."""

    P1 = "p1"
    """Users are affected now: pages."""
    P2 = "p2"
    """Users will be affected, or a few already are: page endpoint with low urgency, and e-mail."""
    P3 = "p3"
    """Can wait for office hours: e-mail."""


class Level(StrEnum):
    """How much monitoring a stack has."""

    ESSENTIAL = "essential"
    """Without P3 alarms and without objectives."""
    FULL = "full"


class Board(StrEnum):
    """Every dashboard."""

    OVERVIEW = "overview"
    INGEST = "ingest"
    API = "api"


class Section(StrEnum):
    """The headings of a board, in the order in which they are drawn."""

    FAILURES = "Failures"
    OBJECTIVES = "Objectives"
    TRAFFIC = "Traffic and latency"
    INGEST = "Ingest"
    DEAD_LETTERS = "Dead letters"
    OUTCOMES = "Outcomes"
    EVENT_HANDLER = "Event handler"
    TABLE_WRITES = "Table, used by the event handler"
    API = "API"
    CALLERS = "Clients"
    QUERY = "Query function"
    TABLE_READS = "Table, used by the query function"
    LOGS = "Logs"
    MONITORING = "Monitoring"


class View(StrEnum):
    """How a signal is drawn."""

    LINES = "lines"
    STACKED = "stacked"
    NUMBER = "number"
    """One figure over the whole range."""
    LATEST = "latest"
    """The last value of each metric, beside the heading of the section."""


class Comparison(StrEnum):
    """How the signal is compared with the threshold, in CloudWatch's words."""

    ABOVE = "GreaterThanThreshold"
    AT_LEAST = "GreaterThanOrEqualToThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"

    @property
    def sign(self) -> str:
        """The mathematical sign for labels."""
        return {"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": ">="}.get(self.value, "<=")


class MissingData(StrEnum):
    """What a period without data means to an alarm, in CloudWatch's words."""

    NOT_BREACHING = "notBreaching"
    BREACHING = "breaching"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """When a signal is a problem, who is notified, and what the notification says."""

    id: AnyAlarmId
    metric_id: str = ""
    """Which metric of the signal, when it has several and no expression."""
    threshold: float
    comparison: Comparison = Comparison.ABOVE
    datapoints: int
    """M: this many of the last N periods must breach."""
    periods: int
    """N."""
    missing: MissingData = MissingData.NOT_BREACHING
    severity: Severity | None
    """None for the child of a composite, which notifies in its place."""
    topic: Severity | None = None
    """The topic to use when the topic of its own severity may be what is broken."""
    opt_in: bool = False
    """True leaves the alarm out until a stack names it in `alarms`."""
    warm_up_minutes: int = 0
    """Minutes without evaluation after creation, or until there is data, when missing data would breach."""
    meaning: str
    """What is wrong and for whom, for an engineer who has just been woken."""
    first_step: str
    """What to check or do first."""

    @property
    def essential(self) -> bool:
        """False leaves it out of a stack whose monitoring is essential."""
        return self.severity is not Severity.P3

    def __post_init__(self) -> None:
        if not 1 <= self.datapoints <= self.periods:
            raise ValueError(
                f"alarm {self.id}: {self.datapoints} of {self.periods} periods can never breach; "
                "datapoints must be between 1 and periods"
            )


def _when(
    comparison: Comparison, threshold: float, datapoints: int, periods: int, severity: Severity | None
) -> "partial[Alarm]":
    return partial(
        Alarm, comparison=comparison, threshold=threshold, datapoints=datapoints, periods=periods, severity=severity
    )


def above(threshold: float, datapoints: int, *, of: int, severity: Severity | None) -> "partial[Alarm]":
    """Return `Alarm` without its words, for when this many datapoints of that many periods are above a threshold."""
    return _when(Comparison.ABOVE, threshold, datapoints, of, severity)


def at_least(threshold: float, datapoints: int, *, of: int, severity: Severity | None) -> "partial[Alarm]":
    """Return the same for datapoints that reach the threshold."""
    return _when(Comparison.AT_LEAST, threshold, datapoints, of, severity)


@dataclass(frozen=True, kw_only=True)
class AlarmOverride:
    """What a stack changes about one alarm; None keeps the default."""

    threshold: float | None = None
    enabled: bool = True
    """False leaves the alarm out."""


@dataclass(frozen=True, kw_only=True)
class CompositeAlarm:
    """An alarm on other alarms: of all of `all_of`, or of any of `any_of`."""

    id: AnyAlarmId
    any_of: tuple[AnyAlarmId, ...] = ()
    all_of: tuple[AnyAlarmId, ...] = ()
    severity: Severity | None
    """None if the alarm sends no notification."""
    suppressed_by: AnyAlarmId | None = None
    """While that composite is in alarm, this one sends no notification: it detects the same fault later."""
    wait_seconds: int = 0
    """How long to wait for the suppressor before notifying."""
    extension_seconds: int = 0
    """How long to stay silent after the suppressor has cleared."""
    essential: bool = True
    """False leaves it, and with it its children, out of a stack whose monitoring is essential."""
    meaning: str
    first_step: str

    def __post_init__(self) -> None:
        if bool(self.any_of) == bool(self.all_of):
            raise ValueError(f"composite {self.id} needs either any_of or all_of")

    @property
    def children(self) -> tuple[AnyAlarmId, ...]:
        """The alarms it combines."""
        return self.any_of + self.all_of


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A horizontal line in a graph that is not the threshold of an alarm: a limit or a timeout."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How a graph shows a signal whose alarm needs a form that would mislead a reader, or a unit too small to read.

    An alarm counts a minute without data, or with few requests, as 0; a graph that did the same would show a latency
    of 0 when nothing runs, and 0 % while each of ten requests fails.
    """

    expression: str = ""
    """Metric math over the ids of the signal's metrics; without it, each metric is a line."""
    divisor: int = 1
    """What the values and the threshold are divided by."""
    unit: str
    """The unit after the division."""
    condition: str = ""
    """What else must hold for the alarm to count a value beyond its threshold: part of the threshold's label."""


@dataclass(frozen=True, kw_only=True)
class Versions:
    """The versions of a function that run. On the right axis of a graph, a step marks a release or a rollback."""

    function: str
    """What the function is called on the boards."""
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Something worth monitoring about one resource: drawn on its boards, with the alarm defined on it."""

    title: str
    metrics: tuple[Metric, ...]
    """Each is a line, unless there is an expression."""
    expression: str = ""
    """Metric math over the ids of `metrics`; if set, the result is drawn and alarmed on instead of the metrics."""
    unit: str
    """Label of the axis; rates are percent (100*), never fractions."""
    period_seconds: int = 60
    section: Section
    overview_section: Section | None = None
    """Its section on the overview, where the most urgent graphs of all components come first; None for `section`."""
    boards: tuple[Board, ...] = ()
    """Where it is drawn; empty if another signal shows the same better."""
    view: View = View.LINES
    days: int = 0
    """Days to draw, whatever range the board is set to; 0 follows the board."""
    references: tuple[Reference, ...] = ()
    versions: Versions | None = None
    """Of the function that may be the cause, drawn behind the lines."""
    note: str = ""
    """What a reader must know to understand the graph."""
    drawn: Drawing | None = None
    """None draws what the alarm evaluates."""
    alarm: Alarm | None = None

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError(f"signal {self.title!r} has no metric: name at least one")
        ids = [metric.id for metric in self.metrics]
        if len(set(ids)) != len(ids):
            raise ValueError(f"signal {self.title!r} names its metrics {', '.join(ids)}: each needs its own id")
        # CloudWatch rejects an alarm on more metrics; a dashboard does not.
        if self.expression and len(self.metrics) > METRICS_PER_ALARM:
            raise ValueError(
                f"signal {self.title!r} has {len(self.metrics)} metrics; metric math takes at most {METRICS_PER_ALARM}"
            )
        if self.alarm:
            self._check(self.alarm, ids)

    def _check(self, alarm: Alarm, ids: list[str]) -> None:
        if (len(ids) > 1 or alarm.metric_id) and not self.expression and alarm.metric_id not in ids:
            raise ValueError(
                f"alarm {alarm.id} names the metric {alarm.metric_id!r} of signal {self.title!r}: an alarm is on "
                f"one value, so name one of {', '.join(ids)} or combine them in an expression"
            )
        # Documented limits: N periods within a week, within a day when the period is under an hour.
        longest = SECONDS_PER_DAY if self.period_seconds < 3_600 else 7 * SECONDS_PER_DAY
        if alarm.periods * self.period_seconds > longest:
            raise ValueError(
                f"alarm {alarm.id}: {alarm.periods} periods of {self.period_seconds} s are more than {longest} s, "
                "the longest CloudWatch evaluates"
            )

    @property
    def drawing(self) -> Drawing:
        """How a graph shows it."""
        return self.drawn or Drawing(expression=self.expression, unit=self.unit)

    def section_on(self, board: Board) -> Section:
        """Return the section of a board in which it is drawn."""
        return (self.overview_section if board is Board.OVERVIEW else None) or self.section

    def metric_of(self, alarm: Alarm) -> Metric:
        """Return the metric an alarm is on when there is no expression."""
        return next((metric for metric in self.metrics if metric.id == alarm.metric_id), self.metrics[0])
