"""A component whose signals reach no alarm fails the program: otherwise nobody would be notified of its failures."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from components.monitoring.signals import Signal


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component that the program made, and what is worth monitoring about it."""

    name: str
    signals: tuple[Signal, ...]


# The components of this program, in the order in which it makes them. A program runs once in its process.
_made: Final[list[Component]] = []


def to_be_monitored(name: str, signals: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """Return the signals of the component of that name, which `Monitoring` must get."""
    _made.append(Component(name=name, signals=signals))
    return signals


def require_monitoring(monitored: Iterable[Signal]) -> None:
    """Raise ValueError for each component made so far with an alarm that is not on a monitored signal."""
    if missing := list(_unmonitored(_made, monitored)):
        raise ValueError(
            f"nobody would be notified when {' or '.join(missing)} fails: add its signals to MonitoringArgs.signals, "
            "through another_consumer if the program has a component of this kind already"
        )


def _unmonitored(components: Iterable[Component], monitored: Iterable[Signal]) -> Iterator[str]:
    # By their metrics, because the signals of another consumer have titles and alarms of their own.
    known = [signal.metrics for signal in monitored]
    for component in components:
        if any(signal.alarm and signal.metrics not in known for signal in component.signals):
            yield component.name
