"""A metric, a rule, a signal and a composite with nothing special about them; a test says what it changes."""

from typing import Any

from components.monitoring.signals import AlarmId, AlarmRule, CompositeRule, Metric, Section, Severity, Signal

MEASURED: dict[str, Any] = {
    "namespace": "AWS/SQS", "name": "Age", "dimensions": {"QueueName": "q"}, "statistic": "Sum"
}  # fmt: skip
ALARMING: dict[str, Any] = {
    "threshold": 60, "datapoints": 2, "periods": 3, "severity": Severity.P2, "meaning": "Events wait.",
    "first_step": "Look.",
}  # fmt: skip
COMBINED: dict[str, Any] = {"severity": Severity.P1, "meaning": "Nothing moves.", "first_step": "Look."}


def metric(identifier: str = "age", **changes: Any) -> Metric:
    return Metric(id=identifier, label=identifier, **MEASURED | changes)


def rule(identifier: AlarmId = AlarmId.QUEUE_AGE, **changes: Any) -> AlarmRule:
    return AlarmRule(id=identifier, **ALARMING | changes)


def signal(*rules: AlarmRule, **changes: Any) -> Signal:
    return Signal(alarms=rules, **DRAWN | changes)


def composite(identifier: AlarmId = AlarmId.CONSUMER_DOWN, **changes: Any) -> CompositeRule:
    return CompositeRule(id=identifier, **COMBINED | changes)


DRAWN: dict[str, Any] = {"title": "Age", "metrics": (metric(),), "unit": "seconds", "section": Section.INGEST}
