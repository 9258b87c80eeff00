"""What is worth watching, as plain data: a signal, and the rules that turn it into an alarm. No resources here.

Components describe their signals next to the resource they own; `Monitoring` derives alarms, thresholds in graphs and
links from the same objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How urgently a human is needed; one topic each."""

    P1 = "p1"
    """Users are hurt now: pages."""
    P2 = "p2"
    """Users will be hurt, or a few already are: page endpoint with low urgency, and e-mail."""
    P3 = "p3"
    """Worth knowing in office hours: e-mail."""


class AlarmId(StrEnum):
    """Every alarm there can be. The id is its logical name, the end of its physical name and its runbook heading."""

    QUEUE_AGE = "queue-age"
    DLQ_NOT_EMPTY = "dlq-not-empty"
    EVENT_HANDLER_ERRORS = "event-handler-errors"
    API_5XX = "api-5xx"


class Board(StrEnum):
    """Every dashboard there is."""

    OVERVIEW = "overview"


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
    threshold: float
    comparison: Comparison = Comparison.ABOVE
    datapoints: int
    """M: so many of the last N periods must breach."""
    periods: int
    """N."""
    missing: MissingData = MissingData.NOT_BREACHING
    severity: Severity
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
class Signal:
    """Something worth watching about one resource: drawn on its boards, and alarmed on by its rules."""

    title: str
    metrics: tuple[Metric, ...]
    expression: str = ""
    """Metric math over the ids of `metrics`; then it is what is drawn and alarmed on, and they are only its inputs."""
    unit: str
    """What the axis is labelled with; rates are percent (100*), never fractions."""
    period_seconds: int = 60
    boards: tuple[Board, ...] = (Board.OVERVIEW,)
    alarms: tuple[AlarmRule, ...] = ()

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError(f"signal {self.title!r} has no metric: name at least one")
        # CloudWatch refuses an alarm on more; a dashboard would not tell.
        if self.expression and len(self.metrics) > 10:
            raise ValueError(f"signal {self.title!r} has {len(self.metrics)} metrics; metric math takes at most 10")
        if self.alarms and not self.expression and len(self.metrics) > 1:
            raise ValueError(
                f"signal {self.title!r} has {len(self.metrics)} metrics and alarms on them: "
                "an alarm watches one value, so combine them in an expression or make a signal of each"
            )
        # Documented limits: N periods within a week, within a day when the period is under an hour.
        longest = 86_400 if self.period_seconds < 3_600 else 604_800
        for rule in self.alarms:
            if rule.periods * self.period_seconds > longest:
                raise ValueError(
                    f"alarm {rule.id}: {rule.periods} periods of {self.period_seconds} s are more than {longest} s, "
                    "the longest CloudWatch evaluates"
                )
