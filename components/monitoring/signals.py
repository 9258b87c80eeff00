"""What is worth monitoring, as plain data: signals, the alarms defined on them, and alarms on other alarms.

No resources here. Components describe their signals next to the resource they own; `Monitoring` derives alarms,
thresholds in graphs and links from the same objects.
"""

from dataclasses import dataclass
from enum import StrEnum

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import Metric

METRICS_PER_ALARM = 10
# So many of the newest minutes may not be there yet when CloudWatch looks, and missing is not breaching: an alarm that
# needs all of its minutes to breach would wait for what CloudWatch happens to retrieve beyond them.
UNPUBLISHED_MINUTES = 3


class Severity(StrEnum):
    """How urgently a human is needed; one topic each."""

    P1 = "p1"
    """Users are hurt now: pages."""
    P2 = "p2"
    """Users will be hurt, or a few already are: page endpoint with low urgency, and e-mail."""
    P3 = "p3"
    """Worth knowing in office hours: e-mail."""


class Level(StrEnum):
    """How much monitoring a stack has."""

    ESSENTIAL = "essential"
    """Without P3 alarms and without objectives."""
    FULL = "full"


class Board(StrEnum):
    """Every dashboard there is."""

    OVERVIEW = "overview"
    INGEST = "ingest"
    API = "api"


class Section(StrEnum):
    """The headings a board is divided by, in the order in which they are drawn."""

    OBJECTIVES = "Objectives"
    INGEST = "Ingest"
    DEAD_LETTERS = "Dead letters"
    OUTCOMES = "Outcomes"
    EVENT_HANDLER = "Event handler"
    TABLE_WRITES = "Table, as the event handler uses it"
    API = "API"
    CALLERS = "Callers"
    QUERY = "Query function"
    TABLE_READS = "Table, as the query function uses it"
    LOGS = "What the logs say"
    MONITORING = "The monitoring itself"


class View(StrEnum):
    """How a signal is drawn."""

    LINES = "lines"
    STACKED = "stacked"
    NUMBER = "number"
    """One figure over the whole range."""


class Comparison(StrEnum):
    """How the signal is compared with the threshold, in CloudWatch's words."""

    ABOVE = "GreaterThanThreshold"
    AT_LEAST = "GreaterThanOrEqualToThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"

    @property
    def sign(self) -> str:
        """The mathematical sign, for labels."""
        return {"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": ">="}.get(self.value, "<=")


class MissingData(StrEnum):
    """What a period without data means to an alarm, in CloudWatch's words."""

    NOT_BREACHING = "notBreaching"
    BREACHING = "breaching"
    IGNORE = "ignore"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """When the signal is a problem, who hears of it, and what they are told."""

    id: AlarmId
    metric_id: str = ""
    """Which metric of the signal, when it has several and no expression."""
    threshold: float
    comparison: Comparison = Comparison.ABOVE
    datapoints: int
    """M: so many of the last N periods must breach."""
    periods: int
    """N."""
    missing: MissingData = MissingData.NOT_BREACHING
    severity: Severity | None
    """None for the child of a composite: it tells nobody, the composite does."""
    topic: Severity | None = None
    """Whose topic carries it, when the one of its own severity is what may be broken."""
    opt_in: bool = False
    """True leaves it out until a stack names it in its `alarms`."""
    warm_up_minutes: int = 0
    """Not evaluated for so long after it was made, or until there is data, when missing data would breach."""
    meaning: str
    """What it says about the system, for somebody who has just been woken up."""
    first_step: str
    """What to look at or do first."""

    @property
    def essential(self) -> bool:
        """False leaves it out of a stack whose monitoring is essential."""
        return self.severity is not Severity.P3

    def __post_init__(self) -> None:
        if not 1 <= self.datapoints <= self.periods:
            raise ValueError(
                f"alarm {self.id}: {self.datapoints} of {self.periods} periods can never be met; "
                "datapoints must be between 1 and periods"
            )


@dataclass(frozen=True, kw_only=True)
class CompositeAlarm:
    """An alarm on other alarms: of all of `all_of`, or of any of `any_of`."""

    id: AlarmId
    any_of: tuple[AlarmId, ...] = ()
    all_of: tuple[AlarmId, ...] = ()
    severity: Severity | None
    """None for a state that is only looked at."""
    suppressed_by: AlarmId | None = None
    """While that composite is in alarm, this one tells nobody: it is the same fault, seen more slowly."""
    wait_seconds: int = 0
    """How long to wait for the suppressor to follow before telling anybody."""
    extension_seconds: int = 0
    """How long to stay silent after the suppressor is over."""
    essential: bool = True
    """False leaves it, and with it its children, out of a stack whose monitoring is essential."""
    meaning: str
    first_step: str

    def __post_init__(self) -> None:
        if bool(self.any_of) == bool(self.all_of):
            raise ValueError(f"composite {self.id} needs either any_of or all_of")

    @property
    def children(self) -> tuple[AlarmId, ...]:
        """The alarms it is made of."""
        return self.any_of + self.all_of


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A value drawn across a graph that is no alarm's threshold: a limit, a timeout, a cap."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Something worth watching about one resource: drawn on its boards, and alarmed on by its rules."""

    title: str
    metrics: tuple[Metric, ...]
    """One line each, unless there is an expression."""
    expression: str = ""
    """Metric math over the ids of `metrics`; then it is what is drawn and alarmed on, and they are only its inputs."""
    unit: str
    """What the axis is labelled with; rates are percent (100*), never fractions."""
    period_seconds: int = 60
    section: Section
    boards: tuple[Board, ...] = ()
    """Where it is drawn; nowhere, when another signal shows the same better."""
    view: View = View.LINES
    days: int = 0
    """Drawn over the last so many days, whatever range the board is set to; 0 follows the board."""
    references: tuple[Reference, ...] = ()
    note: str = ""
    """What a reader must know to read the graph right."""
    alarms: tuple[Alarm, ...] = ()

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError(f"signal {self.title!r} has no metric: name at least one")
        ids = [metric.id for metric in self.metrics]
        if len(set(ids)) != len(ids):
            raise ValueError(f"signal {self.title!r} names its metrics {', '.join(ids)}: each needs an id of its own")
        # CloudWatch refuses an alarm on more; a dashboard would not tell.
        if self.expression and len(self.metrics) > METRICS_PER_ALARM:
            raise ValueError(
                f"signal {self.title!r} has {len(self.metrics)} metrics; metric math takes at most {METRICS_PER_ALARM}"
            )
        for alarm in self.alarms:
            if (len(self.metrics) > 1 or alarm.metric_id) and not self.expression and alarm.metric_id not in ids:
                raise ValueError(
                    f"alarm {alarm.id} names the metric {alarm.metric_id!r} of signal {self.title!r}: an alarm is on "
                    f"one value, so name one of {', '.join(ids)} or combine them in an expression"
                )
        # Documented limits: N periods within a week, within a day when the period is under an hour.
        longest = SECONDS_PER_DAY if self.period_seconds < 3_600 else 7 * SECONDS_PER_DAY
        for alarm in self.alarms:
            if alarm.periods * self.period_seconds > longest:
                raise ValueError(
                    f"alarm {alarm.id}: {alarm.periods} periods of {self.period_seconds} s are more than {longest} s, "
                    "the longest CloudWatch evaluates"
                )

    def metric_of(self, alarm: Alarm) -> Metric:
        """Return the metric an alarm is on when there is no expression."""
        return next((metric for metric in self.metrics if metric.id == alarm.metric_id), self.metrics[0])
