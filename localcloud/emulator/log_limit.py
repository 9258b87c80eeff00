"""Keeps the newest lines of each log group: ministack would keep all of them in memory until the cloud ends."""

import threading
from collections import Counter
from contextlib import AbstractContextManager
from typing import Any

LINES_MAX = 100_000
"""Lines of a log group that are kept, and up to a tenth more; they take some 45 MB."""


class LogLimit:
    """Counts the lines of log groups, and drops the oldest. Its methods may be called from any thread.

    `groups` has the log groups of ministack, which is a mapping by name without the type of one.
    """

    def __init__(self, groups: Any, events_lock: AbstractContextManager[Any], *, lines_max: int = LINES_MAX) -> None:
        self._groups, self._events_lock, self._most = groups, events_lock, lines_max
        self._lock = threading.Lock()
        self._added = Counter[str]()
        """Lines by log group, since its oldest ones were dropped."""

    def add(self, group: str, lines: int) -> None:
        """Count lines that were added to a log group; drop its oldest lines after every tenth of the limit."""
        with self._lock:
            self._added[group] += lines
            if self._added[group] <= self._most // 10 or (found := self._groups.get(group)) is None:
                return
            self._added[group] = 0
            self._drop(found["streams"])

    def _drop(self, streams: dict[str, Any]) -> None:
        kept = 0
        for name in reversed(list(streams)):  # each invocation has a stream of its own
            if kept >= self._most:
                del streams[name]
                continue
            with self._events_lock:
                events = streams[name]["events"]
                if excess := max(0, kept + len(events) - self._most):
                    del events[:excess]
                    streams[name]["firstEventTimestamp"] = events[0]["timestamp"]
                kept += len(events)
