"""What tests need of a stand-in for AWS: a session to make clients with, the table's form, and a queue's messages."""

import functools
from collections.abc import Iterator
from typing import Any

import boto3

TABLE = "records"


@functools.cache
def session() -> boto3.Session:
    """The one session of all tests: loading its service models takes longer than most tests."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1")


def create_table(client: Any, name: str = TABLE) -> None:
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def key(user_id: str) -> dict[str, Any]:
    return {"user_id": {"S": user_id}}


def entry(service_id: str = "mail", service_name: str = "Mail", at: str = "2022-08-04T08:50:39Z") -> dict[str, Any]:
    """A service as it is stored in the list of a user's services."""
    return {"M": {"service_id": {"S": service_id}, "service_name": {"S": service_name}, "last_accessed": {"S": at}}}


def services_in(item: dict[str, Any]) -> list[dict[str, str]]:
    """The services in an item, which can be empty."""
    entries = item.get("services", {"L": []})["L"]
    return [{name: value["S"] for name, value in service["M"].items()} for service in entries]


def messages_in(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    """Receive every visible message of a queue, with all attributes."""
    everything = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **everything).get("Messages"):
        yield from found
