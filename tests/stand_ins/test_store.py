"""The store on every stand-in for DynamoDB: the same logins lead to the same records, despite other writers."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from handlers.store import UserRecordStore
from handlers.stored import ITEM_BYTES_MAX
from localcloud.models.client import Client
from tests.fakes.aws import TABLE, entry, key
from tests.fakes.events import fold, plenty
from tests.fakes.events import login_event as login
from tests.stand_ins.requests import read, services, write

Interrupted = Callable[[Callable[[], Any]], UserRecordStore]


def interrupted_store(
    dynamodb: Any, interruption: Callable[[], Any], design: type[UserRecordStore] = UserRecordStore
) -> UserRecordStore:
    """A store whose first write is preceded by the interruption."""
    pending = [interruption]

    def gate(operation: str, request: dict[str, Any], perform: Any) -> dict[str, Any]:
        if operation == "update_item" and pending:
            pending.pop()()
        return perform(request)

    client: Any = Client(dynamodb, gate)
    return design(client, TABLE, sleep=lambda seconds: None)


@pytest.fixture
def interrupted(dynamodb: Any) -> Interrupted:
    return functools.partial(interrupted_store, dynamodb)


def test_logins_become_records_newest_first(dynamodb: Any, store: UserRecordStore):
    outcomes = fold(store, login("b"), login("c", seconds=1), login("a"), login(user_id="v"), login("b", seconds=-1))
    changed = {user: (outcome.error_code, outcome.changed) for user, outcome in outcomes.items()}
    assert changed == {"u": (None, 3), "v": (None, 1)}
    stored = services(entry("c", at="2022-08-04T08:50:40Z"), entry("a"), entry("b"))
    assert read(dynamodb) == key("u") | {"services": stored}
    assert read(dynamodb, "v") == key("v") | {"services": services(entry())}


def test_only_a_newer_login_replaces_an_older_login(dynamodb: Any, store: UserRecordStore):
    fold(store, login(seconds=5))
    assert fold(store, login(), login(seconds=5))["u"].changed == 0
    assert fold(store, login(seconds=6, service_name="New"))["u"].changed == 1
    assert read(dynamodb) == key("u") | {"services": services(entry("mail", "New", "2022-08-04T08:50:45Z"))}


def test_read_distinguishes_known_and_new_users(store: UserRecordStore):
    fold(store, *[login(user_id=f"u{i}") for i in range(120)])
    found = store.read([f"u{i}" for i in range(240)], plenty)
    assert found.error_codes == {}
    assert [bool(found.records[f"u{i}"].record.services) for i in range(240)] == [True] * 120 + [False] * 120


def test_get_returns_the_record_or_an_empty_record(store: UserRecordStore):
    fold(store, login())
    assert [service.service_id for service in store.get("u").record.services] == ["mail"]
    assert store.get("nobody").record.services == ()


@pytest.mark.parametrize("known", [False, True], ids=["new user", "known user"])
def test_lost_race_loses_no_login(dynamodb: Any, interrupted: Interrupted, known: bool):
    old = services(entry("old", at="2021-01-01T00:00:00Z"))
    other = services(entry("wiki"), *(old["L"] if known else []))
    if known:
        write(dynamodb, old)
    store = interrupted(lambda: write(dynamodb, other, old=old if known else None))
    outcome = fold(store, login("mail", seconds=1))["u"]
    assert (outcome.error_code, outcome.conflicts, outcome.changed) == (None, 1, 1)
    assert read(dynamodb) == key("u") | {"services": services(entry("mail", at="2022-08-04T08:50:40Z"), *other["L"])}


def test_race_lost_to_a_newer_login_changes_nothing(dynamodb: Any, interrupted: Interrupted):
    newer = services(entry(at="2023-01-01T00:00:00Z"))
    outcome = fold(interrupted(lambda: write(dynamodb, newer)), login())["u"]
    assert (outcome.error_code, outcome.conflicts, outcome.changed) == (None, 1, 0)
    assert read(dynamodb) == key("u") | {"services": newer}


def test_race_lost_to_a_deletion_stores_the_login(dynamodb: Any, interrupted: Interrupted):
    write(dynamodb, services(entry("old")))
    store = interrupted(lambda: dynamodb.put_item(TableName=TABLE, Item=key("u")))
    outcome = fold(store, login())["u"]
    assert (outcome.error_code, outcome.conflicts) == (None, 1)
    assert read(dynamodb, "u") == key("u") | {"services": services(entry())}


def test_conflict_with_its_own_write_is_a_success(dynamodb: Any, interrupted: Interrupted):
    outcome = fold(interrupted(lambda: write(dynamodb, services(entry()))), login())["u"]
    assert (outcome.error_code, outcome.conflicts) == (None, 1)
    assert read(dynamodb) == key("u") | {"services": services(entry())}


@pytest.mark.parametrize(
    "mess",
    [
        {"S": "hand edit"},
        {"NULL": True},
        {"M": {"service_id": {"S": "half"}}},
        entry("t", at="yesterday"),
        {"M": {"service_id": {"N": "7"}, "service_name": {"S": "S"}, "last_accessed": {"S": ""}}},
    ],
)
def test_unreadable_entry_is_kept(dynamodb: Any, store: UserRecordStore, mess: dict[str, Any]):
    dynamodb.put_item(TableName=TABLE, Item=key("u") | {"services": services(mess, entry("old"))})
    assert fold(store, login(seconds=1))["u"].error_code is None
    stored = services(entry("mail", at="2022-08-04T08:50:40Z"), entry("old"), mess)
    assert read(dynamodb) == key("u") | {"services": stored}


def test_services_that_are_no_list_are_kept_as_an_entry(dynamodb: Any, store: UserRecordStore):
    dynamodb.put_item(TableName=TABLE, Item=key("u") | {"services": {"S": "text"}})
    fold(store, login())
    assert read(dynamodb) == key("u") | {"services": services(entry(), {"S": "text"})}


@pytest.mark.differs(moto="it adds what is replaced to what replaces it")
def test_full_record_stores_the_newest_logins_that_fit_and_returns_the_rest(dynamodb: Any, store: UserRecordStore):
    fold(store, *[login(f"s{i:04}", service_name="x" * 256) for i in range(1200)])
    many = [login(f"t{i:04}", seconds=i, service_name="x" * 256) for i in range(200)]
    outcome = fold(store, *many)["u"]
    item = read(dynamodb)
    assert item is not None
    kept = [stored["M"]["service_id"]["S"] for stored in item["services"]["L"]]
    assert (outcome.error_code, len(kept)) == (None, 1200 + outcome.changed)
    assert kept[: outcome.changed] == [event.service_id for event in reversed(many)][: outcome.changed]
    assert {event.service_id for event in outcome.outgrown} == {event.service_id for event in many} - set(kept)
    assert 0 < outcome.changed < 200
    assert ITEM_BYTES_MAX - 400 < outcome.item_bytes <= ITEM_BYTES_MAX
    known, new = (login(service, seconds=900, service_name="x" * 256) for service in ("s0000", "new"))
    outcome = fold(store, new, known)["u"]
    assert (outcome.error_code, outcome.changed, outcome.outgrown) == (None, 1, (new,))
