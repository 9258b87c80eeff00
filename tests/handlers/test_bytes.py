"""What the functions write about an invocation has at most so many bytes. Decision 0050 has the figures."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.event_handler import EventHandler
from handlers.metrics import HOLD_SECONDS, Metrics
from handlers.query import Query
from handlers.store import UserRecordStore
from simulation.lambda_events import LambdaContext
from simulation.simulated_table import Clock, SimulatedExecutor, SimulatedTable, TableBehaviour
from tests.fakes.events import NOW, login, sqs_record

# What one environment gets while it holds its metrics, at 500 queries and events a second: a query takes 30 ms, a batch
# of 10 takes 100 ms.
QUERIES, BATCHES = 333, 100
FAILING = {"query": TableBehaviour(latency_ms=12.3, reads="error"), "event-handler": TableBehaviour(writes="error")}


@dataclass
class Function:
    """A function with a simulated table and clock, and the bytes it has written."""

    invoke: Callable[[], Any]
    metrics: Metrics
    time: SimpleNamespace
    written: Callable[[], int]

    def make_busy(self) -> None:
        self.metrics._credit = 0
        self.metrics._credited = self.time.seconds

    def bytes_per_invocation(self, invocations: int) -> float:
        """From the first that it holds to the one that finds so many held for long enough."""
        began = self.time.seconds
        for number in range(invocations + 1):
            self.time.seconds = began + HOLD_SECONDS * number / invocations
            self.invoke()
        written = self.written()
        assert written, "nothing was written"
        return written / (invocations + 1)


@pytest.fixture
def new_function(new_telemetry, capsys, monkeypatch):
    def make(service: str, behaviour: TableBehaviour | None = None) -> Function:
        telemetry = new_telemetry(service)
        clock = Clock(limit_seconds=1e6)
        table = SimulatedTable("table", clock, behaviour or TableBehaviour(latency_ms=12.3), read_timeout=1.0)
        table.store("ada")
        monkeypatch.setattr(f"handlers.{service.replace('-', '_')}.time.perf_counter", lambda: clock.now)
        time = SimpleNamespace(seconds=1_800_000_000.0)
        telemetry._metrics._now = lambda: time.seconds
        executor = SimulatedExecutor(clock, 8)
        store = UserRecordStore(table.client, "table", sleep=clock.advance, jitter=lambda: 0.5, executor=executor)
        handle: Any = Query(store, telemetry).answer
        event: dict[str, Any] = {"pathParameters": {"user_id": "ada"}, "requestContext": {"requestId": "r" * 36}}
        if service == "event-handler":
            quarantine: Any = None
            handle = EventHandler(store, quarantine, telemetry, max_receive_count=5, now=lambda: NOW).handle
            event = {"Records": [sqs_record(login(f"user-{index}"), f"{index:036}") for index in range(10)]}
        handler = telemetry.entry_point(handle)
        context = LambdaContext(function_name=f"event-processing-prod-{service}", function_version="123")

        def invoke() -> None:
            try:
                handler(event, context)
            except Exception:  # noqa: BLE001 - Lambda writes its own line about it
                return

        return Function(invoke, telemetry._metrics, time, lambda: len(capsys.readouterr().out.encode()))

    return make


@pytest.mark.parametrize(("service", "invocations", "most"), [("query", QUERIES, 15), ("event-handler", BATCHES, 90)])
def test_busy_function_writes_few_bytes_about_an_invocation(new_function, service, invocations, most):
    function = new_function(service)
    function.make_busy()
    assert function.bytes_per_invocation(invocations) <= most


@pytest.mark.parametrize(("service", "most"), [("query", 760), ("event-handler", 1_670)])
def test_quiet_function_writes_as_many_bytes_as_its_names_need(new_function, service, most):
    function = new_function(service)
    function.invoke()
    assert function.written() <= most


@pytest.mark.parametrize(("service", "least", "most"), [("query", 1_000, 1_500), ("event-handler", 7_000, 7_600)])
def test_failure_is_written_whole_however_busy_the_function_is(new_function, service, least, most):
    function = new_function(service, FAILING[service])
    function.make_busy()
    assert least <= function.bytes_per_invocation(50) <= most


def test_control_function_that_never_holds_is_caught(new_function, monkeypatch):
    monkeypatch.setattr("handlers.metrics.UNHURRIED", 2 * QUERIES)
    function = new_function("query")
    function.metrics._credit = 2 * QUERIES
    assert function.bytes_per_invocation(QUERIES) > 700
