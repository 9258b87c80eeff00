"""The writes of a batch in one thread end as the same writes in threads of their own do, whatever goes wrong."""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest

from handlers import dynamodb_requests
from handlers.clients import RESERVE_SECONDS, Session
from handlers.dynamodb_requests import DynamoDbRequests, make_dynamodb_client
from handlers.exchanges import exchange_all
from handlers.logins import LoginEvent
from handlers.store import Change, UserRecordStore, WriteOutcome
from handlers.stored import StoredRecord
from localcloud.models.table import TableModel
from tests.fakes.aws import TABLE
from tests.fakes.events import fold, login_event, plenty
from tests.fakes.faulty_table import FAULTS, FaultyTable
from tests.fakes.waiting import eventually

# Longer than any test: no test waits for it.
READ_SECONDS = 60.0
# Every fault in the first attempt of one user's write, and in both attempts of another one's.
FATES = {f"{fault}, {times}": [fault] * times for fault in FAULTS if fault != "stall" for times in (1, 2)}
STORED_BEFORE = [login_event("s", user_id=user_id) for user_id in list(FATES)[::3]]
EVENTS = [login_event("t", user_id=user_id, seconds=1) for user_id in [*FATES, "good", "better"]]


@dataclass(kw_only=True)
class Writes:
    """A store, and its calls of `update_item`, which are made in threads."""

    store: UserRecordStore
    calls: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyTable]:
    with FaultyTable(TABLE) as server:
        yield server


@pytest.fixture
def table(server: FaultyTable) -> FaultyTable:
    server.table = TableModel(TABLE)
    server.faults_of.clear()
    server.requests.clear()
    return server


Make = Callable[..., Writes]


@pytest.fixture
def make(table: FaultyTable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes stores in an environment like Lambda's; `in_threads`, all writes are made there."""
    for name in ("AWS_PROFILE", "AWS_ACCOUNT_ID", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{table.port}")
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    with ExitStack() as stack:

        def make(*, together: int = 64, in_threads: bool = False, **settings: Any) -> Writes:
            client = make_dynamodb_client(Session(), TABLE, read_timeout_seconds=READ_SECONDS, connections=together)
            assert isinstance(client, DynamoDbRequests)
            stack.callback(client.close)
            calls: list[dict[str, Any]] = []
            update = client.update_item
            monkeypatch.setattr(client, "update_item", lambda **request: calls.append(request) or update(**request))
            other: Any = SimpleNamespace(update_item=client.update_item, batch_get_item=client.batch_get_item)
            executor = stack.enter_context(ThreadPoolExecutor(8))
            store = UserRecordStore(
                other if in_threads else client,
                TABLE,
                sleep=lambda _: None,
                jitter=lambda: 0.5,
                executor=executor,
                **settings,
            )
            return Writes(store=store, calls=calls)

        yield make


def write_through_faults(table: FaultyTable, writes: Writes) -> tuple[dict[str, WriteOutcome], Any, list[str]]:
    """The outcomes, the content of the table, and the requests."""
    table.table = TableModel(TABLE)
    fold(writes.store, *STORED_BEFORE)
    table.faults_of = {user_id: deque(faults) for user_id, faults in FATES.items()}
    table.requests.clear()
    outcomes = fold(writes.store, *EVENTS)
    return outcomes, table.table.items(), sorted(table.operations)


def lost(outcomes: dict[str, WriteOutcome], items: Any) -> list[LoginEvent]:
    """The events that are acknowledged and not in the table."""
    stored = {user_id: StoredRecord.of(user_id, item).record.services for user_id, item in items.items()}
    return [
        event
        for event in EVENTS
        if outcomes[event.user_id].error_code is None
        and event.service_id not in {service.service_id for service in stored.get(event.user_id, ())}
    ]


def test_every_fault_ends_as_in_threads_of_their_own(table: FaultyTable, make: Make) -> None:
    together, in_threads = make(), make(in_threads=True)
    outcomes, items, requests = write_through_faults(table, together)
    assert all(len(left) < len(FATES[user_id]) for user_id, left in table.faults_of.items())
    assert (outcomes, items, requests) == write_through_faults(table, in_threads)
    assert lost(outcomes, items) == []
    assert {outcome.error_code is None for outcome in outcomes.values()} == {True, False}


def test_control_answer_taken_for_a_success_loses_events(
    table: FaultyTable, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_requests, "_success", lambda answer: {"status": answer.status, "Responses": {}})
    outcomes, items, _ = write_through_faults(table, make())
    assert lost(outcomes, items)


def test_writes_that_succeed_need_no_thread_and_share_the_connections(table: FaultyTable, make: Make) -> None:
    writes, opened = make(together=4), len(table.connections)
    for turn in range(2):
        fold(writes.store, *(login_event(user_id=f"u{number}", seconds=turn) for number in range(30)))
    assert writes.calls == []
    assert table.operations == ["BatchGetItem", *["UpdateItem"] * 30] * 2
    assert len(table.connections) - opened == 4


@pytest.mark.parametrize(("fault", "calls"), [("throttle", 9), ("close before", 9), (None, 1)])
def test_first_failure_leaves_the_rest_to_threads_and_a_lost_race_does_not(
    table: FaultyTable, make: Make, fault: str | None, calls: int
) -> None:
    writes = make(together=1)
    events = [login_event(user_id=f"u{number}") for number in range(10)]
    changes = [Change(stored=StoredRecord.of(event.user_id, None), events=[event]) for event in events]
    if fault:
        table.faults_of["u0"] = deque([fault])
    else:
        fold(writes.store, login_event("other", user_id="u0"))
    assert {outcome.error_code for outcome in writes.store.write(changes, plenty).values()} == {None}
    # The call of the first one was begun without a thread; after a lost race it needs a second one.
    assert len(writes.calls) == calls
    assert len(table.table.items()) == 10


def end_connections(table: FaultyTable) -> None:
    """End what stalls."""
    for connection in table.connections:
        with suppress(OSError):  # ended already
            connection.shutdown(socket.SHUT_RDWR)


def test_answer_that_does_not_come_is_not_waited_for_by_the_other_writes(table: FaultyTable, make: Make) -> None:
    writes = make(together=2)
    table.faults_of["u0"] = deque(["stall"])
    with ThreadPoolExecutor(1) as batches:
        batch = batches.submit(fold, writes.store, *(login_event(user_id=f"u{number}") for number in range(30)))
        eventually(lambda: len(table.table.items()) == 30)
        assert writes.calls == []
        end_connections(table)
        outcomes = batch.result()
    assert {outcome.error_code for outcome in outcomes.values()} == {None}
    # The second attempt, which botocore makes, finds the record stored.
    assert outcomes["u0"].conflicts == 1


def test_writes_under_way_when_the_time_is_up_have_failed(table: FaultyTable, make: Make) -> None:
    table.faults_of = {f"u{number}": deque(["stall"]) for number in range(10)}
    writes, begun = make(together=2), time.monotonic()
    try:
        outcomes = fold(
            writes.store,
            *(login_event(user_id=f"u{number}") for number in range(10)),
            remaining=lambda: begun + RESERVE_SECONDS + 0.1 - time.monotonic(),
        )
    finally:
        end_connections(table)
    assert time.monotonic() < begun + READ_SECONDS
    assert {outcome.error_code for outcome in outcomes.values()} == {"out_of_time"}
    assert len(table.table.items()) <= 2


def test_nothing_is_sent_after_the_time_is_up(table: FaultyTable, make: Make) -> None:
    store = make().store
    changes = [Change(stored=StoredRecord.of("u", None), events=[login_event()])]
    outcomes = store.write(changes, lambda: RESERVE_SECONDS)
    assert outcomes["u"].error_code == "out_of_time"
    store._writers.shutdown()
    assert table.operations == []


def test_exchange_without_an_answer_ends_at_its_read_timeout_and_closes_its_connection() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connections: Any = SimpleNamespace(send=lambda message: ours, read_seconds=0.01)
        [(key, outcome)] = exchange_all(connections, iter([("k", b"")]), together=2)
        assert (key, type(outcome)) == ("k", TimeoutError)
        theirs.setblocking(False)
        assert theirs.recv(1) == b""


def test_exchanges_that_are_given_up_close_their_connections() -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    with ExitStack() as stack:
        for pair in pairs:
            for end in pair:
                stack.enter_context(end)
        unused = iter(pairs)
        connections: Any = SimpleNamespace(
            send=lambda message: next(unused)[0], receive=lambda connection: "answer", read_seconds=READ_SECONDS
        )
        exchanges = exchange_all(connections, iter([(0, b""), (1, b"")]), together=2)
        pairs[0][1].send(b"a")
        assert next(exchanges) == (0, "answer")
        exchanges.close()
        pairs[1][1].setblocking(False)
        assert pairs[1][1].recv(1) == b""


def test_defect_that_one_user_triggers_fails_that_user_alone(table: FaultyTable, make: Make) -> None:
    events = [login_event(user_id=f"u{number}") for number in range(5)]
    changes = [Change(stored=StoredRecord.of(event.user_id, None), events=[event]) for event in events]
    changes[2] = Change(stored=StoredRecord.of("u2", None), events=[login_event(user_id="another")])
    reported: list[Exception] = []
    store = make(together=2, report=reported.append).store
    outcomes = store.write(changes, plenty)
    assert [outcomes[f"u{number}"].error_code for number in range(5)] == [None, None, "ValueError", None, None]
    assert set(table.table.items()) == {"u0", "u1", "u3", "u4"}
    assert [type(error) for error in reported] == [ValueError]
    store.write(changes[:2], plenty)
    assert len(reported) == 1, "nothing is reported where nothing is wrong"


def test_request_that_cannot_be_prepared_is_botocores(
    table: FaultyTable, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = make()
    client: Any = writes.store._client
    prepare = client._requests.message
    requests = iter(range(3))

    def message(operation: str, request: Any, trace_header: str | None) -> bytes:
        if operation == "UpdateItem" and next(requests) == 1:
            raise ValueError("defect")
        return prepare(operation, request, trace_header)

    monkeypatch.setattr(client._requests, "message", message)
    outcomes = fold(writes.store, *(login_event(user_id=f"u{number}") for number in range(3)))
    assert {outcome.error_code for outcome in outcomes.values()} == {None}
    assert len(writes.calls) == 1
    assert len(table.table.items()) == 3
