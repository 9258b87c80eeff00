"""Tells the readers of the observatory that there is something new, and never waits for any of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Feed:
    """A number that grows with every change. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self.version = 0
        self.lines = 0
        """Grows with log lines, of which there may be many in each second: only a reader of logs reads again."""
        self._lock = threading.Lock()
        self._callbacks: set[Callable[[], object]] = set()

    def publish(self) -> None:
        """Something changed. What a callback does must take no time."""
        with self._lock:
            self.version += 1
            self._call()

    def publish_lines(self, count: int) -> None:
        """Log lines arrived."""
        with self._lock:
            self.lines += count
            self._call()

    def _call(self) -> None:
        for callback in self._callbacks:
            callback()

    @contextmanager
    def subscribed(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call back at every change in the meantime."""
        with self._lock:
            self._callbacks.add(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.discard(callback)
