"""An invocation that succeeded, as the embedded cloud tells its lines."""

from typing import Any

from localcloud.observatory.platform_lines import Invocation

STARTED = 1_790_000_000.0


def invocation(**changes: Any) -> Invocation:
    values: dict[str, Any] = {
        "request_id": "r",
        "function": "f",
        "function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:f:live",
        "version": "3",
        "runtime": "python3.13",
        "started": STARTED,
        "seconds": 0.0123456,
        "status": "success",
        "memory_mb": 256,
        "peak_mb": 48,
    }
    return Invocation(**values | changes)
