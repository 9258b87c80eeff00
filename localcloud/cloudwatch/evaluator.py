"""Every alarm, minute by minute: states, transitions and who is told. Pure: metrics in, transitions out.

CloudWatch evaluates each minute over periods that slide with it (hourly, on the hour, when a whole day is exceeded),
asks for more points than it needs, and does not see the newest minutes of a metric yet. What the documentation leaves
open is a `Reading`, so that a proof can be repeated under another one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, MetricAlarm
from localcloud.cloudwatch.composites import Suppression
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.states import Missing, State, next_state

_DAY_MINUTES = 1_440


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading of what CloudWatch's documentation leaves open."""

    extra_points: int = 2
    """Points retrieved beyond the evaluation periods; the guide's examples retrieve 5 for 3."""
    dynamodb_always_ignores: bool = False
    """Sources disagree on whether an alarm on AWS/DynamoDB can choose another treatment of missing data."""
    delay_minutes: int = 1
    """How many of the newest minutes of a metric are not published yet."""
    delays_minutes: Mapping[str, int] = field(default_factory=dict)
    """Other delays, by namespace."""

    def delay(self, namespace: str) -> int:
        """The publication delay of a namespace."""
        return self.delays_minutes.get(namespace, self.delay_minutes)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """An alarm changed its state at the end of a minute."""

    minute: int
    alarm: str
    state: State
    previous: State


@dataclass(frozen=True, kw_only=True)
class Notification:
    """Somebody was told of a state."""

    minute: int
    alarm: str
    state: State
    topics: tuple[str, ...]


@dataclass(frozen=True)
class History:
    """What alarms did."""

    transitions: list[Transition] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)


class _MetricWatch:
    """The points of one metric alarm. Points whose every minute is published never change and are kept."""

    def __init__(self, alarm: MetricAlarm, store: MetricStore, reading: Reading) -> None:
        self._alarm, self._store = alarm, store
        self._minutes = alarm.period_seconds // 60
        self._points = alarm.periods + reading.extra_points
        self._delays = [reading.delay(metric.key.namespace) for metric in alarm.metrics]
        self._shortest_delay, self._longest_delay = min(self._delays), max(self._delays)
        self._known: dict[int, bool | None] = {}
        self._unpublished = alarm.expression.evaluate({metric.id: [None] for metric in alarm.metrics})[0]
        dynamodb = any(metric.key.namespace == "AWS/DynamoDB" for metric in alarm.metrics)
        default = Missing.IGNORE if dynamodb else Missing.MISSING
        ignores = dynamodb and reading.dynamodb_always_ignores
        self._missing = Missing.IGNORE if ignores else alarm.missing or default
        self._is_hourly = self._minutes * alarm.periods > _DAY_MINUTES
        self._first: int | None = None

    def state(self, minute: int, previous: State) -> State:
        """The state at the end of the minute before `minute`."""
        alarm = self._alarm
        if self._first is None:
            self._first = minute
        if self._is_hourly and minute % 60:
            return previous
        if alarm.ignores_low_samples and self._has_low_samples(minute):
            return previous
        ends = range(minute - (self._points - 1) * self._minutes, minute + 1, self._minutes)
        if alarm.expression.is_pointwise:
            known = self._known
            # Of hundreds of points only the newest are not known yet.
            breaches = [known[end] if end in known else self._breach(end, minute) for end in ends]
        else:
            breaches = [self._breaching(value) for value in self._evaluate(ends, minute)]
        if minute - self._first < alarm.warm_up_minutes:
            if len(breaches) - breaches.count(None) < alarm.periods:
                return previous
            # Enough data ends it early, for good.
            self._first = minute - alarm.warm_up_minutes
        return next_state(
            breaches,
            datapoints=alarm.datapoints,
            periods=alarm.periods,
            missing=self._missing,
            previous=previous,
        )

    def _breach(self, end: int, minute: int) -> bool | None:
        if end - self._minutes >= minute - self._shortest_delay:
            return self._breaching(self._unpublished)
        breach = self._breaching(self._evaluate([end], minute)[0])
        if end <= minute - self._longest_delay:
            self._known[end] = breach
        return breach

    def _breaching(self, value: float | None) -> bool | None:
        return None if value is None else self._alarm.breaches(value)

    def _evaluate(self, ends: Sequence[int], minute: int) -> list[float | None]:
        inputs = {
            metric.id: [
                self._store.value(metric.key, metric.statistic, end - self._minutes, min(end, minute - delay))
                for end in ends
            ]
            for metric, delay in zip(self._alarm.metrics, self._delays, strict=True)
        }
        return self._alarm.expression.evaluate(inputs)

    def _has_low_samples(self, minute: int) -> bool:
        start = minute - self._alarm.periods * self._minutes
        return any(
            self._store.sample_count(metric.key, start, minute - delay) < metric.statistic.samples_needed
            for metric, delay in zip(self._alarm.metrics, self._delays, strict=True)
        )


class Evaluator:
    """The alarms of one stack over one store of metrics; `step` takes the minutes in order."""

    def __init__(self, alarms: Iterable[Alarm], store: MetricStore, reading: Reading | None = None) -> None:
        by_name = {alarm.name: alarm for alarm in alarms}
        reading = reading or Reading()
        self._metric_alarms = [alarm for alarm in by_name.values() if isinstance(alarm, MetricAlarm)]
        self._watches = {alarm.name: _MetricWatch(alarm, store, reading) for alarm in self._metric_alarms}
        self._composites = _in_order(alarm for alarm in by_name.values() if isinstance(alarm, CompositeAlarm))
        self._suppressions = {
            alarm.name: Suppression(alarm.suppressor.wait_seconds, alarm.suppressor.extension_seconds)
            for alarm in self._composites
            if alarm.suppressor
        }
        self.states: dict[str, State] = dict.fromkeys(by_name, State.INSUFFICIENT_DATA)
        self.history = History()

    def run(self, start: int, end: int) -> History:
        """Evaluate at the end of every minute from `start` up to `end`."""
        for minute in range(start + 1, end + 1):
            self.step(minute)
        return self.history

    def step(self, minute: int) -> None:
        """Evaluate once, with every minute before `minute` over."""
        for alarm in self._metric_alarms:
            previous = self.states[alarm.name]
            state = self._watches[alarm.name].state(minute, previous)
            if state is not previous:
                self._change(minute, alarm, state)
                self._tell(minute, alarm)
        for alarm in self._composites:
            changed = (state := alarm.rule.state(self.states)) is not self.states[alarm.name]
            if changed:
                self._change(minute, alarm, state)
            if alarm.suppressor is None:
                acts = changed
            else:
                suppressing = self.states[alarm.suppressor.alarm] is State.ALARM
                suppression = self._suppressions[alarm.name]
                acts = suppression.acts(minute * 60.0, changed=changed, suppressing=suppressing)
            if acts:
                self._tell(minute, alarm)

    def _change(self, minute: int, alarm: Alarm, state: State) -> None:
        previous, self.states[alarm.name] = self.states[alarm.name], state
        self.history.transitions.append(Transition(minute=minute, alarm=alarm.name, state=state, previous=previous))

    def _tell(self, minute: int, alarm: Alarm) -> None:
        state = self.states[alarm.name]
        if topics := alarm.actions.told(state):
            self.history.notifications.append(Notification(minute=minute, alarm=alarm.name, state=state, topics=topics))


def _in_order(composites: Iterable[CompositeAlarm]) -> list[CompositeAlarm]:
    """Each after the alarms it looks at; a cycle is refused, as CloudWatch would stop evaluating it."""
    by_name = {alarm.name: alarm for alarm in composites}
    graph = {
        name: {*alarm.rule.alarms, *([alarm.suppressor.alarm] if alarm.suppressor else [])}
        for name, alarm in by_name.items()
    }
    return [by_name[name] for name in TopologicalSorter(graph).static_order() if name in by_name]
