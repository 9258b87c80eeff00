"""One function with a table and a dead-letter queue, called directly, with one scripted fault."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from localcloud.models.client import Client, Perform
from localcloud.models.table import TableModel
from simulation.lambda_events import LambdaContext
from tests.chaos.faults import KilledError
from tests.chaos.workload import Fact, Workload, services_of, text_of
from tests.fakes.events import TRACE, login
from tests.fakes.functions import DEAD_LETTERS, TABLE, Function, acknowledged, event_handler
from tests.fakes.queue import QueueModel, Sent

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Fault:
    """Raises `error` at the `nth` call of `operation` (None: at every call); if `landed`, after performing the call."""

    operation: str
    error: Callable[[], BaseException]
    nth: int | None = None
    landed: bool = False


@dataclass(slots=True)
class Script:
    """A gate that applies its fault, lets all other calls pass, and records the requests."""

    fault: Fault | None = None
    calls: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, operation: str, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        self.calls[operation] += 1
        self.requests.append((operation, request))
        fault = self.fault
        if not fault or fault.operation != operation or fault.nth not in (None, self.calls[operation]):
            return perform(request)
        self.failed.append(request)
        if fault.landed:
            perform(request)
        raise fault.error()


class World:
    """Empty models, and functions that use them; each function stands for its own process."""

    def __init__(self) -> None:
        self.table = TableModel(TABLE)
        self.dead_letters = QueueModel(DEAD_LETTERS)

    def function(self, gate: Any, **parts: Any) -> Function:
        clients = Client(self.table, gate), Client(self.dead_letters, gate)
        return event_handler(*clients, now=lambda: NOW, **parts)

    def deliver(self, function: Function, messages: Iterable[Sent]) -> list[Sent] | None:
        """The messages Lambda deletes after this batch, in order; None if the process was killed."""
        by_id = {sent.message_id: sent for sent in messages}
        try:
            done = acknowledged(function, records_of(by_id.values()), LambdaContext())
        except KilledError:
            return None
        return [by_id[record["messageId"]] for record in done]

    def unsafe(self, workload: Workload, messages: Iterable[Sent]) -> list[str]:
        """IDs of the messages that would be lost if they were deleted now."""
        return workload.unsafe((sent.message_id for sent in messages), self.table, self.dead_letters)

    def services(self) -> dict[str, list[dict[str, str]]]:
        """The services in the table, by user."""
        return {user_id: services_of(self.table, user_id) for user_id in self.table.items()}


def records_of(messages: Iterable[Sent]) -> list[dict[str, Any]]:
    """The records of a Lambda event."""
    queue, records = QueueModel("https://sqs/source"), []
    for sent in messages:
        queue.add(sent)
        records += queue.receive(1)
    return records


def good(index: int, *, user: str | None = None, seconds: int = 0) -> tuple[Sent, Fact]:
    """A valid login of `user`, or of a user with no other login."""
    instant = NOW - timedelta(seconds=100 - seconds)
    fact = Fact(user or f"user-{index}", f"service-{index % 3}", instant, f"Name {index}")
    fields = login(fact.user_id, fact.service_id, fact.service_name, text_of(instant))
    return Sent(message_id=f"good-{index}", body=json.dumps(fields)), fact


def bad(index: int) -> Sent:
    """A message that is no login, with attributes of every type and a trace."""
    attributes = {
        "text": {"DataType": "String", "StringValue": f"t\u00e9xt {index}"},
        "number": {"DataType": "Number.price", "StringValue": "1.50"},
        "bytes": {"DataType": "Binary.raw", "BinaryValue": bytes([0, 255, index])},
    }
    body = f'{{ "user_id":\t"{index}\u00e9\U0001f4ec\\u0000" \r\n'
    return Sent(message_id=f"bad-{index}", body=body, attributes=attributes, trace_header=TRACE)


def workload_of(goods: Sequence[tuple[Sent, Fact]], bads: Sequence[Sent] = ()) -> Workload:
    """Good messages, then bad ones."""
    messages = (*[sent for sent, _ in goods], *bads)
    return Workload(messages, {sent.message_id: fact for sent, fact in goods})
