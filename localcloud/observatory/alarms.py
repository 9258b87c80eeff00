"""The alarms of the embedded cloud: our own copy of what was put, their states and history, and their actions.

An alarm starts to count once what it refers to has settled, whoever deployed it: every resource that its dimensions
name exists, and for a whole minute nothing in the account was created, changed or removed. Otherwise alarms would be
evaluated on a half-deployed stack, and the first pages would be about the deployment.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, MetricAlarm
from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.cloudwatch.metrics import Metrics
from localcloud.cloudwatch.states import State
from localcloud.observatory import alarm_reasons
from localcloud.observatory.clock import Clock
from localcloud.observatory.feed import Feed

HISTORY_MAX = 10_000
Resources = Mapping[tuple[str, str], object]
"""What exists, as dimension name and value, with something that changes when the resource does."""
RESOURCE_DIMENSIONS = frozenset(
    {"QueueName", "FunctionName", "EventSourceMappingUUID", "TableName", "ApiName", "TopicName", "LogGroupName"}
)
Publish = Callable[[str, str, str, str], str | None]
"""Publishes (topic ARN, alarm ARN, subject, message); returns why it could not, or None."""


@dataclass
class StoredAlarm:
    """An alarm as it was put, and its state."""

    alarm: Alarm
    parameters: dict[str, Any]
    arn: str
    put_at: float
    configured_at: float
    state_updated_at: float
    transitioned_at: float
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = ""
    counts: bool = False
    """Whether what it refers to has settled."""


@dataclass(frozen=True, kw_only=True)
class HistoryItem:
    """What happened to an alarm; `kind` is ConfigurationUpdate, StateUpdate or Action."""

    at: float
    alarm: str
    is_composite: bool
    kind: str
    summary: str
    data: dict[str, Any] = field(default_factory=dict)


class Alarms:
    """Every alarm, by name. Its methods may be called from any thread."""

    def __init__(self, store: Metrics, clock: Clock, feed: Feed | None = None) -> None:
        self._clock, self._feed = clock, feed or Feed()
        self._lock = threading.RLock()
        self._evaluator = Evaluator([], store)
        self._stored: dict[str, StoredAlarm] = {}
        self.history: deque[HistoryItem] = deque(maxlen=HISTORY_MAX)
        self.publish: Publish = lambda *_: "nothing publishes"
        self.resources: Callable[[], Resources] = dict
        self._seen: Resources | None = None
        self._seen_at = 0.0

    def put(self, alarm: Alarm, parameters: dict[str, Any], arn: str) -> None:
        """Store an alarm; one of the same name is replaced and keeps its state. CycleError for a cycle."""
        with self._lock:
            self._evaluator.put(alarm)
            now, found = self._clock.now(), self._stored.get(alarm.name)
            if found is None:
                found = self._stored[alarm.name] = StoredAlarm(alarm, parameters, arn, now, now, now, now)
                summary = f'Alarm "{alarm.name}" created'
            else:
                found.alarm, found.parameters, found.configured_at = alarm, parameters, now
                summary = f'Alarm "{alarm.name}" updated'
            self._remember(found, "ConfigurationUpdate", summary)

    def delete(self, names: Iterable[str]) -> None:
        """Remove the alarms of these names; unknown names are ignored, as by CloudWatch."""
        with self._lock:
            for name in names:
                if found := self._stored.pop(name, None):
                    self._evaluator.remove(name)
                    self._remember(found, "ConfigurationUpdate", f'Alarm "{name}" deleted')

    def all(self) -> list[StoredAlarm]:
        """Every alarm, by name."""
        with self._lock:
            return [self._stored[name] for name in sorted(self._stored)]

    def get(self, name: str) -> StoredAlarm | None:
        """The alarm of that name."""
        return self._stored.get(name)

    def state(self, name: str) -> State:
        """The state of an alarm."""
        return self._evaluator.states[name]

    def happened(self) -> list[HistoryItem]:
        """The history of every alarm, oldest first."""
        with self._lock:
            return list(self.history)

    def dependents(self, name: str) -> list[str]:
        """The composite alarms whose rules read the alarm."""
        return [
            found.alarm.name
            for found in self.all()
            if isinstance(found.alarm, CompositeAlarm) and name in found.alarm.rule.alarms
        ]

    def set_state(self, name: str, state: State, reason: str, data: str) -> None:
        """Change the state of an alarm until its next evaluation, and take the actions of that state."""
        with self._lock:
            found, previous = self._stored[name], self._evaluator.states[name]
            found.reason, found.reason_data, found.state_updated_at = reason, data, self._clock.now()
            if state is not previous:
                self._evaluator.states[name] = state
                self._transition(found, previous, state, reason)
                self._act(found, previous, state)

    def enable_actions(self, names: Iterable[str], *, enabled: bool, read: Callable[[dict[str, Any]], Alarm]) -> None:
        """Let alarms take their actions, or not; `read` makes an alarm of parameters."""
        with self._lock:
            for name in names:
                if found := self._stored.get(name):
                    parameters = found.parameters | {"ActionsEnabled": enabled}
                    self.put(read(parameters), parameters, found.arn)

    def step(self, minute: int) -> None:
        """Evaluate every alarm that counts, after the end of the minute before `minute`, and take the actions."""
        with self._lock:
            self._settle()
            waiting = {name for name, found in self._stored.items() if not found.counts}
            before = dict(self._evaluator.states)
            self._evaluator.step(minute, waiting)
            history = self._evaluator.history
            transitions, notifications = history.transitions[:], history.notifications[:]
            history.transitions.clear()
            history.notifications.clear()
            now = self._clock.now()
            for change in transitions:
                found = self._stored[change.alarm]
                found.reason = alarm_reasons.of(found.alarm, found.arn, change.state, self._evaluator.states)
                found.reason_data, found.state_updated_at = "", now
                self._transition(found, change.previous, change.state, found.reason)
            for notification in notifications:
                found = self._stored[notification.alarm]
                self._act(found, before[notification.alarm], notification.state)

    def _settle(self) -> None:
        """Let alarms count whose resources exist, if nothing changed since the last minute."""
        found, now = dict(self.resources()), self._clock.now()
        if self._seen == found:
            for stored in self._stored.values():
                if not stored.counts and stored.put_at < self._seen_at:
                    stored.counts = _named_resources(stored.alarm) <= found.keys()
            # A composite alarm is nothing without its children.
            for stored in self._stored.values():
                if isinstance(stored.alarm, CompositeAlarm):
                    stored.counts = all(self._stored[name].counts for name in stored.alarm.rule.alarms)
        self._seen, self._seen_at = found, now

    def _transition(self, found: StoredAlarm, previous: State, state: State, reason: str) -> None:
        found.transitioned_at = self._clock.now()
        data = {
            "version": "1.0",
            "oldState": {"stateValue": previous},
            "newState": {"stateValue": state, "stateReason": reason},
        }
        self._remember(found, "StateUpdate", f"Alarm updated from {previous} to {state}", data)

    def _act(self, found: StoredAlarm, previous: State, state: State) -> None:
        for topic in found.alarm.actions.topics(state):
            subject = f'{state}: "{found.alarm.name}" in {found.arn.split(":")[3]}'
            message = notification(found, previous, state, self._clock.now())
            error = self.publish(topic, found.arn, subject[:100], json.dumps(message))
            done, data = f"Successfully executed action {topic}", {"actionState": "Succeeded"}
            if error:
                done = f'Failed to execute action {topic}. Received error: "{error}"'
                data = {"actionState": "Failed", "error": error}
            self._remember(found, "Action", done, data | {"notificationResource": topic})

    def _remember(self, found: StoredAlarm, kind: str, summary: str, data: dict[str, Any] | None = None) -> None:
        composite = isinstance(found.alarm, CompositeAlarm)
        self.history.append(
            HistoryItem(
                at=self._clock.now(),
                alarm=found.alarm.name,
                is_composite=composite,
                kind=kind,
                summary=summary,
                data=data or {},
            )
        )
        self._feed.publish()


def _named_resources(alarm: Alarm) -> set[tuple[str, str]]:
    if not isinstance(alarm, MetricAlarm):
        return set()
    return {
        dimension
        for metric in alarm.metrics
        for dimension in metric.key.dimensions
        if dimension[0] in RESOURCE_DIMENSIONS and metric.key.namespace.startswith("AWS/")
    }


def notification(found: StoredAlarm, previous: State, state: State, now: float) -> dict[str, Any]:
    """What CloudWatch publishes."""
    _, _, _, region, account, *_ = found.arn.split(":")
    parameters = found.parameters
    message = {
        "AlarmName": found.alarm.name,
        "AlarmDescription": parameters.get("AlarmDescription"),
        "AWSAccountId": account,
        "NewStateValue": state,
        "NewStateReason": found.reason,
        "StateChangeTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "Region": region,
        "AlarmArn": found.arn,
        "OldStateValue": previous,
        "OKActions": parameters.get("OKActions") or [],
        "AlarmActions": parameters.get("AlarmActions") or [],
        "InsufficientDataActions": parameters.get("InsufficientDataActions") or [],
    }
    if isinstance(found.alarm, CompositeAlarm):
        return message | {"AlarmRule": parameters["AlarmRule"]}
    trigger = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "EvaluationPeriods")
    trigger += ("DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData", "Dimensions", "Metrics")
    return message | {"Trigger": {name: parameters[name] for name in trigger if parameters.get(name) is not None}}
