"""The client that goes without botocore where it can: every failure ends as with botocore alone."""

import random
import re
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.retries.quota import RetryQuota

from handlers.clients import error_code_of, response_of
from handlers.dynamodb_requests import DynamoDbRequests, make_dynamodb_client
from handlers.store import Change, UserRecordStore
from handlers.stored import StoredRecord
from localcloud.models.table import TableModel
from tests.fakes.aws import TABLE
from tests.fakes.events import login_event, plenty
from tests.fakes.faulty_table import FAULTS, FaultyTable
from tests.fakes.lambda_variables import LEARNED
from tests.fakes.waiting import eventually
from tests.handlers.support import READ_SECONDS, Ours, Theirs, new_session, outcome_of

KEY = {"user_id": {"S": "u"}}
WRITE = {
    "TableName": TABLE,
    "Key": KEY,
    "UpdateExpression": "SET #services = :new",
    "ConditionExpression": "attribute_not_exists(#services)",
    "ExpressionAttributeNames": {"#services": "services"},
    "ExpressionAttributeValues": {":new": {"L": [{"S": "s"}]}},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


READ = {"TableName": TABLE, "Key": KEY}
CALLS = (("get_item", READ), ("update_item", WRITE), ("update_item", WRITE), ("get_item", READ))
LIKE_BOTOCORE = ("throttle", "error 500", "denied", "close before", "close after", "bad crc", "truncated", "not JSON")
REPEATED = ("huge", "no length", "encoded", "signature")
# A stall lasts until the client gives up.
STALL = pytest.param("stall", 1, marks=pytest.mark.soak)


@pytest.mark.parametrize(("fault", "times"), [("no fault", 1), *product(LIKE_BOTOCORE, [1, 2]), STALL])
def test_call_ends_as_with_botocore_alone(
    table: FaultyTable, ours: Ours, theirs: Theirs, fault: str, times: int, backoffs: list[float]
) -> None:
    """The same result, requests, backoffs and content of the table."""
    read_seconds = 1 if fault == "stall" else READ_SECONDS
    seen: list[Any] = []
    for client in (ours(read_seconds=read_seconds), theirs(read_seconds)):
        for operation, request in CALLS:
            table.faults.extend([fault] * times)
            seen.append((outcome_of(client, operation, request), table.operations.copy(), len(backoffs)))
            table.faults.clear()
            table.requests.clear()
            backoffs.clear()
        seen.append(table.table.items())
        table.table = TableModel(TABLE)
    assert seen[: len(CALLS) + 1] == seen[len(CALLS) + 1 :]


@pytest.mark.parametrize("fault", [*LIKE_BOTOCORE, "stall", "unreachable"])
def test_only_attempt_fails_as_that_of_botocore(
    table: FaultyTable, ours: Ours, theirs: Theirs, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token for a retry, the outcome of our attempt is that of the call."""
    monkeypatch.setattr(RetryQuota, "acquire", lambda *_: False)
    read_seconds = 0.01 if fault == "stall" else READ_SECONDS
    if fault == "unreachable":
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
    table.faults.extend([fault] * 2)
    client = ours(read_seconds=read_seconds)
    assert outcome_of(client, "get_item", READ) == outcome_of(theirs(read_seconds), "get_item", READ)
    # The table can see a request after the client has given it up.
    eventually(lambda: len(table.operations), lambda count: count == (0 if fault == "unreachable" else 2))


@pytest.mark.parametrize("fault", REPEATED)
def test_answer_that_is_not_understood_is_asked_of_botocore(table: FaultyTable, ours: Ours, fault: str) -> None:
    table.faults.append(fault)
    assert "Item" not in ours().get_item(**READ)
    assert table.operations == ["GetItem"] * 2


def test_lost_race_returns_the_item_and_makes_no_second_request(table: FaultyTable, ours: Ours) -> None:
    client = ours()
    client.update_item(**WRITE)
    with pytest.raises(ClientError) as raised:
        client.update_item(**WRITE)
    assert error_code_of(raised.value) == "ConditionalCheckFailedException"
    assert response_of(raised.value)["Item"] == {**KEY, "services": {"L": [{"S": "s"}]}}
    assert table.operations == ["UpdateItem"] * 2


def test_connection_is_used_again_and_one_closed_while_idle_is_not(
    table: FaultyTable, ours: Ours, backoffs: list[float]
) -> None:
    client = ours()
    for _ in range(3):
        client.get_item(**READ)
    assert len(table.connections) == 1
    table.connections[0].shutdown(socket.SHUT_RDWR)
    select.select([client._connections._idle[0]], [], [])  # until the end of the connection has come
    client.update_item(**WRITE)
    assert (table.operations, backoffs) == ([*["GetItem"] * 3, "UpdateItem"], [])
    assert len(table.connections) == 2


def test_at_most_as_many_connections_are_kept_as_there_are_writers(table: FaultyTable, ours: Ours) -> None:
    client = ours(connections=2)
    table.together = 4
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: client.get_item(**READ), range(4)))
    assert len(table.connections) == 4
    assert 1 <= len(client._connections._idle) <= 2


def test_retries_end_with_the_quota_and_successes_without_botocore_restore_it(table: FaultyTable, ours: Ours) -> None:
    def requests_of_a_failing_call() -> int:
        table.requests.clear()
        table.faults.extend(["error 500"] * 2)
        with pytest.raises(ClientError):
            client.get_item(**READ)
        table.faults.clear()
        return len(table.requests)

    client = ours()
    assert [requests_of_a_failing_call() for _ in range(100)] == [2] * 100  # 500 tokens, 5 for each retry
    assert requests_of_a_failing_call() == 1
    for _ in range(4):
        client.get_item(**READ)
    assert requests_of_a_failing_call() == 1
    client.get_item(**READ)
    assert requests_of_a_failing_call() == 2


@pytest.mark.parametrize("variables", [{}, LEARNED], ids=["known", "learned"])
def test_request_carries_the_headers_of_botocore_and_each_its_own_id(
    table: FaultyTable, ours: Ours, theirs: Theirs, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in {**variables, "AWS_LAMBDA_FUNCTION_NAME": "f"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", 'Root=1-5759e988-bd862e3fe1be46a994272793;Lineage="a:b"')
    client = ours()
    for caller in (client, client, theirs()):
        caller.get_item(**READ)
    first, second, expected = (headers for _, headers in table.requests)
    assert set(first) == set(expected)
    varying = {"amz-sdk-invocation-id", "x-amz-date", "authorization", "content-length"}
    # Powertools adds itself to what botocore sends, if it is loaded.
    assert expected.pop("user-agent").startswith(first.pop("user-agent"))
    assert {name: first[name] for name in set(first) - varying} == {
        name: expected[name] for name in set(first) - varying
    }
    assert first["amz-sdk-invocation-id"] != second["amz-sdk-invocation-id"]


def test_every_request_is_signed_with_the_credentials_of_the_moment(
    table: FaultyTable, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in LEARNED.items():
        monkeypatch.setenv(name, value)
    session = new_session()
    client = ours(session=session)
    client.get_item(**READ)
    credentials: Any = session.get_credentials()
    credentials.access_key, credentials.token = "second", None
    client.get_item(**READ)
    (_, first), (_, second) = table.requests
    assert re.search("Credential=first/.*;x-amz-security-token;", first["authorization"])
    assert "Credential=second/" in second["authorization"]
    assert "x-amz-security-token" not in second


@pytest.mark.usefixtures("backoffs")
@pytest.mark.parametrize(
    "environment",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_ENDPOINT_URL": "", "AWS_ACCOUNT_ID": "123456789012"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9/path"},
        {"AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "p"},
    ],
    ids=lambda environment: "+".join(environment),
)
def test_what_only_botocore_knows_goes_to_botocore(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text("[p]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name, value in environment.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name)
    client = make_dynamodb_client(new_session(), TABLE, read_timeout_seconds=1)
    assert not isinstance(client, DynamoDbRequests)


@pytest.mark.parametrize("count", [200, pytest.param(1200, marks=pytest.mark.soak)])
def test_no_login_is_lost_between_two_writers_and_all_faults(table: FaultyTable, ours: Ours, count: int) -> None:
    """Two processes' worth of events of five users; a batch that fails is delivered again."""
    # A body that the service itself garbled, with the right checksum, crashes a batch, with botocore alone as well.
    # A stall takes a second.
    is_short = count < 1000
    faults = [fault for fault in FAULTS if fault != "not JSON" and not (is_short and fault == "stall")]
    faults = [*faults * (count // 200), *[None] * (count // 6)]
    random.Random(19).shuffle(faults)
    table.faults.extend(faults)
    events = [login_event(f"s{number % 40}", user_id=f"u{number % 5}", seconds=number) for number in range(count)]

    def deliver(batches: list[list[Any]]) -> None:
        client = ours(connections=8, read_seconds=READ_SECONDS if is_short else 1)
        store = UserRecordStore(client, TABLE, sleep=lambda _: None)
        while batches:
            batch = batches.pop(0)
            users = {event.user_id for event in batch}
            read = store.read(users, plenty).records
            changes = [
                Change(stored=read[user_id], events=[event for event in batch if event.user_id == user_id])
                for user_id in users & set(read)
            ]
            written = store.write(changes, plenty)
            stored = {user_id for user_id, outcome in written.items() if outcome.error_code is None}
            failed = [event for event in batch if event.user_id not in stored]
            if failed:
                batches.append(failed)

    halves = [[events[start : start + 20] for start in range(first, count, 40)] for first in (0, 20)]
    with ThreadPoolExecutor(2) as writers:
        list(writers.map(deliver, halves))
    assert not table.faults
    newest: dict[tuple[str, str], Any] = {}
    for event in events:
        key = event.user_id, event.service_id
        newest[key] = max(newest.get(key, event.occurred_at), event.occurred_at)
    stored = {
        (user_id, service.service_id): service.last_accessed
        for user_id, item in table.table.items().items()
        for service in StoredRecord.of(user_id, item).record.services
    }
    assert stored == newest
