"""What a function's process has logged, complete at any moment."""

import os
import select
import threading
import time
from typing import IO


class LogPipe:
    """The lines that a process writes to a pipe.

    `take_lines` returns every line that was written before it was called. A thread that only reads ahead could still
    hold the last ones, and nobody could tell how long to wait for them.
    """

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe  # keeps the descriptor from being closed, and its number from being used again
        self._descriptor = pipe.fileno()
        self._lock = threading.Lock()
        self._lines: list[tuple[bytes, float]] = []
        self.arrivals: list[float] = []
        """When the lines that were taken last had arrived."""
        self._begun = b""
        os.set_blocking(self._descriptor, False)

    def follow(self) -> None:
        """Read until the process ends, so that it never waits for a reader."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        is_open = True
        while is_open:
            poll.poll()
            with self._lock:
                is_open = self._read()

    def take_lines(self) -> list[str]:
        """Return the lines since the last call, without a line that is not finished."""
        with self._lock:
            self._read()
            lines, self._lines = self._lines, []
            self.arrivals = [arrival for _, arrival in lines]
        return [line.decode(errors="replace") for line, _ in lines]

    def _read(self) -> bool:
        """Read what the pipe holds; return False when its other end is closed."""
        while True:
            try:
                data = os.read(self._descriptor, 65_536)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, self._begun = (self._begun + data).split(b"\n")
            now = time.time()
            self._lines += [(line, now) for line in lines]
