"""Compare-and-set loses nothing, reads come back whole or with a reason, and a full item refuses only what grows it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from handlers.logins import LoginEvent, merge
from handlers.store import ATTEMPTS, Change, UserRecordStore
from handlers.stored import ITEM_BYTES_MAX, StoredRecord
from tests.handlers.support import NOW, TABLE, BlindStore, Calls, OneAtATime, plenty, services_of


def event(service_id="mail", user_id="u", seconds=0, service_name="Mail"):
    return LoginEvent(
        user_id=user_id,
        service_id=service_id,
        service_name=service_name,
        occurred_at=NOW - timedelta(hours=1) + timedelta(seconds=seconds),
    )


def put(store, *events, remaining=plenty):
    """Read and write as a batch does."""
    by_user = {}
    for one in events:
        by_user.setdefault(one.user_id, []).append(one)
    read = store.read(by_user, remaining)
    assert not read.error_codes
    return store.write([Change(stored=read.records[user], events=by_user[user]) for user in by_user], remaining)


def test_a_new_user_is_stored_in_exactly_the_agreed_shape(store, dynamodb):
    outcome = put(store, event(service_name="M\u00e9l"))["u"]
    assert dynamodb.scan(TableName=TABLE)["Items"] == [
        {
            "user_id": {"S": "u"},
            "services": {
                "L": [
                    {
                        "M": {
                            "service_id": {"S": "mail"},
                            "service_name": {"S": "M\u00e9l"},
                            "last_accessed": {"S": "2022-08-04T11:00:00Z"},
                        }
                    }
                ]
            },
        }
    ]
    assert (outcome.error_code, outcome.changed, outcome.conflicts) == (None, 1, 0)


def test_what_changes_nothing_writes_nothing(store, calls):
    put(store, event(seconds=1))
    before = calls.count("UpdateItem")
    outcome = put(store, event(seconds=1), event(seconds=0))["u"]
    assert calls.count("UpdateItem") == before
    assert (outcome.error_code, outcome.changed) == (None, 0)


def test_a_batch_costs_one_read_and_one_write_per_user(store, calls):
    put(store, *[event(user_id=f"u{i % 5}", service_id=f"s{i}") for i in range(20)])
    assert (calls.count("BatchGetItem"), calls.count("UpdateItem")) == (1, 5)


def test_more_users_than_one_read_takes(store, dynamodb, calls):
    outcomes = put(store, *[event(user_id=f"u{i}") for i in range(101)])
    assert {outcome.error_code for outcome in outcomes.values()} == {None}
    assert calls.count("BatchGetItem") == 2
    assert dynamodb.scan(TableName=TABLE, Select="COUNT")["Count"] == 101


def _race(store_class, dynamodb, new_dynamodb, existing):
    """Let another writer in between the read and the write."""
    other = UserRecordStore(new_dynamodb(), TABLE)
    if existing:
        put(other, event("old"))
    Calls(dynamodb).first("UpdateItem", lambda _: put(other, event("wiki", seconds=5)) and None)
    store = store_class(dynamodb, TABLE, sleep=lambda _: None)
    return put(store, event("mail"))["u"], set(services_of(dynamodb))


@pytest.mark.parametrize("existing", [False, True], ids=["new-user", "known-user"])
def test_a_lost_race_loses_no_login(dynamodb, new_dynamodb, existing):
    outcome, services = _race(UserRecordStore, dynamodb, new_dynamodb, existing)
    assert {"mail", "wiki"} <= services
    assert (outcome.error_code, outcome.conflicts, outcome.changed) == (None, 1, 1)


@pytest.mark.parametrize("existing", [False, True], ids=["new-user", "known-user"])
def test_control_a_blind_write_loses_one(dynamodb, new_dynamodb, existing):
    _, services = _race(BlindStore, dynamodb, new_dynamodb, existing)
    assert "wiki" not in services


def test_a_lost_race_is_merged_with_what_came_back_and_not_read_again(store, calls, new_dynamodb):
    other = UserRecordStore(new_dynamodb(), TABLE)
    calls.first("UpdateItem", lambda _: put(other, event("wiki")) and None)
    put(store, event("mail"))
    assert (calls.count("BatchGetItem"), calls.count("UpdateItem")) == (1, 2)
    assert calls.requests[-1][1]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_two_writers_at_once_lose_nothing(new_dynamodb):
    outcomes = []

    def write(writer):
        client: Any = OneAtATime(new_dynamodb())
        store = UserRecordStore(client, TABLE, sleep=lambda _: None)
        for i in range(25):
            while (outcome := put(store, event(f"{writer}-{i}"))["u"]).error_code:
                pass
            outcomes.append(outcome)

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(services_of(new_dynamodb())) == {f"{writer}-{i}" for writer in "ab" for i in range(25)}
    assert len(outcomes) == 50


def test_conflicts_are_retried_a_bounded_number_of_times(store, calls, sleeps):
    calls.fail("UpdateItem", "ConditionalCheckFailedException")
    outcome = put(store, event())["u"]
    assert (outcome.error_code, outcome.conflicts) == ("write_conflicts", ATTEMPTS)
    assert calls.count("UpdateItem") == ATTEMPTS
    assert len(sleeps) == ATTEMPTS // 2 - 1  # every other attempt uses what came back while it is fresh
    assert sleeps == sorted(sleeps)
    assert max(sleeps) <= 0.25


def test_conflicts_are_not_retried_beyond_the_invocation(store, calls, sleeps):
    calls.fail("UpdateItem", "ConditionalCheckFailedException")
    outcome = put(store, event(), remaining=lambda: 0.51 if calls.count("UpdateItem") else 9.0)["u"]
    assert outcome.error_code == "out_of_time"
    assert calls.count("UpdateItem") == 2  # one more at once, then a wait that would be too long
    assert sleeps == []


def test_a_write_that_hangs_is_reported_as_failed_and_not_waited_for(store, calls):
    release = threading.Event()
    calls.first("UpdateItem", lambda _: release.wait() and None)
    try:
        outcome = put(store, event(), remaining=lambda: 0.6)["u"]
        assert outcome.error_code == "out_of_time"
    finally:
        release.set()


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "AccessDenied"])
def test_a_refused_write_fails_with_the_service_s_code(store, dynamodb, calls, code):
    calls.fail("UpdateItem", code)
    assert put(store, event())["u"].error_code == code
    assert services_of(dynamodb) == {}


def test_one_user_s_failure_leaves_the_others_alone(store, dynamodb, calls):
    def refuse_one(request):
        if request["Key"]["user_id"]["S"] == "bad":
            raise RuntimeError("a defect")

    calls.first("UpdateItem", refuse_one, times=3)
    outcomes = put(store, event(user_id="a"), event(user_id="bad"), event(user_id="c"))
    assert {user: outcome.error_code for user, outcome in outcomes.items()} == {
        "a": None,
        "bad": "RuntimeError",
        "c": None,
    }
    assert services_of(dynamodb, "a")
    assert services_of(dynamodb, "c")


def test_a_write_whose_reply_was_lost_is_failed_and_harmless_to_repeat(store, dynamodb, calls):
    calls.lose_reply("UpdateItem", lost := ReadTimeoutError(endpoint_url="dynamodb"))
    assert put(store, event())["u"].error_code == type(lost).__name__
    landed = services_of(dynamodb)
    assert landed
    outcome = put(store, event())["u"]
    assert (outcome.error_code, outcome.changed) == (None, 0)
    assert services_of(dynamodb) == landed


def test_a_conflict_with_one_s_own_write_is_a_success(store, dynamodb, new_dynamodb, calls):
    # The client repeats a write whose reply was lost; the repetition meets what the first one stored.
    calls.first("UpdateItem", lambda request: new_dynamodb().update_item(**request) and None)
    outcome = put(store, event())["u"]
    assert (outcome.error_code, outcome.conflicts) == (None, 1)
    assert set(services_of(dynamodb)) == {"mail"}


@pytest.mark.parametrize(("batch", "operation"), [(True, "BatchGetItem"), (False, "GetItem")])
def test_a_warm_up_is_one_read_whose_failure_is_ignored(store, calls, batch, operation):
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


def test_keys_that_stay_unprocessed_fail_and_are_never_taken_for_new_users(store, calls):
    put(store, event(user_id="a"))

    def only_a(request):
        keys = [key for key in request["RequestItems"][TABLE]["Keys"] if key["user_id"]["S"] != "a"]
        found = [{"user_id": {"S": "a"}}] if len(keys) < len(request["RequestItems"][TABLE]["Keys"]) else []
        return {"Responses": {TABLE: found}, "UnprocessedKeys": {TABLE: {"Keys": keys}}}

    calls.answer("BatchGetItem", only_a)
    read = store.read(["a", "b"], plenty)
    assert read.error_codes == {"b": "read_unprocessed"}
    assert set(read.records) == {"a"}


def test_a_refused_read_fails_every_user_of_it(store, calls):
    calls.fail("BatchGetItem", "ThrottlingException", times=1)
    read = store.read([f"u{i}" for i in range(101)], plenty)
    assert len(read.error_codes) == 100
    assert list(read.records) == ["u100"]


def entry(service_id="s", name="S", at="2022-08-04T08:50:39Z"):
    return {"M": {"service_id": {"S": service_id}, "service_name": {"S": name}, "last_accessed": {"S": at}}}


MALFORMED = [
    {"L": [entry(), {"S": "hand edit"}]},
    {"L": [entry(), entry("t", at="yesterday")]},
    {"L": [entry(), {"M": {"service_id": {"S": "t"}}}]},
    {"L": [entry(), {"M": {"service_id": {"N": "7"}, "service_name": {"S": "S"}, "last_accessed": {"S": ""}}}]},
    {"L": [entry(), {"NULL": True}]},
    {"L": [entry(), entry(at="2021-01-01T00:00:00Z")]},
]


@pytest.mark.parametrize("services", MALFORMED)
def test_a_malformed_record_is_read_as_far_as_it_can_be(services):
    stored = StoredRecord.of("u", {"services": services})
    assert [service.service_id for service in stored.record.services] == ["s"]
    assert stored.malformed


@pytest.mark.parametrize("services", [{"S": "text"}, {"M": {}}, {"SS": ["a"]}, {"NULL": True}])
def test_a_record_that_is_no_list_is_empty_and_malformed(services):
    stored = StoredRecord.of("u", {"services": services})
    assert stored.record.services == ()
    assert stored.malformed


@pytest.mark.parametrize("item", [None, {}, {"services": {"L": []}}, {"services": {"L": [entry(), entry("t")]}}])
def test_control_a_well_formed_record_is_not_malformed(item):
    assert not StoredRecord.of("u", item).malformed


@pytest.mark.parametrize("services", [*MALFORMED[:5], {"S": "text"}])
def test_what_cannot_be_read_is_written_back_untouched(store, dynamodb, services):
    dynamodb.put_item(TableName=TABLE, Item={"user_id": {"S": "u"}, "services": services})
    assert put(store, event())["u"].error_code is None
    written = dynamodb.get_item(TableName=TABLE, Key={"user_id": {"S": "u"}})["Item"]["services"]["L"]
    assert written[-1] == (services["L"][-1] if "L" in services else services)
    assert StoredRecord.of("u", {"services": {"L": written}}).record.services[0].service_id == "mail"


def test_an_item_takes_the_newest_that_fit_and_gives_back_the_rest(store, dynamodb):
    outcome = put(store, *[event(f"s{i}", seconds=i, service_name="x" * 256) for i in range(3000)])["u"]
    services = services_of(dynamodb)
    assert outcome.error_code is None
    assert len(services) == outcome.changed == 3000 - len(outcome.outgrown)
    assert set(services) == {f"s{i}" for i in range(len(outcome.outgrown), 3000)}
    assert ITEM_BYTES_MAX - 400 < outcome.item_bytes <= ITEM_BYTES_MAX


def test_a_full_item_still_takes_logins_in_known_services(dynamodb, calls):
    filler = merge(StoredRecord.of("u", None).record, [event(f"s{i:04}", service_name="x" * 256) for i in range(1268)])
    assert filler is not None
    stored = StoredRecord(record=filler, services={"L": []})
    assert ITEM_BYTES_MAX - 400 < stored.bytes_with(filler) <= ITEM_BYTES_MAX
    calls.answer("UpdateItem", lambda _: {})
    known, new = event("s0007", seconds=5, service_name="x" * 256), event("new", seconds=9, service_name="x" * 256)
    outcome = UserRecordStore(dynamodb, TABLE).write([Change(stored=stored, events=[new, known])], plenty)["u"]
    assert (outcome.error_code, outcome.changed, outcome.outgrown) == (None, 1, (new,))


def test_an_item_the_service_calls_too_large_is_given_back(store, calls):
    calls.fail("UpdateItem", "ValidationException", message="Item size to update has exceeded the maximum allowed size")
    outcome = put(store, event())["u"]
    assert (outcome.error_code, outcome.changed, outcome.outgrown) == (None, 0, (event(),))


def test_control_another_refusal_gives_nothing_back(store, calls):
    calls.fail("UpdateItem", "ValidationException", message="The provided expression is invalid")
    outcome = put(store, event())["u"]
    assert (outcome.error_code, outcome.outgrown) == ("ValidationException", ())


def test_the_size_of_an_item_is_the_published_one():
    stored = StoredRecord.of("u\u00e9", None)
    record = merge(stored.record, [LoginEvent(user_id="u\u00e9", service_id="ab", service_name="c", occurred_at=NOW)])
    assert record is not None
    # user_id 7+3, services 8+3, element 1, map 3 and 3 pairs 3, names 10+12+13, values 2+1+20.
    assert stored.bytes_with(record) == 10 + 11 + 1 + 3 + 3 + 35 + 23
