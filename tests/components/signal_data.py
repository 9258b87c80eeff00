"""A metric, an alarm, a signal and a composite with nothing special about them; a test says what it changes."""

from typing import Any

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import Metric, SqsMetric, Statistic
from components.monitoring.signals import Alarm, CompositeAlarm, Section, Severity, Signal

MEASURED: dict[str, Any] = {
    "namespace": "AWS/SQS", "name": SqsMetric.SENT, "dimensions": {"QueueName": "q"}, "statistic": Statistic.SUM
}  # fmt: skip
ALARMING: dict[str, Any] = {
    "threshold": 60, "datapoints": 2, "periods": 3, "severity": Severity.P2, "meaning": "Events wait.",
    "first_step": "Look.",
}  # fmt: skip
COMBINED: dict[str, Any] = {"severity": Severity.P1, "meaning": "Nothing moves.", "first_step": "Look."}


def metric(identifier: str = "age", **changes: Any) -> Metric:
    return Metric(id=identifier, label=identifier, **MEASURED | changes)


def alarm(identifier: AlarmId = AlarmId.QUEUE_AGE, **changes: Any) -> Alarm:
    return Alarm(id=identifier, **ALARMING | changes)


def signal(alarm: Alarm | None = None, **changes: Any) -> Signal:
    return Signal(alarm=alarm, **DRAWN | changes)


def composite(identifier: AlarmId = AlarmId.CONSUMER_DOWN, **changes: Any) -> CompositeAlarm:
    return CompositeAlarm(id=identifier, **COMBINED | changes)


DRAWN: dict[str, Any] = {"title": "Age", "metrics": (metric(),), "unit": "seconds", "section": Section.INGEST}
