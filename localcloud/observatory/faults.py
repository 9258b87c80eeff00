"""The faults that a drill injects where requests of the embedded cloud arrive: what AWS does when it is in trouble."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong now; the defaults are a cloud without a fault."""

    throttled: tuple[str, ...] = ()
    """The operations that DynamoDB rejects because a table exceeds its maximum throughput."""
    table_delay_seconds: float = 0.0
    """How much longer DynamoDB takes for each request to a table."""
    unreachable: tuple[str, ...] = ()
    """The endpoints of subscribers that accept no message."""
    token_endpoint_fails: bool = False
    """Whether Cognito answers each request for a token with 503, and with no token."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Faults":
        """The faults that a request describes; ValueError or TypeError for anything else."""
        found: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        faults = cls(**found)
        texts = (*faults.throttled, *faults.unreachable)
        is_known = all(isinstance(text, str) for text in texts) and isinstance(faults.token_endpoint_fails, bool)
        if not is_known or not 0 <= float(faults.table_delay_seconds) < 60:
            raise ValueError("not a fault")
        return faults

    def to_json(self) -> bytes:
        """The request that describes these faults."""
        return json.dumps(asdict(self)).encode()


def throttled_answer(operation: str, request: Mapping[str, Any], *, is_read: bool) -> tuple[int, dict[str, str], bytes]:
    """DynamoDB's response when a table exceeds the maximum throughput that is configured for it.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html
    """
    names = request.get("RequestItems") or [request.get("TableName")]
    reason = f"Table{'Read' if is_read else 'Write'}MaxOnDemandThroughputExceeded"
    document = {
        "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
        "message": f"{operation} exceeds the maximum throughput that is configured for the table.",
        # A lower-case letter in this exception only.
        "throttlingReasons": [{"reason": reason, "resource": str(name)} for name in names],
    }
    return 400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(document).encode()
