"""Segment documents, as services and SDKs send them."""

import json
from typing import Any

TRACE_ID = "1-695b0f00-0123456789abcdef01234567"
START = 1_767_225_600  # 2026-01-01T00:00:00Z


def span_id(number: int) -> str:
    return f"{number:016x}"


def segment(number: int = 1, trace: str = TRACE_ID, **more: Any) -> dict[str, Any]:
    """A complete segment; its number is its ID."""
    return {
        "id": span_id(number),
        "name": "service",
        "start_time": START,
        "end_time": START + 1,
        "trace_id": trace,
    } | more


def subsegment(number: int, parent: int, trace: str = TRACE_ID, **more: Any) -> dict[str, Any]:
    """A subsegment that was sent by itself."""
    return segment(number, trace, type="subsegment", parent_id=span_id(parent), **more)


def datagram(document: object) -> bytes:
    """What the SDK sends to the daemon."""
    return b'{"format":"json","version":1}\n' + json.dumps(document).encode()


def request(trace: str = TRACE_ID, *, seconds: float = 1, at: float = START, status: int = 200) -> list[dict[str, Any]]:
    """A request through API Gateway, Lambda and a function to a table, as the daemon and the services send it."""
    end = at + seconds
    times = {"start_time": at, "end_time": end}
    http = {"request": {"url": "https://api/v1/x", "method": "GET"}, "response": {"status": status}}
    call = {"id": span_id(2), "name": "Lambda", "namespace": "aws", **times}
    table = {"id": span_id(7), "name": "dynamodb", "namespace": "aws", **times}
    return [
        subsegment(
            6, 5, trace, name="## query", annotations={"stack": "dev", "size": 3}, subsegments=[
                table | {"aws": {"operation": "GetItem", "table_name": "users"}}
            ], **times,
        ),
        segment(
            1, trace, name="api/v1", origin="AWS::ApiGateway::Stage", http=http, subsegments=[call], **times,
        ),
        segment(3, trace, name="query", origin="AWS::Lambda", parent_id=span_id(2), **times),
        segment(
            4, trace, name="query", origin="AWS::Lambda::Function", parent_id=span_id(3), **times,
            subsegments=[{"id": span_id(5), "name": "Invocation", **times}],
        ),
    ]  # fmt: skip
