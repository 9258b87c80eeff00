"""Login events, and the SQS events that carry them."""

from datetime import UTC, datetime
from typing import Any

from simulation.lambda_events import INVOCATION_SECONDS, sqs_record

NOW = datetime(2022, 8, 4, 12, tzinfo=UTC)
"""When a batch is handled: 1.5 s after its records were sent."""
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def login(user_id="u", service_id="mail", service_name="Mail", timestamp="2022-08-04T08:50:39Z", **more: Any) -> dict:
    return {"user_id": user_id, "service_id": service_id, "service_name": service_name, "timestamp": timestamp, **more}


def sqs_event(*bodies: Any, receive_count: int = 1) -> dict[str, Any]:
    numbered = enumerate(bodies, start=1)
    return {"Records": [sqs_record(body, f"m-{number}", receive_count=receive_count) for number, body in numbered]}


def plenty() -> float:
    """Seconds that remain of an invocation with time to spare."""
    return INVOCATION_SECONDS
