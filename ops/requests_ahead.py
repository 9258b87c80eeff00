"""Requests that do not wait for each other: several are under way, and their answers are taken in order."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

REQUESTS_MAX = 8  # fewer than the ten connections that a client of boto3 keeps
LAST_ANSWERS_SECONDS = 2.0

T = TypeVar("T")
R = TypeVar("R")


def in_thread(make: Callable[[], R]) -> Future[R]:
    """Return what `make` will return or raise. Its thread does not outlive the process, which need not wait for it."""
    answer: Future[R] = Future()

    def run() -> None:
        try:
            answer.set_result(make())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes the answer
            answer.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    return answer


class RequestsAhead(Generic[T, R]):
    """Makes requests, the first one alone, so that a command without permission makes one request and no more.

    Nobody waits for a request without an answer. (Executors of the standard library do.)
    """

    def __init__(self, make: Callable[[T], R]) -> None:
        self._make = make
        self._allowed = 1
        self.under_way: deque[tuple[T, Future[R]]] = deque()
        """The requests that are not settled, oldest first."""

    @property
    def is_full(self) -> bool:
        """Whether a request must be settled before the next is made."""
        return len(self.under_way) >= self._allowed

    def start(self, content: T) -> None:
        """Make a request."""
        self.under_way.append((content, in_thread(lambda: self._make(content))))

    def settle(self) -> None:
        """Forget the oldest request, which was answered."""
        self.under_way.popleft()
        self._allowed = min(REQUESTS_MAX, self._allowed * 2)

    def await_last(self) -> None:
        """Wait a moment for the answers to all requests; whether one without an answer was received is unknown."""
        wait([answer for _, answer in self.under_way], timeout=LAST_ANSWERS_SECONDS)
