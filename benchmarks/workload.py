"""The batches that every function handles, and the initial content of the table.

Measured processes import this module, so it uses only the standard library.
"""

import json
from typing import Any

TABLE = "records"
USERS = 2_000
SERVICES_PER_USER = 8
EVENTS_PER_USER = 1.2

_SENT_AT = "1659600000000"


def users_of(size: int) -> int:
    """The number of users in a batch."""
    return max(1, round(size / EVENTS_PER_USER))


def batch(number: int, size: int, *, users: int | None = None) -> dict[str, Any]:
    """Batch `number`: `size` events of `users` users, newer than all events of earlier batches."""
    users = users or users_of(size)
    first = number * users
    return {"Records": [_record(number, i, f"user-{(first + i % users) % USERS}") for i in range(size)]}


def single(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a batch as separate invocations."""
    return [{"Records": [record]} for record in event["Records"]]


def query(number: int) -> dict[str, Any]:
    """An API request for a user who has a record."""
    return {
        "httpMethod": "GET",
        "resource": "/users/{user_id}/services",
        "pathParameters": {"user_id": f"user-{number % USERS}"},
        "requestContext": {"requestId": f"request-{number}"},
    }


def items() -> list[dict[str, Any]]:
    """The items of the table, in DynamoDB's notation."""
    return [_item(f"user-{user}") for user in range(USERS)]


# Not the record of `simulation.lambda_events`: the measured processes can import this file alone.
def _record(number: int, index: int, user_id: str) -> dict[str, Any]:
    minutes, seconds = divmod(number, 60)
    body = {
        "user_id": user_id,
        "service_id": f"service-{index % SERVICES_PER_USER}",
        "service_name": f"Service number {index % SERVICES_PER_USER}",
        "timestamp": f"2023-01-01T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{index:03}Z",
    }
    return {
        "messageId": f"message-{number}-{index}",
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": _SENT_AT,
            "SenderId": "sender",
            "ApproximateFirstReceiveTimestamp": _SENT_AT,
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:events",
        "awsRegion": "eu-west-1",
    }


def _item(user_id: str) -> dict[str, Any]:
    services = [
        {
            "M": {
                "service_id": {"S": f"service-{index}"},
                "service_name": {"S": f"Service number {index}"},
                "last_accessed": {"S": "2022-08-04T08:50:39Z"},
            }
        }
        for index in range(SERVICES_PER_USER)
    ]
    return {"user_id": {"S": user_id}, "services": {"L": services}}
