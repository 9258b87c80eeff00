"""The time of the embedded cloud: that of this machine, or one that a test or a drill advances."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch."""

    def now(self) -> float:
        """The time."""
        ...


class RealClock:
    """The time of this machine."""

    def now(self) -> float:
        """The time."""
        return time.time()


class SteppedClock:
    """A time that stands still until it is advanced. It starts at the beginning of a minute."""

    def __init__(self, start: float) -> None:
        self._now = float(start // 60 * 60)
        self._lock = threading.Lock()

    def now(self) -> float:
        """The time."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Let time pass; returns the new time."""
        with self._lock:
            self._now += seconds
            return self._now
