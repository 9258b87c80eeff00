"""Which alarms a stack has, with which thresholds; alarms, boards and runbook links follow from this selection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from components.monitoring.alarm_ids import COMPOSITES, AlarmId, AnyAlarmId
from components.monitoring.signals import Alarm, AlarmOverride, CompositeAlarm, Level, Severity, Signal

AnyAlarm = Alarm | CompositeAlarm


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Signals with the alarms a stack has, and its composites in an order in which they can be created."""

    signals: tuple[Signal, ...]
    composites: tuple[CompositeAlarm, ...] = ()

    @property
    def alarms(self) -> tuple[AnyAlarm, ...]:
        """Every alarm of the stack."""
        return (*(signal.alarm for signal in self.signals if signal.alarm), *self.composites)

    def notifier(self, alarm: AnyAlarm) -> AnyAlarm:
        """Return the alarm that notifies when this one fires: itself, or a composite that it is part of."""
        if alarm.severity is None:
            for composite in self.composites:
                if alarm.id in composite.children and (notifier := self.notifier(composite)).severity:
                    return notifier
        return alarm


def select(
    signals: Sequence[Signal],
    composites: Sequence[CompositeAlarm],
    *,
    level: Level,
    overrides: Mapping[str, AlarmOverride],
) -> Selection:
    """Return the signals and alarms of a stack, out of everything that is defined.

    `essential` leaves out P3 and the composites that are not essential. A composite loses the children that are left
    out. Without any child, or without one that must be in alarm, the composite is left out too, and so are children
    that belong to no composite then. Last comes the state of the service, from every alarm that pages.
    """
    alarms = [signal.alarm for signal in signals if signal.alarm]
    _check_ids([*alarms, *composites], overrides)

    def is_enabled(alarm: AnyAlarm) -> bool:
        override = overrides.get(alarm.id)
        opt_in = isinstance(alarm, Alarm) and alarm.opt_in
        return (override.enabled if override else not opt_in) and (level is Level.FULL or alarm.essential)

    enabled = {alarm.id for alarm in alarms if is_enabled(alarm)}
    chosen: list[CompositeAlarm] = []
    for composite in _children_first(composites):
        left = tuple(child for child in composite.any_of if child in enabled)
        if is_enabled(composite) and (left or composite.all_of) and set(composite.all_of) <= enabled:
            suppressor = composite.suppressed_by if composite.suppressed_by in enabled else None
            chosen.append(replace(composite, any_of=left, suppressed_by=suppressor))
            enabled.add(composite.id)
    # Backwards, so that an alarm for which only a left-out composite would notify is left out with it.
    used: set[AnyAlarmId] = set()
    for composite in reversed(chosen):
        if composite.severity or composite.id in used:
            used.update(composite.children)
    chosen = [composite for composite in chosen if composite.severity or composite.id in used]

    def kept(signal: Signal) -> Signal:
        alarm = signal.alarm
        if alarm is None or alarm.id not in enabled or not (alarm.severity or alarm.id in used):
            return replace(signal, alarm=None)
        return replace(signal, alarm=_adjusted(alarm, overrides.get(alarm.id)))

    selection = Selection(signals=tuple(kept(signal) for signal in signals), composites=tuple(chosen))
    health = (alarm for alarm in _health(selection) if is_enabled(alarm))
    return replace(selection, composites=(*chosen, *health))


def _children_first(composites: Sequence[CompositeAlarm]) -> list[CompositeAlarm]:
    by_id = {composite.id: composite for composite in composites}
    needs = {composite.id: (*composite.children, *filter(None, [composite.suppressed_by])) for composite in composites}
    return [by_id[alarm_id] for alarm_id in TopologicalSorter(needs).static_order() if alarm_id in by_id]


def _check_ids(alarms: Sequence[AnyAlarm], overrides: Mapping[str, AlarmOverride]) -> None:
    ids = [alarm.id for alarm in alarms]
    # CloudWatch would silently let the second overwrite the first.
    if twice := sorted({alarm_id for alarm_id in ids if ids.count(alarm_id) > 1}):
        raise ValueError(f"alarm ids must be unique, but {', '.join(twice)} is not")
    if unknown := overrides.keys() - set(AlarmId):
        raise ValueError(f"there is no alarm {', '.join(sorted(unknown))} to override")
    for alarm_id in COMPOSITES & overrides.keys():
        if overrides[alarm_id].threshold is not None:
            raise ValueError(f"alarm {alarm_id} combines other alarms and has no threshold: override theirs")


def _adjusted(alarm: Alarm, override: AlarmOverride | None) -> Alarm:
    if override is None or override.threshold is None:
        return alarm
    return replace(alarm, threshold=override.threshold)


def _health(selection: Selection) -> tuple[CompositeAlarm, ...]:
    paging = tuple(alarm.id for alarm in selection.alarms if alarm.severity is Severity.P1)
    if not paging:
        return ()
    return (
        CompositeAlarm(
            id=AlarmId.SERVICE_HEALTH,
            any_of=paging,
            severity=None,
            meaning="An alarm that pages is in alarm. Status pages and deployments can read this one; it sends no"
            " notification.",
            first_step="On the overview board, see which alarm it is.",
        ),
    )
