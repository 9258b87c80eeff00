"""Evaluates alarms minute by minute: states, transitions and notifications, computed from metrics alone.

CloudWatch evaluates an alarm every minute over sliding periods, or every hour if the periods exceed a day. CloudWatch
retrieves more data points than the alarm needs, and the newest minutes of a metric are not published yet. Details that
the documentation leaves open are `Assumptions`, so that a proof can be repeated under different ones.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, MetricAlarm
from localcloud.cloudwatch.composites import Suppression
from localcloud.cloudwatch.metrics import Metrics
from localcloud.cloudwatch.states import MissingData, State, next_state

_DAY_MINUTES = 1_440


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """Assumptions about details that CloudWatch's documentation leaves open."""

    extra_points: int = 2
    """Data points retrieved beyond the evaluation periods; the guide's examples retrieve 5 for 3 periods."""
    dynamodb_always_ignores: bool = False
    """Sources disagree on whether an alarm on AWS/DynamoDB can treat missing data differently."""
    delay_minutes: int = 1
    """The number of newest minutes of a metric that are not published yet."""
    delays_minutes: Mapping[str, int] = field(default_factory=dict)
    """Different delays by namespace."""

    def delay(self, namespace: str) -> int:
        """The publication delay of a namespace."""
        return self.delays_minutes.get(namespace, self.delay_minutes)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A change of an alarm's state at the end of a minute."""

    minute: int
    alarm: str
    state: State
    previous: State


@dataclass(frozen=True, kw_only=True)
class Notification:
    """Topics were notified of a state."""

    minute: int
    alarm: str
    state: State
    topics: tuple[str, ...]


@dataclass(frozen=True)
class History:
    """The transitions and notifications of alarms, in order."""

    transitions: list[Transition] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)


class _MetricAlarmEvaluator:
    """The state of one metric alarm. Data points whose every minute is published never change and are cached."""

    def __init__(self, alarm: MetricAlarm, store: Metrics, assumptions: Assumptions) -> None:
        self._alarm, self._store = alarm, store
        self._minutes = alarm.period_seconds // 60
        self._points = alarm.periods + assumptions.extra_points
        self._delays = [assumptions.delay(metric.key.namespace) for metric in alarm.metrics]
        self._shortest_delay, self._longest_delay = min(self._delays), max(self._delays)
        self._known: dict[int, bool | None] = {}
        self._unpublished = alarm.expression.evaluate({metric.id: [None] for metric in alarm.metrics})[0]
        dynamodb = any(metric.key.namespace == "AWS/DynamoDB" for metric in alarm.metrics)
        default = MissingData.IGNORE if dynamodb else MissingData.MISSING
        ignores = dynamodb and assumptions.dynamodb_always_ignores
        self._missing_data = MissingData.IGNORE if ignores else alarm.missing_data or default
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
            # Of hundreds of data points, only the newest are not cached.
            breaches = [known[end] if end in known else self._breach(end, minute) for end in ends]
        else:
            breaches = [self._breaching(value) for value in self._evaluate(ends, minute)]
        if minute - self._first < alarm.warm_up_minutes:
            if len(breaches) - breaches.count(None) < alarm.periods:
                return previous
            # Enough data ends the warm-up early.
            self._first = minute - alarm.warm_up_minutes
        return next_state(
            breaches,
            datapoints=alarm.datapoints,
            periods=alarm.periods,
            missing_data=self._missing_data,
            previous=previous,
        )

    def _breach(self, end: int, minute: int) -> bool | None:
        if end - self._minutes >= minute - self._shortest_delay:
            return self._breaching(self._unpublished)
        breach = self._breaching(self._evaluate([end], minute)[0])
        if end <= minute - self._longest_delay:
            self._known[end] = breach
            # It is older than every data point that is still needed.
            self._known.pop(end - self._points * self._minutes, None)
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
    """Evaluates the alarms of a stack over a store of metrics; call `step` for each minute in order."""

    def __init__(self, alarms: Iterable[Alarm], store: Metrics, assumptions: Assumptions | None = None) -> None:
        self._store, self._assumptions = store, assumptions or Assumptions()
        self._metric_alarms: dict[str, MetricAlarm] = {}
        self._evaluators: dict[str, _MetricAlarmEvaluator] = {}
        self._composites: dict[str, CompositeAlarm] = {}
        self._suppressions: dict[str, Suppression] = {}
        self.states: dict[str, State] = {}
        self.history = History()
        for alarm in alarms:
            self._put(alarm)
        self._composites = _in_order(self._composites.values())

    def put(self, alarm: Alarm) -> None:
        """Add an alarm, or replace the one of that name, whose state stays."""
        before = self._composites.copy()
        self._remove(alarm.name)
        self._put(alarm)
        try:
            self._composites = _in_order(self._composites.values())
        except CycleError:
            self._composites = before
            raise

    def remove(self, name: str) -> None:
        """Evaluate the alarm no longer."""
        self._remove(name)
        self.states.pop(name, None)

    def _put(self, alarm: Alarm) -> None:
        self.states.setdefault(alarm.name, State.INSUFFICIENT_DATA)
        if isinstance(alarm, MetricAlarm):
            self._metric_alarms[alarm.name] = alarm
            self._evaluators[alarm.name] = _MetricAlarmEvaluator(alarm, self._store, self._assumptions)
            return
        self._composites[alarm.name] = alarm
        if suppressor := alarm.suppressor:
            suppression = Suppression(suppressor.wait_seconds, suppressor.extension_seconds)
            self._suppressions[alarm.name] = suppression

    def _remove(self, name: str) -> None:
        for alarms in (self._metric_alarms, self._evaluators, self._composites, self._suppressions):
            alarms.pop(name, None)

    def run(self, start: int, end: int) -> History:
        """Evaluate at the end of every minute from `start` up to `end`."""
        for minute in range(start + 1, end + 1):
            self.step(minute)
        return self.history

    def step(self, minute: int, waiting: Container[str] = ()) -> None:
        """Evaluate every alarm once, after the end of the minute before `minute`, except those that are waiting."""
        for alarm in self._metric_alarms.values():
            if alarm.name in waiting:
                continue
            previous = self.states[alarm.name]
            state = self._evaluators[alarm.name].state(minute, previous)
            if state is not previous:
                self._change(minute, alarm, state)
                self._notify(minute, alarm)
        for alarm in self._composites.values():
            if alarm.name in waiting:
                continue
            state = alarm.rule.state(self.states)
            if changed := state is not self.states[alarm.name]:
                self._change(minute, alarm, state)
            if alarm.suppressor is None:
                acts = changed
            else:
                suppressing = self.states.get(alarm.suppressor.alarm) is State.ALARM
                suppression = self._suppressions[alarm.name]
                acts = suppression.acts(minute * 60.0, changed=changed, suppressing=suppressing)
            if acts:
                self._notify(minute, alarm)

    def _change(self, minute: int, alarm: Alarm, state: State) -> None:
        previous, self.states[alarm.name] = self.states[alarm.name], state
        self.history.transitions.append(Transition(minute=minute, alarm=alarm.name, state=state, previous=previous))

    def _notify(self, minute: int, alarm: Alarm) -> None:
        state = self.states[alarm.name]
        if topics := alarm.actions.topics(state):
            self.history.notifications.append(Notification(minute=minute, alarm=alarm.name, state=state, topics=topics))


def _in_order(composites: Iterable[CompositeAlarm]) -> dict[str, CompositeAlarm]:
    """Each composite alarm after those it depends on; CycleError for a cycle, which CloudWatch would not evaluate."""
    by_name = {alarm.name: alarm for alarm in composites}
    graph = {name: alarm.depends_on for name, alarm in by_name.items()}
    return {name: by_name[name] for name in TopologicalSorter(graph).static_order() if name in by_name}
