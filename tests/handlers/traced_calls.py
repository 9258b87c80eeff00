"""Make the store's calls in a trace, with the functions' client or with botocore's alone, in a process like Lambda's.

python -m tests.handlers.traced_calls ours|botocore TABLE

Only a call that fails may load botocore's client, so nothing else here may.
"""

import os
import sys
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.clients import Session, make_client
from handlers.dynamodb_requests import make_dynamodb_client
from handlers.telemetry import Telemetry

KEY = {"user_id": {"S": "u"}}


def main(which: str, table: str) -> None:
    """One subsegment for each call, under a span of its number."""
    client: Any
    if which == "ours":
        client = make_dynamodb_client(Session(), table, read_timeout_seconds=1)
        # Outside Lambda, importing the SDK loads it.
        assert "LAMBDA_TASK_ROOT" not in os.environ or "botocore.client" not in sys.modules
    else:
        client = make_client(Session(), "dynamodb", read_timeout_seconds=1)
    telemetry = Telemetry("traced", "dev", "1")
    telemetry.trace_calls_of(client)
    calls = [
        lambda: client.get_item(TableName=table, Key=KEY),
        lambda: client.batch_get_item(RequestItems={table: {"Keys": [KEY]}}),
        lambda: client.update_item(
            TableName=table,
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
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
