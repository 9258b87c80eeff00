"""Login events, and the SQS events that carry them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.logins import LoginEvent
from handlers.store import Change, UserRecordStore, WriteOutcome
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


def login_event(service_id="mail", *, user_id="u", seconds: float = 0, service_name="Mail") -> LoginEvent:
    """The decoded form of `login`, with another time."""
    at = datetime(2022, 8, 4, 8, 50, 39, tzinfo=UTC) + timedelta(seconds=seconds)
    return LoginEvent(user_id=user_id, service_id=service_id, service_name=service_name, occurred_at=at)


def fold(
    store: UserRecordStore, *events: LoginEvent, remaining: Callable[[], float] = plenty
) -> dict[str, WriteOutcome]:
    """Read and write as a batch does."""
    by_user: dict[str, list[LoginEvent]] = {}
    for event in events:
        by_user.setdefault(event.user_id, []).append(event)
    read = store.read(by_user, remaining)
    assert not read.error_codes
    return store.write([Change(stored=read.records[user], events=by_user[user]) for user in by_user], remaining)
