"""Service level objectives: how fast each error budget burns, in a long and a short window, and who is notified.

The windows and rates are those of Google's SRE workbook, chapter 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import AlarmId, ObjectiveId, PaceId, Window, slo_alarm
from components.monitoring.metrics import Metric
from components.monitoring.signals import Board, CompositeAlarm, Reference, Section, Severity, Signal, View, above

WINDOW_DAYS = 30
# Below the lowest target, 14.4 times the budget is close to or above 100 % and could not be reached.
# Above the highest target, five bad events, the fewest that count, use up the budget of ten thousand.
LOWEST_TARGET, HIGHEST_TARGET = 95.0, 99.95
SUPPRESSOR_WAIT_SECONDS = 120
# How far back the burn rate is drawn: a week shows whether last week's deployment is the cause.
BURN_RATE_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class Pace:
    """One speed at which a budget can burn, and the windows that detect it."""

    id: PaceId
    rate: float
    """Times the rate that uses up the budget exactly in `WINDOW_DAYS`."""
    long_seconds: int
    least_bad: int
    """Fewer bad events in the long window do not fire, whatever their share."""
    bad_minutes: int
    """This many bad minutes show that the fault continues ..."""
    of_minutes: int
    """... out of this many: when they have passed, the alarm clears, long before the long window does."""
    severity: Severity | None
    """None if the alarm of the journey notifies for it."""


PACES = (
    # Without a floor one error would page below 70 requests an hour.
    Pace(id=PaceId.FAST, rate=14.4, long_seconds=3_600, least_bad=5, bad_minutes=1, of_minutes=30, severity=None),
    # Below twenty requests a minute, this share of six hours is a handful of errors: with a floor of a handful, the
    # page came and went with each error. One more error after the fault does not page again.
    Pace(id=PaceId.MEDIUM, rate=6, long_seconds=21_600, least_bad=40, bad_minutes=2, of_minutes=90, severity=None),
    Pace(id=PaceId.SLOW, rate=3, long_seconds=86_400, least_bad=5, bad_minutes=2, of_minutes=360, severity=Severity.P2),
)


@dataclass(frozen=True, kw_only=True)
class ServiceLevelObjective:
    """A target for the share of good events, and everything that monitors it."""

    id: ObjectiveId
    """Part of the ids of its alarms: `slo-{id}-fast`."""
    title: str
    metrics: tuple[Metric, ...]
    bad: str
    """Metric math over the ids of `metrics`: the number of bad events."""
    total: str
    """The same: the number of all events."""
    target_percent: float
    note: str = ""
    paged_by: AlarmId
    """The alarm that pages for the fast and the medium burn, and suppresses the slow one meanwhile."""
    meaning: str
    """What users notice while the budget burns."""
    first_step: str

    def __post_init__(self) -> None:
        if not LOWEST_TARGET <= self.target_percent <= HIGHEST_TARGET:
            raise ValueError(
                f"objective {self.id} has a target of {self.target_percent:g} %: burn rates can only be alarmed on "
                f"between {LOWEST_TARGET:g} and {HIGHEST_TARGET:g} %"
            )

    @property
    def budget_percent(self) -> float:
        """Percent of events that may be bad."""
        return round(100 - self.target_percent, 4)

    def threshold_percent(self, pace: Pace) -> float:
        """Return how many percent are bad when the budget burns at a pace."""
        return round(pace.rate * self.budget_percent, 4)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The signals that are drawn, then the windows that the composites combine."""
        return (*self._drawn(), *(signal for pace in PACES for signal in self._windows(pace)))

    @property
    def composites(self) -> tuple[CompositeAlarm, ...]:
        """One alarm per pace; only the slow one notifies by itself."""
        return tuple(self._composite(pace) for pace in PACES)

    @property
    def _percent_bad(self) -> str:
        return f"100 * ({self.bad}) / ({self.total})"

    def _drawn(self) -> Iterator[Signal]:
        signal = partial(Signal, metrics=self.metrics, section=Section.OBJECTIVES, boards=(Board.OVERVIEW,))
        # As a figure: a graph would repeat the burn rate in other units.
        figure = partial(signal, period_seconds=WINDOW_DAYS * SECONDS_PER_DAY, days=WINDOW_DAYS, view=View.NUMBER)
        yield figure(
            # 30 days hide the fault of the last half hour: without them, 100 beside a red alarm would be a lie.
            title=f"{WINDOW_DAYS} days: {self.title}",
            expression=f"100 - {self._percent_bad}",
            unit=f"% good in {WINDOW_DAYS} days; target {self.target_percent:g} %",
        )
        yield figure(
            title=f"{WINDOW_DAYS} days: error budget left",
            expression=f"100 - 100 * ({self._percent_bad}) / {self.budget_percent:g}",
            unit=f"% of {WINDOW_DAYS} days; below 0 the target is missed",
        )
        yield signal(
            title=f"{self.title}: hourly burn rate",
            expression=f"({self._percent_bad}) / {self.budget_percent:g}",
            unit="times the budget",
            period_seconds=3_600,
            days=BURN_RATE_DAYS,
            note=self.note,
            references=tuple(Reference(value=pace.rate, label=f"{pace.id} ({pace.rate:g})") for pace in PACES),
        )

    def _windows(self, pace: Pace) -> Iterator[Signal]:
        meaning = f"{self.title}: the error budget burns {pace.rate:g} times too fast in this window."
        for window, seconds, expression, datapoints, periods in (
            (Window.LONG, pace.long_seconds, f"IF(({self.bad}) >= {pace.least_bad}, {self._percent_bad}, 0)", 1, 1),
            # Single minutes, because a sliding window crosses the threshold again and again with the events at its
            # ends.
            (Window.SHORT, 60, self._percent_bad, pace.bad_minutes, pace.of_minutes),
        ):
            yield Signal(
                title=f"{self.title}: bad, {pace.id} burn, {window} window",
                metrics=self.metrics,
                expression=expression,
                unit="percent",
                period_seconds=seconds,
                section=Section.OBJECTIVES,
                alarm=above(self.threshold_percent(pace), datapoints, of=periods, severity=None)(
                    id=slo_alarm(self.id, pace.id, window), meaning=meaning, first_step=self.first_step
                ),
            )

    def _composite(self, pace: Pace) -> CompositeAlarm:
        days = WINDOW_DAYS / pace.rate
        left = f"{days * 24:.0f} hours" if days < 4 else f"{days:.0f} days"
        return CompositeAlarm(
            id=slo_alarm(self.id, pace.id),
            all_of=tuple(slo_alarm(self.id, pace.id, window) for window in Window),
            severity=pace.severity,
            suppressed_by=self.paged_by if pace.severity else None,
            wait_seconds=SUPPRESSOR_WAIT_SECONDS if pace.severity else 0,
            # As long as the short window still contains the fault that paged.
            extension_seconds=60 * pace.of_minutes if pace.severity else 0,
            essential=False,
            meaning=f"{self.meaning} At this rate the error budget of {WINDOW_DAYS} days is used up after {left}.",
            first_step=self.first_step,
        )
