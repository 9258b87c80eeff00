"""Two consumers in one program: alarm ids of their own, and an error for a component without an alarm that notifies."""

import pytest

from components.monitoring import coverage
from components.monitoring.alarm_ids import AlarmId
from components.monitoring.another_consumer import another_consumer
from components.monitoring.selection import select
from components.monitoring.signals import Level, Severity
from components.signals.function import EVENT_HANDLER
from components.signals.queue import QUEUE_COMPOSITES, queue_signals

LIFE = {
    "consumer_versions": EVENT_HANDLER.versions("dev"),
    "visibility_timeout_seconds": 60,
    "retention_days": 4,
    "dead_letter_retention_days": 14,
}
FIRST = queue_signals("events", "dead-letters", **LIFE)
SECOND = queue_signals("audit-events", "audit-dead-letters", **LIFE)


def test_same_signals_twice_are_rejected_and_those_of_another_consumer_are_not() -> None:
    its = another_consumer("audit", SECOND, QUEUE_COMPOSITES)
    with pytest.raises(ValueError, match="alarm ids must be unique"):
        select((*FIRST, *SECOND), (), level=Level.FULL, overrides={})
    composites = (*QUEUE_COMPOSITES, *its.composites)
    selection = select((*FIRST, *its.signals), composites, level=Level.FULL, overrides={})
    ids = {str(alarm.id) for alarm in selection.alarms}
    assert {"dlq-not-empty", "audit-dlq-not-empty", "audit-queue-age", "audit-consumer-stalled"} <= ids
    # Its alarms without a severity page through a composite of its own.
    (age,) = (alarm for alarm in selection.alarms if alarm.id == "audit-queue-age")
    page = selection.notifier(age)
    assert (page.id, page.severity, page.id.heading) == (
        "audit-ingest-unhealthy",
        Severity.P1,
        AlarmId.INGEST_UNHEALTHY,
    )


@pytest.mark.parametrize("name", ["", "Audit", "1st", "a b", "a" * 40])
def test_name_that_no_alarm_can_begin_with_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a consumer"):
        another_consumer(name, SECOND, ())


def test_component_without_monitoring_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "_made", [])
    assert coverage.to_be_monitored("events", FIRST) is FIRST
    coverage.to_be_monitored("audit-events", SECOND)
    with pytest.raises(ValueError, match="nobody would be notified when audit-events fails"):
        coverage.require_monitoring(FIRST)
    coverage.require_monitoring((*FIRST, *another_consumer("audit", SECOND, ()).signals))
