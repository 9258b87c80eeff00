"""The time of the embedded cloud: that of this machine, a faster one, or one that a test advances.

Where the time of a cloud is not that of this machine, waiting is compressed and work is not. Minutes, ages, delays,
retention and limits of requests follow the clock of the cloud; durations, timeouts and the lives of tokens are those of
this machine.
"""

import threading
import time
from collections import deque
from typing import Protocol

STEPS_KEPT = 1_000
MILLISECOND = 0.001
"""Functions stamp their metrics with the millisecond that has begun."""


class Clock(Protocol):
    """Seconds since the epoch."""

    def now(self) -> float:
        """The time."""
        ...

    def when_here_was(self, seconds: float) -> float:
        """The time of the cloud when that of this machine was `seconds`."""
        ...


class RealClock:
    """The time of this machine."""

    speed = 1.0
    """Seconds of the cloud in a second of this machine."""

    def now(self) -> float:
        """The time."""
        return time.time()

    def when_here_was(self, seconds: float) -> float:
        """The same time."""
        return seconds


class CompressedClock:
    """A time that starts with the current minute of this machine and then runs faster."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._start, self._began = time.time() // 60 * 60, time.monotonic()

    def now(self) -> float:
        """The time."""
        return self._start + (time.monotonic() - self._began) * self.speed

    def when_here_was(self, seconds: float) -> float:
        """The time of the cloud when that of this machine was `seconds`."""
        return self.now() - (time.time() - seconds) * self.speed


class SteppedClock:
    """A time that stands still until it is advanced. It starts at the beginning of a minute."""

    def __init__(self, start: float) -> None:
        self._now = float(start // 60 * 60)
        self._lock = threading.Lock()
        self._steps = deque([(time.time(), self._now)], maxlen=STEPS_KEPT)
        """The time of this machine at each step, and the time of the cloud since then."""

    def now(self) -> float:
        """The time."""
        return self._now

    def when_here_was(self, seconds: float) -> float:
        """The time of the cloud when that of this machine was `seconds`; the same time if that is not in its life."""
        with self._lock:
            if seconds > time.time():
                return seconds
            return next((cloud for here, cloud in reversed(self._steps) if here <= seconds + MILLISECOND), seconds)

    def advance(self, seconds: float) -> float:
        """Let time pass; returns the new time."""
        with self._lock:
            self._now += seconds
            self._steps.append((time.time(), self._now))
            return self._now
