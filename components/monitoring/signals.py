"""What is worth watching, as plain data: signals, the rules that turn one into an alarm, and combinations of alarms.

No resources here. Components describe their signals next to the resource they own; `Monitoring` derives alarms,
thresholds in graphs and links from the same objects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import AlarmId

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
class Metric:
    """One CloudWatch metric with its statistic; `id` names it in an expression."""

    id: str
    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    label: str

    def __post_init__(self) -> None:
        if not self.id or not self.id[0].islower() or not self.id.replace("_", "").isalnum():
            raise ValueError(f"metric id {self.id!r} must start with a lower-case letter, then letters, digits, _")


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """When the signal is a problem, who hears of it, and what they are told."""

    id: AlarmId
    watches: str = ""
    """Which metric of the signal, by its id, when it draws several."""
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

    def __post_init__(self) -> None:
        if not 1 <= self.datapoints <= self.periods:
            raise ValueError(
                f"alarm {self.id}: {self.datapoints} of {self.periods} periods can never be met; "
                "datapoints must be between 1 and periods"
            )


@dataclass(frozen=True, kw_only=True)
class CompositeRule:
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
    """False leaves it, and with it its children, out of a stack that has only what is essential."""
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
    alarms: tuple[AlarmRule, ...] = ()

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
        for rule in self.alarms:
            if (len(self.metrics) > 1 or rule.watches) and not self.expression and rule.watches not in ids:
                raise ValueError(
                    f"alarm {rule.id} watches {rule.watches!r} of signal {self.title!r}: "
                    f"an alarm watches one value, so name one of {', '.join(ids)} or combine them in an expression"
                )
        # Documented limits: N periods within a week, within a day when the period is under an hour.
        longest = SECONDS_PER_DAY if self.period_seconds < 3_600 else 7 * SECONDS_PER_DAY
        for rule in self.alarms:
            if rule.periods * self.period_seconds > longest:
                raise ValueError(
                    f"alarm {rule.id}: {rule.periods} periods of {self.period_seconds} s are more than {longest} s, "
                    "the longest CloudWatch evaluates"
                )

    def watched(self, rule: AlarmRule) -> Metric:
        """The metric a rule watches when there is no expression."""
        return next((metric for metric in self.metrics if metric.id == rule.watches), self.metrics[0])


MetricMaker = Callable[[str, str, str, str], Metric]


def metrics_of(namespace: str, dimensions: Mapping[str, str]) -> MetricMaker:
    """A maker of metrics of one resource, from id, name, statistic and label."""

    def make(identifier: str, name: str, statistic: str, label: str) -> Metric:
        return Metric(
            id=identifier, namespace=namespace, name=name, dimensions=dimensions, statistic=statistic, label=label
        )

    return make
