"""Which alarms a stack has, at which thresholds: one selection that alarms, boards and runbook links follow from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Literal, Protocol

from components.monitoring.alarm_ids import COMPOSITES
from components.monitoring.signals import AlarmId, AlarmRule, CompositeRule, Severity, Signal


class Override(Protocol):
    """What a stack changes about one alarm."""

    @property
    def threshold(self) -> float | None:
        """Another threshold, None for the shipped one."""
        ...

    @property
    def enabled(self) -> bool:
        """False leaves the alarm out."""
        ...


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Signals with the rules a stack has, and its composites in an order in which they can be made."""

    signals: tuple[Signal, ...]
    composites: tuple[CompositeRule, ...]


def select(
    signals: Sequence[Signal],
    composites: Sequence[CompositeRule],
    *,
    level: Literal["essential", "full"],
    overrides: Mapping[str, Override],
) -> Selection:
    """What a stack has of what is defined: alarms and graphs follow from this.

    `essential` leaves out P3 and the composites that are not essential. A composite loses the children that are left
    out; without children, or without one of those that must all be in alarm, it is left out too, and children of no
    composite with it. Last comes the state of the whole service, from everything that pages.
    """
    rules = [rule for signal in signals for rule in signal.alarms]
    _check_ids([*rules, *composites], overrides)

    def enabled(rule: AlarmRule | CompositeRule) -> bool:
        override = overrides.get(rule.id)
        opted_out = isinstance(rule, AlarmRule) and rule.opt_in
        return (override.enabled if override else not opted_out) and not (
            level == "essential" and (rule.severity is Severity.P3 or not getattr(rule, "essential", True))
        )

    there = {rule.id for rule in rules if enabled(rule)}
    chosen: list[CompositeRule] = []
    for composite in _children_first(composites):
        left = tuple(one for one in composite.any_of if one in there)
        if enabled(composite) and (left or composite.all_of) and set(composite.all_of) <= there:
            suppressor = composite.suppressed_by if composite.suppressed_by in there else None
            chosen.append(replace(composite, any_of=left, suppressed_by=suppressor))
            there.add(composite.id)
    # Backwards, so that what only a left-out composite would have told of is left out with it.
    used: set[AlarmId] = set()
    for composite in reversed(chosen):
        if composite.severity or composite.id in used:
            used.update(composite.children)
    chosen = [one for one in chosen if one.severity or one.id in used]

    def kept(signal: Signal) -> Signal:
        alarms = (rule for rule in signal.alarms if rule.id in there and (rule.severity or rule.id in used))
        return replace(signal, alarms=tuple(_adjusted(rule, overrides.get(rule.id)) for rule in alarms))

    selected = tuple(kept(signal) for signal in signals)
    health = _health(selected, chosen)
    return Selection(signals=selected, composites=(*chosen, *(one for one in health if enabled(one))))


def _children_first(composites: Sequence[CompositeRule]) -> list[CompositeRule]:
    by_id = {one.id: one for one in composites}
    needs = {one.id: (*one.children, *filter(None, [one.suppressed_by])) for one in composites}
    return [by_id[one] for one in TopologicalSorter(needs).static_order() if one in by_id]


def _check_ids(rules: Sequence[AlarmRule | CompositeRule], overrides: Mapping[str, Override]) -> None:
    ids = [rule.id for rule in rules]
    # CloudWatch would silently let the second overwrite the first.
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ValueError(f"alarm ids must be unique, and {', '.join(twice)} is not")
    if unknown := overrides.keys() - set(AlarmId):
        raise ValueError(f"there is no alarm {', '.join(sorted(unknown))} to override")
    for one in COMPOSITES & overrides.keys():
        if overrides[one].threshold is not None:
            raise ValueError(f"alarm {one} combines others and has no threshold: override those")


def _adjusted(rule: AlarmRule, override: Override | None) -> AlarmRule:
    if override is None or override.threshold is None:
        return rule
    return replace(rule, threshold=override.threshold)


def _health(signals: Sequence[Signal], composites: Sequence[CompositeRule]) -> tuple[CompositeRule, ...]:
    paging = [rule.id for signal in signals for rule in signal.alarms if rule.severity is Severity.P1]
    paging += [composite.id for composite in composites if composite.severity is Severity.P1]
    if not paging:
        return ()
    return (
        CompositeRule(
            id=AlarmId.SERVICE_HEALTH,
            any_of=tuple(paging),
            severity=None,
            meaning="Something that pages is in alarm. One badge for status pages and deployments; it tells nobody.",
            first_step="See on the overview board which alarm it is.",
        ),
    )
