"""The behaviour of DynamoDB that the store relies on, as AWS documents it, checked on every stand-in for it."""

from typing import Any

import pytest

from tests.fakes.aws import TABLE, entry, key
from tests.stand_ins.requests import item_of, read, read_batch, refusal, services, write

LOST = "ConditionalCheckFailedException"
ITEM_BYTES_MAX = 400 * 1024


def test_first_write_creates_exactly_the_item(dynamodb: Any):
    write(dynamodb, services(entry()))
    assert read(dynamodb) == key("u") | {"services": services(entry())}


def test_missing_item_is_not_returned(dynamodb: Any):
    assert "Item" not in dynamodb.get_item(TableName=TABLE, Key=key("nobody"))


def test_not_exists_condition_holds_for_an_item_without_the_attribute(dynamodb: Any):
    dynamodb.put_item(TableName=TABLE, Item=key("u") | {"note": {"S": "a hand edit"}})
    write(dynamodb, services(entry()))
    assert read(dynamodb) == key("u") | {"note": {"S": "a hand edit"}, "services": services(entry())}


def test_failed_condition_returns_the_item_and_changes_nothing(dynamodb: Any):
    winner = key("u") | {"services": services(entry("wiki")), "note": {"S": "other"}}
    dynamodb.put_item(TableName=TABLE, Item=winner)
    assert refusal(LOST, write, dynamodb, services(entry())).get("Item") == winner
    assert refusal(LOST, write, dynamodb, services(entry()), old=services(entry("old"))).get("Item") == winner
    assert read(dynamodb) == winner


def test_failed_condition_on_a_missing_item_returns_no_item(dynamodb: Any):
    assert "Item" not in refusal(LOST, write, dynamodb, services(entry()), old=services(entry("old")))
    assert read(dynamodb) is None


def test_failed_condition_returns_no_item_unless_requested(dynamodb: Any):
    write(dynamodb, services(entry()))
    assert "Item" not in refusal(LOST, write, dynamodb, services(), returns="NONE")


@pytest.mark.parametrize(
    "stored",
    [
        services(),
        services(entry()),
        services(entry("a"), entry("b")),
        services(entry("a", "Caf\u00e9 \U0001f4ec"), {"S": "hand edit"}, {"NULL": True}, {"BOOL": False}),
        services({"N": "7"}, {"SS": ["x"]}, {"L": [{"M": {}}]}),
        {"S": "text"},
        {"M": {}},
    ],
)
def test_read_value_satisfies_an_equality_condition(dynamodb: Any, stored: dict[str, Any]):
    dynamodb.put_item(TableName=TABLE, Item=key("u") | {"services": stored})
    item = read(dynamodb)
    assert item is not None
    write(dynamodb, services(entry("new")), old=item["services"])
    assert read(dynamodb) == key("u") | {"services": services(entry("new"))}


@pytest.mark.parametrize(
    "other",
    [
        services(entry("b"), entry("a")),
        services(entry("a")),
        services(entry("a"), entry("b"), entry("b")),
        services(entry("a"), entry("b", "mail")),
        services(entry("a"), {"M": entry("b")["M"] | {"more": {"S": ""}}}),
        services(entry("a"), {"M": {"service_id": {"S": "b"}}}),
        services(),
        {"S": "a"},
        {"NULL": True},
    ],
)
def test_lists_differ_in_any_element_or_order(dynamodb: Any, other: dict[str, Any]):
    stored = services(entry("a"), entry("b"))
    write(dynamodb, stored)
    refusal(LOST, write, dynamodb, services(), old=other)
    assert read(dynamodb) == key("u") | {"services": stored}


def test_order_of_names_in_a_map_is_ignored(dynamodb: Any):
    write(dynamodb, services(entry()))
    write(dynamodb, services(), old=services({"M": dict(reversed(entry()["M"].items()))}))
    assert read(dynamodb) == key("u") | {"services": services()}


@pytest.mark.parametrize("user_id", ["a|b", "\u00e9\U0001f4ec", "a/b%2F c", "x" * 255, "\u00e9" * 255, "'\"\\"])
def test_key_can_be_any_text(dynamodb: Any, user_id: str):
    write(dynamodb, services(entry()), user_id=user_id)
    assert read(dynamodb, user_id) == key(user_id) | {"services": services(entry())}
    assert read_batch(dynamodb, user_id)["Responses"] == {TABLE: [key(user_id) | {"services": services(entry())}]}


@pytest.mark.differs(moto="it takes empty keys in UpdateItem")
def test_empty_key_is_rejected(dynamodb: Any):
    refusal("ValidationException", write, dynamodb, services(), user_id="")


def test_batch_read_returns_existing_items_only(dynamodb: Any):
    for user_id in ("a", "b"):
        write(dynamodb, services(entry(user_id)), user_id=user_id)
    response = read_batch(dynamodb, "nobody", "b", "a")
    assert not response["UnprocessedKeys"]
    found = {item["user_id"]["S"]: item["services"] for item in response["Responses"][TABLE]}
    assert found == {"a": services(entry("a")), "b": services(entry("b"))}
    assert read_batch(dynamodb, "nobody")["Responses"] == {TABLE: []}


def test_batch_read_takes_up_to_100_distinct_keys(dynamodb: Any):
    assert read_batch(dynamodb, *[f"u{i}" for i in range(100)])["Responses"] == {TABLE: []}
    refusal("ValidationException", read_batch, dynamodb, *[f"u{i}" for i in range(101)])
    refusal("ValidationException", read_batch, dynamodb, "a", "b", "a")


@pytest.mark.differs(cloud="its answers have no end")
def test_batch_read_returns_16_megabytes_and_the_rest_as_unprocessed(dynamodb: Any):
    users = [f"{i:02}" for i in range(45)]
    for user_id in users:
        dynamodb.put_item(TableName=TABLE, Item=key(user_id) | {"services": {"S": "x" * 399_000}})
    found: list[str] = []
    pending, answers = users, 0
    while pending:
        response = read_batch(dynamodb, *pending)
        found += [item["user_id"]["S"] for item in response["Responses"][TABLE]]
        left = response["UnprocessedKeys"]
        pending = [item["user_id"]["S"] for item in left[TABLE]["Keys"]] if left else []
        answers += 1
    assert sorted(found) == users
    assert answers == 2


@pytest.mark.parametrize("size", [300_000, 400_000])
def test_item_can_be_large(dynamodb: Any, size: int):
    write(dynamodb, item_of(size))
    assert read(dynamodb) == key("u") | {"services": item_of(size)}


@pytest.mark.differs(moto="it adds what is replaced to what replaces it")
def test_large_item_can_be_replaced(dynamodb: Any):
    write(dynamodb, item_of(300_000))
    write(dynamodb, item_of(300_001), old=item_of(300_000))
    assert read(dynamodb) == key("u") | {"services": item_of(300_001)}


@pytest.mark.differs(moto="its limit is 405 000 bytes", cloud="it counts 14 bytes more")
def test_item_can_have_exactly_400_kilobytes(dynamodb: Any):
    write(dynamodb, item_of(ITEM_BYTES_MAX))
    assert read(dynamodb) == key("u") | {"services": item_of(ITEM_BYTES_MAX)}


def test_item_of_one_byte_more_is_rejected_and_the_old_item_stays(dynamodb: Any):
    write(dynamodb, services(entry()))
    refused = refusal("ValidationException", write, dynamodb, item_of(ITEM_BYTES_MAX + 1), old=services(entry()))
    assert "Item size to update has exceeded the maximum allowed size" in refused["Error"]["Message"]
    assert read(dynamodb) == key("u") | {"services": services(entry())}


def test_unused_value_is_rejected(dynamodb: Any):
    values = {":new": services(), ":old": services()}
    update = {"UpdateExpression": "SET services = :new", "ExpressionAttributeValues": values}
    refusal("ValidationException", dynamodb.update_item, TableName=TABLE, Key=key("u"), **update)


def test_unknown_table_is_not_found(dynamodb: Any):
    refusal("ResourceNotFoundException", dynamodb.get_item, TableName="other", Key=key("u"))
