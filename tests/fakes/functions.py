"""The event handler on the models, without threads, logs or sleep."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from handlers.event_handler import EventHandler
from handlers.quarantine import Quarantine
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry
from tests.fakes.aws import TABLE

DEAD_LETTERS = "https://sqs/dead-letters"
MAX_RECEIVE_COUNT = 5
BATCH_SIZE = 10


class Function(Protocol):
    """What Lambda calls."""

    def handle(self, event: Mapping[str, Any], context: Any) -> Any: ...


class InTurn(Executor):
    """Runs submitted calls immediately, in the caller's thread. KilledError passes through: nothing runs after it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as a pool does it
            future.set_exception(error)
        return future


class Silent(Telemetry):
    """Telemetry that writes nothing."""

    def __init__(self) -> None:
        self.logger: Any = self

    def measure(self, name: str, value: float) -> None: ...

    def annotate(self, key: str, value: Any) -> None: ...

    def failure(self, message: str, error: Exception, **fields: Any) -> None: ...

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        yield

    def info(self, *_: Any, **__: Any) -> None: ...

    warning = error = set_correlation_id = summarize = info


def event_handler(
    dynamodb: Any,
    sqs: Any,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = lambda seconds: None,
    jitter: Callable[[], float] = lambda: 0.5,
    executor: Executor | None = None,
    store: type[UserRecordStore] = UserRecordStore,
    quarantine: type[Quarantine] = Quarantine,
) -> EventHandler:
    """The handler as `handlers.event_handler` wires it, with these two clients."""
    return EventHandler(
        store(dynamodb, TABLE, sleep=sleep, jitter=jitter, executor=executor or InTurn()),
        quarantine(lambda: sqs, DEAD_LETTERS, now=now),
        Silent(),
        max_receive_count=MAX_RECEIVE_COUNT,
        now=now,
    )


def acknowledged(function: Function, records: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
    """The records Lambda deletes after calling `function`: none if it raises or returns an unknown ID."""
    try:
        response = function.handle({"Records": records}, context)
    except Exception:  # noqa: BLE001 - Lambda treats all exceptions alike
        return []
    failed = {failure["itemIdentifier"] for failure in (response or {}).get("batchItemFailures", [])}
    if failed - {record["messageId"] for record in records}:
        return []
    return [record for record in records if record["messageId"] not in failed]
