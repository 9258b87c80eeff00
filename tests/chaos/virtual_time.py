"""Tasks that run one at a time on a virtual clock, always in the same order.

The tasks are threads, so that the code under test needs no change; only the thread whose turn it is runs.
"""

import heapq
import threading
from collections.abc import Callable


class _EndedError(BaseException):
    """Another task failed, and this task must end."""


class _Task:
    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.turn.acquire()


class VirtualTime:
    """A clock that moves only when every task waits, and then to the earliest moment that a task waits for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, _Task]] = []
        self._sequence = 0
        self._current = _Task()
        self._error: BaseException | None = None

    def run(self, *functions: Callable[[], None]) -> None:
        """Run the functions concurrently until all have returned; an exception of one ends all, and is raised."""
        threads = []
        for function in functions:
            task = _Task()
            self._wait(task, 0.0)
            threads.append(threading.Thread(target=self._run, args=(task, function), daemon=True))
        for thread in threads:
            thread.start()
        self._next().turn.release()
        for thread in threads:
            thread.join()
        if self._error:
            raise self._error

    def sleep(self, seconds: float) -> None:
        """Let other tasks run until the clock has moved by `seconds`."""
        task = self._current
        self._wait(task, seconds)
        following = self._next()
        if following is not task:
            following.turn.release()
            task.turn.acquire()
        if self._error:
            raise _EndedError

    def _wait(self, task: _Task, seconds: float) -> None:
        # Of two tasks that wait for the same moment, the task that began to wait first runs first.
        self._sequence += 1
        heapq.heappush(self._waiting, (self.now + seconds, self._sequence, task))

    def _next(self) -> _Task:
        self.now, _, self._current = heapq.heappop(self._waiting)
        return self._current

    def _run(self, task: _Task, function: Callable[[], None]) -> None:
        task.turn.acquire()
        try:
            if not self._error:
                function()
        except _EndedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where `run` was called
            self._error = error
        if self._waiting:
            self._next().turn.release()
