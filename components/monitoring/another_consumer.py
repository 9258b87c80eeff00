"""The alarms and graphs of another consumer on its own queue, beside those of the first, and the page of its faults."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.monitoring.alarm_ids import AlarmId, AnyAlarmId, ConsumerAlarmId
from components.monitoring.signals import CompositeAlarm, Severity, Signal


@dataclass(frozen=True, kw_only=True)
class ConsumerMonitoring:
    """What `MonitoringArgs` takes of another consumer, besides that of the first."""

    signals: tuple[Signal, ...]
    composites: tuple[CompositeAlarm, ...]


def another_consumer(
    consumer: str, signals: Sequence[Signal], composites: Sequence[CompositeAlarm]
) -> ConsumerMonitoring:
    """Return the signals and composites of its components, under ids of its own: `audit-queue-age` for `audit`.

    The runbook heading stays that of the alarm. What pages for the first consumer through `ingest-unhealthy` pages for
    this one through `audit-ingest-unhealthy`, so that a fault of one hides none of the other. There is no objective.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", consumer):
        raise ValueError(f"{consumer!r} is no name of a consumer: use lower-case letters, digits and -")
    alarms = [signal.alarm for signal in signals if signal.alarm]
    named = {alarm.id: _id_of(consumer, alarm.id) for alarm in (*alarms, *composites)}

    def renamed(ids: Sequence[AnyAlarmId]) -> tuple[AnyAlarmId, ...]:
        return tuple(named.get(alarm_id, alarm_id) for alarm_id in ids)

    def of_consumer(signal: Signal) -> Signal:
        alarm = signal.alarm and replace(
            signal.alarm, id=named[signal.alarm.id], meaning=f"Consumer {consumer}: {signal.alarm.meaning}"
        )
        return replace(signal, title=f"{signal.title} ({consumer})", alarm=alarm)

    parts = tuple(
        replace(
            composite,
            id=named[composite.id],
            any_of=renamed(composite.any_of),
            all_of=renamed(composite.all_of),
            meaning=f"Consumer {consumer}: {composite.meaning}",
        )
        for composite in composites
    )
    combined = {child for composite in parts for child in composite.children}
    silent = (alarm for alarm in (*alarms, *composites) if alarm.severity is None)
    page = CompositeAlarm(
        id=ConsumerAlarmId(consumer, AlarmId.INGEST_UNHEALTHY),
        any_of=tuple(alarm_id for alarm in silent if (alarm_id := named[alarm.id]) not in combined),
        severity=Severity.P1,
        meaning=f"Consumer {consumer}: no event is processed, or nearly all events fail.",
        first_step="The message names the alarm that started it: continue at its heading in the runbook.",
    )
    return ConsumerMonitoring(signals=tuple(map(of_consumer, signals)), composites=(*parts, page))


def _id_of(consumer: str, alarm_id: AnyAlarmId) -> ConsumerAlarmId:
    return ConsumerAlarmId(consumer, alarm_id.heading)
