"""Conflicts and reads end within their limits, and records of any content can be read.

What the store writes is shown in tests/stand_ins/test_store.py, on every stand-in for DynamoDB.
"""

import threading

import pytest

from handlers.logins import merge
from handlers.store import ATTEMPTS, UserRecordStore
from handlers.stored import StoredRecord
from tests.fakes.aws import TABLE, entry
from tests.fakes.events import fold as put
from tests.fakes.events import login_event as event
from tests.fakes.events import plenty


def test_lost_race_is_merged_with_the_returned_item_without_reading_again(store, calls, new_dynamodb):
    other = UserRecordStore(new_dynamodb(), TABLE)
    calls.first("UpdateItem", lambda _: put(other, event("wiki")) and None)
    put(store, event("mail"))
    assert (calls.count("BatchGetItem"), calls.count("UpdateItem")) == (1, 2)
    assert calls.requests[-1][1]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_conflicts_are_retried_a_bounded_number_of_times(store, calls, sleeps):
    calls.fail("UpdateItem", "ConditionalCheckFailedException")
    outcome = put(store, event())["u"]
    assert (outcome.error_code, outcome.conflicts) == ("write_conflicts", ATTEMPTS)
    assert calls.count("UpdateItem") == ATTEMPTS
    assert len(sleeps) == ATTEMPTS // 2 - 1  # every other attempt uses the returned item immediately
    assert sleeps == sorted(sleeps)
    assert max(sleeps) <= 0.25


def test_conflicts_are_not_retried_after_the_invocation_ends(store, calls, sleeps):
    calls.fail("UpdateItem", "ConditionalCheckFailedException")
    outcome = put(store, event(), remaining=lambda: 0.51 if calls.count("UpdateItem") else 9.0)["u"]
    assert outcome.error_code == "out_of_time"
    assert calls.count("UpdateItem") == 2  # one immediate attempt, then a wait that would be too long
    assert sleeps == []


def test_hanging_write_is_reported_as_failed_without_waiting(store, calls):
    release = threading.Event()
    calls.first("UpdateItem", lambda _: release.wait() and None)
    try:
        outcome = put(store, event(), remaining=lambda: 0.6)["u"]
        assert outcome.error_code == "out_of_time"
    finally:
        release.set()


@pytest.mark.parametrize(("batch", "operation"), [(True, "BatchGetItem"), (False, "GetItem")])
def test_warm_up_is_one_read_whose_failure_is_ignored(store, calls, batch, operation):
    calls.fail(operation, "AccessDeniedException", times=1)
    store.warm_up(batch=batch)
    assert [name for name, _ in calls.requests] == [operation]


def test_unprocessed_keys_are_read_again(store, dynamodb, calls, sleeps):
    put(store, event(user_id="a"), event(user_id="b"))
    calls.answer("BatchGetItem", lambda r: {"Responses": {}, "UnprocessedKeys": r["RequestItems"]}, times=2)
    read = store.read(["a", "b", "nobody"], plenty)
    assert not read.error_codes
    assert [len(read.records[user].record.services) for user in ("a", "b", "nobody")] == [1, 1, 0]
    assert len(sleeps) == 2


def test_keys_that_stay_unprocessed_fail_and_are_not_treated_as_new_users(store, calls):
    put(store, event(user_id="a"))

    def only_a(request):
        keys = [key for key in request["RequestItems"][TABLE]["Keys"] if key["user_id"]["S"] != "a"]
        found = [{"user_id": {"S": "a"}}] if len(keys) < len(request["RequestItems"][TABLE]["Keys"]) else []
        return {"Responses": {TABLE: found}, "UnprocessedKeys": {TABLE: {"Keys": keys}}}

    calls.answer("BatchGetItem", only_a)
    read = store.read(["a", "b"], plenty)
    assert read.error_codes == {"b": "read_unprocessed"}
    assert set(read.records) == {"a"}


DAMAGED = [
    {"L": [entry(), {"S": "hand edit"}]},
    {"L": [entry(), entry("t", at="yesterday")]},
    {"L": [entry(), {"M": {"service_id": {"S": "t"}}}]},
    {"L": [entry(), {"M": entry("t")["M"] | {"service_id": {"N": "7"}}}]},
    {"L": [entry(), {"NULL": True}]},
]
NO_LISTS = [{"S": "text"}, {"M": {}}, {"SS": ["a"]}, {"NULL": True}]


@pytest.mark.parametrize(
    ("services", "ids"), [(services, ["mail"]) for services in DAMAGED] + [(services, []) for services in NO_LISTS]
)
def test_readable_part_of_a_damaged_record_is_read(services, ids):
    stored = StoredRecord.of("u", {"services": services})
    assert [service.service_id for service in stored.record.services] == ids
    assert stored.is_partial


def test_item_without_services_is_partial_until_the_next_login(store, dynamodb):
    assert StoredRecord.of("u", {"user_id": {"S": "u"}}).is_partial
    dynamodb.put_item(TableName=TABLE, Item={"user_id": {"S": "u"}})
    assert put(store, event())["u"].error_code is None
    assert not store.get("u").is_partial


COMPLETE = [
    None,
    {"services": {"L": []}},
    {"services": {"L": [entry(), entry("t")]}},
    {"services": {"L": [entry(), entry(at="2021-01-01T00:00:00Z")]}},  # the newest login is read
]


@pytest.mark.parametrize("item", COMPLETE)
def test_control_complete_record_is_not_partial(item):
    assert not StoredRecord.of("u", item).is_partial


def test_control_other_errors_return_no_login(store, calls):
    calls.fail("UpdateItem", "ValidationException", message="The provided expression is invalid")
    outcome = put(store, event())["u"]
    assert (outcome.error_code, outcome.outgrown) == ("ValidationException", ())


def test_item_size_follows_the_published_rules():
    stored = StoredRecord.of("u\u00e9", None)
    record = merge(stored.record, [event("ab", user_id="u\u00e9", service_name="c")])
    assert record is not None
    # user_id 7+3, services 8+3, element 1, map 3 and 3 pairs 3, names 10+12+13, values 2+1+20.
    assert stored.bytes_with(record) == 10 + 11 + 1 + 3 + 3 + 35 + 23
