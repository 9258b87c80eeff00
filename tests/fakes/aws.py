"""What tests need of a stand-in for AWS: a session to make clients with, and the table."""

import functools
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
