"""The state of a stack as one value: consumer, alarms, queues, functions, last errors, and who is notified."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from ops.errors import OperatorError, concerns_every_call, explain
from ops.health.activity import Counts, Failures, count_failures, read_counts, window_start
from ops.health.consumer import Consumer, read_consumers
from ops.health.functions import Function, Release, read_functions
from ops.health.queues import Queue, read_queues
from ops.health.topics import Topic, read_topics
from ops.logs import Line, read_errors
from ops.requests_ahead import in_thread
from ops.stack import StackOutputs

FIRING = "ALARM"
STATES = (FIRING, "OK", "INSUFFICIENT_DATA")
T = TypeVar("T")


class Part(StrEnum):
    """What is read on its own, so that a permission that is missing hides nothing else."""

    ALARMS = "alarms"
    CONSUMER = "consumer"
    QUEUES = "queues"
    FUNCTIONS = "functions"
    COUNTS = "metrics of the functions"
    LOGS = "logs"
    TOPICS = "subscriptions"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm of the stack. An alarm without a severity notifies nobody: it is part of another, or only informs."""

    id: str
    name: str
    severity: str | None
    state: str
    since: datetime
    reason: str
    meaning: str
    """The beginning of its description."""
    runbook: str
    actions_enabled: bool
    threshold: float | None
    """None for an alarm that combines others."""

    @property
    def fires(self) -> bool:
        """Whether the alarm is notifying somebody now."""
        return self.state == FIRING and self.severity is not None


@dataclass(frozen=True, kw_only=True)
class Status:
    """The state of a stack. A part that could not be read is empty."""

    alarms: tuple[Alarm, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    queues: tuple[Queue, ...] = ()
    functions: tuple[Function, ...] = ()
    release: Release | None = None
    counts: tuple[Counts, ...] = ()
    """What was counted in the last minutes."""
    failures: tuple[Failures, ...] = ()
    """What was logged in the last minutes."""
    topics: tuple[Topic, ...] = ()
    last_errors: tuple[Line, ...] = ()
    dashboard_urls: dict[str, str] = field(default_factory=dict)
    unreadable: dict[Part, str] = field(default_factory=dict)
    """Why a part could not be read."""

    @property
    def firing(self) -> tuple[Alarm, ...]:
        """The alarms that notify somebody now, most urgent first."""
        firing = (alarm for alarm in self.alarms if alarm.fires)
        return tuple(sorted(firing, key=lambda alarm: (alarm.severity or "", alarm.id)))

    def count(self, severity: str | None) -> list[int]:
        """Return how many alarms of a severity are in each of `STATES`."""
        counts = Counter(alarm.state for alarm in self.alarms if alarm.severity == severity)
        return [counts[state] for state in STATES]


class _Reader:
    """Reads parts at the same time, and remembers which could not be read."""

    def __init__(self) -> None:
        self.unreadable: dict[Part, str] = {}

    def start(self, part: Part, read: Callable[[], T], otherwise: T) -> Callable[[], T]:
        """Begin to read; return what waits and returns the part, or `otherwise`.

        It raises an error that every other part would meet too.
        """
        under_way = in_thread(read)

        def take() -> T:
            try:
                return under_way.result()
            except (ClientError, OperatorError) as error:
                if concerns_every_call(error):
                    raise
                self.unreadable[part] = explain(error) or ""
                return otherwise

        return take


def read_status(outputs: StackOutputs, now: datetime, since: datetime, most_errors: int) -> Status:
    """Return the state of the stack, with at most `most_errors` errors since `since`.

    Raises OperatorError when no part of it can be read.
    """
    reader = _Reader()
    # Alone, so that a command without credentials makes one request and no more.
    alarms = reader.start(Part.ALARMS, lambda: tuple(read_alarms(outputs)), ())()
    take_errors = reader.start(Part.LOGS, lambda: _read_errors(outputs, window_start(now), since, most_errors), [])
    take_functions = reader.start(Part.FUNCTIONS, lambda: read_functions(outputs), ((), None))
    take_queues = reader.start(Part.QUEUES, lambda: read_queues(outputs, now), ())
    take_consumers = reader.start(Part.CONSUMER, lambda: read_consumers(outputs), ())
    take_counts = reader.start(Part.COUNTS, lambda: read_counts(outputs, now), ())
    take_topics = reader.start(Part.TOPICS, lambda: read_topics(outputs), ())
    functions, release = take_functions()
    errors = take_errors()
    shown = [line for line in errors if line.timestamp >= since]
    status = Status(
        alarms=alarms,
        consumers=take_consumers(),
        queues=take_queues(),
        functions=functions,
        release=release,
        counts=take_counts(),
        failures=count_failures(errors, now),
        topics=take_topics(),
        last_errors=tuple(shown[-most_errors:]),
        dashboard_urls=dict(outputs.dashboard_urls),
        unreadable=reader.unreadable,
    )
    if set(reader.unreadable) == set(Part):
        raise OperatorError(reader.unreadable[Part.FUNCTIONS])
    return status


def _read_errors(outputs: StackOutputs, recent: datetime, since: datetime, most_errors: int) -> list[Line]:
    """Return the recent errors, and the older ones since `since` where there are fewer than `most_errors`.

    In an outage there are enough, and an hour of failures would take minutes to read.
    """
    errors = read_errors(outputs, recent)
    if len(errors) < most_errors and since < recent:
        return [*read_errors(outputs, since, recent), *errors]
    return errors


def read_alarms(outputs: StackOutputs) -> list[Alarm]:
    """Return the alarms of this stack, and of no other."""
    pages = outputs.client("cloudwatch").get_paginator("describe_alarms")
    severities = {arn: severity for severity, arn in outputs.alarm_topics.items()}
    prefix = f"{outputs.physical_prefix}-"
    found = []
    for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"]):
            runbook = _after("Runbook: ", alarm.get("AlarmDescription", ""))
            # The heading in the runbook is the ID. The prefix alone would also match the alarms of a stack dev-2.
            alarm_id = runbook.rpartition("#")[2]
            if consumer := _consumer_of(alarm.get("AlarmDescription", "")):
                alarm_id = f"{consumer}-{alarm_id}"
            if alarm["AlarmName"] == f"{prefix}{alarm_id}":
                found.append(_alarm(alarm, alarm_id, runbook, severities))
    return found


def _after(label: str, description: str) -> str:
    """Return the word that follows a label, or nothing."""
    return next(iter(description.partition(label)[2].split()), "")


def _consumer_of(description: str) -> str:
    """Return the name of the other consumer that an alarm is about: see `components.monitoring.another_consumer`."""
    named = re.match(r"Consumer ([a-z][a-z0-9-]*): ", description)
    return named[1] if named else ""


def _alarm(alarm: dict[str, Any], alarm_id: str, runbook: str, severities: dict[str, str]) -> Alarm:
    notified = [severities[arn] for arn in alarm.get("AlarmActions", []) if arn in severities]
    return Alarm(
        id=alarm_id,
        name=alarm["AlarmName"],
        severity=notified[0] if notified else None,
        state=alarm["StateValue"],
        since=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
        reason=alarm.get("StateReason", ""),
        meaning=alarm.get("AlarmDescription", "").partition("\n")[0].partition(" | ")[0],
        runbook=runbook,
        actions_enabled=alarm.get("ActionsEnabled", True),
        threshold=alarm.get("Threshold"),
    )
