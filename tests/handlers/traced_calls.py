"""Make the store's calls in a trace, with the functions' client or with botocore's alone, in a process like Lambda's.

python -m tests.handlers.traced_calls ours|botocore
"""

import sys
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.clients import Session, make_client
from handlers.dynamodb_requests import make_dynamodb_client
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry
from tests.fakes.aws import TABLE
from tests.fakes.events import fold, login_event

KEY = {"user_id": {"S": "u"}}


def main(which: str) -> None:
    """One subsegment for each call, under a span of its number; then a batch of three users."""
    client: Any
    if which == "ours":
        client = make_dynamodb_client(Session(), TABLE, read_timeout_seconds=1)
    else:
        client = make_client(Session(), "dynamodb", read_timeout_seconds=1)
    telemetry = Telemetry("traced", "dev", "1")
    telemetry.trace_calls_of(client)
    calls = [
        lambda: client.get_item(TableName=TABLE, Key=KEY),
        lambda: client.batch_get_item(RequestItems={TABLE: {"Keys": [KEY]}}),
        lambda: client.update_item(
            TableName=TABLE,
            Key=KEY,
            UpdateExpression="SET #services = :new",
            ConditionExpression="attribute_not_exists(#services)",
            ExpressionAttributeNames={"#services": "services"},
            ExpressionAttributeValues={":new": {"L": []}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        ),
    ]
    # The last three meet a lost race and the faults of the test.
    for number, call in enumerate([*calls, calls[2], calls[0], calls[0]]):
        with telemetry.span(f"call {number}"), suppress(ClientError, BotoCoreError):
            telemetry.carry(call)()
    with telemetry.span("batch"):
        fold(UserRecordStore(client, TABLE, carry=telemetry.carry), *(login_event(user_id=f"u{n}") for n in range(3)))
    client.close()


if __name__ == "__main__":
    main(sys.argv[1])
