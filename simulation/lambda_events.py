"""What Lambda hands to the functions: the context of an invocation, and the records of an SQS event."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

INVOCATION_SECONDS = 900.0
"""What an invocation has left unless a caller says otherwise: Lambda's maximum, so that no slow machine reaches it."""
SENT_AT = "1659614398500"
"""2022-08-04T11:59:58.500Z, in milliseconds."""


@dataclass(kw_only=True)
class LambdaContext:
    """The part of an invocation's context that handlers and Powertools read."""

    function_name: str = "event-handler"
    function_version: str = "1"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "request-1"
    remaining_seconds: Callable[[], float] = lambda: INVOCATION_SECONDS

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN, in an account that does not exist."""
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation may still take."""
        return int(self.remaining_seconds() * 1000)


def sqs_record(
    body: Any, message_id: str = "m-1", *, receive_count: int = 1, sent_at: str = SENT_AT, **more: Any
) -> dict[str, Any]:
    """One record of an SQS event; a body that is no text is sent as JSON, and `more` replaces whole fields."""
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(receive_count), "SentTimestamp": sent_at},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:events",
        "awsRegion": "eu-west-1",
    } | more
