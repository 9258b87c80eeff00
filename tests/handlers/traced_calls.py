"""Make the store's calls in traces, in a process like Lambda's: one run for each pair after the table.

python -m tests.handlers.traced_calls TABLE [ours|theirs|defective TRACE-HEADER]...

Nothing here may load botocore's client before a call that fails does.
"""

import os
import sys
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
from botocore.exceptions import BotoCoreError, ClientError

from handlers import call_traces
from handlers.clients import Session, make_client
from handlers.dynamodb_requests import make_dynamodb_client
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry
from tests.fakes.events import fold, login_event

# Six, and then a read and three writes of a batch.
CALLS = 10


def run(client: Any, table: str, telemetry: Telemetry, user_id: str) -> None:
    """Make CALLS calls about new users, each under a span but those of a batch."""
    key = {"user_id": {"S": user_id}}
    telemetry.trace_calls_of(client)
    calls = [
        lambda: client.get_item(TableName=table, Key=key),
        lambda: client.batch_get_item(RequestItems={table: {"Keys": [key]}}),
        lambda: client.update_item(
            TableName=table,
            Key=key,
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
    events = [login_event(user_id=f"{user_id} {number}") for number in range(3)]
    with telemetry.span("batch"):
        fold(UserRecordStore(client, table, carry=telemetry.carry), *events)
    client.close()


def client_of(which: str, table: str) -> Any:
    if which == "theirs":
        return make_client(Session(), "dynamodb", read_timeout_seconds=60)
    return make_dynamodb_client(Session(), table, read_timeout_seconds=60)


def main(table: str, *arguments: str) -> None:
    # No backoff takes time.
    botocore.endpoint.time = SimpleNamespace(sleep=lambda _: None)  # pyrefly: ignore[missing-attribute]
    telemetry = Telemetry("traced", "dev", "1")
    # The first call that fails loads it, and it is traced from then on.
    assert "botocore.client" not in sys.modules
    for which, trace in zip(arguments[::2], arguments[1::2], strict=True):
        os.environ["_X_AMZN_TRACE_ID"] = trace
        if which == "defective":
            # Calls that botocore ends begin when botocore takes over, and the SDK's fields are missing.
            call_traces.SdkCallTrace.resume = lambda self: None
            call_traces.aws_meta_processor = lambda *_: None  # pyrefly: ignore[bad-assignment]
        run(client_of(which, table), table, telemetry, user_id=trace)


if __name__ == "__main__":
    main(*sys.argv[1:])
