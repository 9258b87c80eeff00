"""The requests that the store sends to a table."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.aws import TABLE, entry, key


def services(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"L": list(entries)}


def write(
    client: Any,
    new: dict[str, Any],
    *,
    old: dict[str, Any] | None = None,
    user_id: str = "u",
    returns: str = "ALL_OLD",
) -> None:
    """Set the services if they are `old`, or if there are none."""
    values = {":new": new} if old is None else {":new": new, ":old": old}
    client.update_item(
        TableName=TABLE,
        Key=key(user_id),
        UpdateExpression="SET #services = :new",
        ConditionExpression="attribute_not_exists(#services)" if old is None else "#services = :old",
        ExpressionAttributeNames={"#services": "services"},
        ExpressionAttributeValues=values,
        ReturnValuesOnConditionCheckFailure=returns,
    )


def read(client: Any, user_id: str = "u") -> dict[str, Any] | None:
    return client.get_item(TableName=TABLE, Key=key(user_id), ConsistentRead=True).get("Item")


def read_batch(client: Any, *user_ids: str) -> dict[str, Any]:
    return client.batch_get_item(RequestItems={TABLE: {"Keys": [key(user_id) for user_id in user_ids]}})


def refusal(code: str, call: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    """The response in the error that the call must raise, which has this code."""
    with pytest.raises(ClientError) as refused:
        call(*arguments, **named)
    response: Any = refused.value.response
    assert response["Error"]["Code"] == code, response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response


def item_of(total_bytes: int) -> dict[str, Any]:
    """A list of one service that makes the item of user `u` exactly this large, by the sizes AWS publishes."""
    # user_id 7 + 1, services 8 + 3, an element 1, its map 3, three pairs 3, their names 10 + 12 + 13, values 5 + 20.
    return services(entry("large", "x" * (total_bytes - 86)))
