"""The events of a smoke test: what is sent, what the API must return, and the IDs that the log names."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.errors import OperatorError, count_of
from ops.stack import StackOutputs

Services = list[tuple[str, str]]
"""Services with their last logins."""


def describe(services: Services) -> str:
    """Return services with their last logins as words."""
    return ", ".join(f"{service} at {last_login}" for service, last_login in services) or "no logins"


@dataclass(frozen=True, kw_only=True)
class SentEvents:
    """Events that the queue has accepted."""

    user: str
    message_ids: tuple[str, ...]
    expected: Services
    """What the API must return, newest login first."""
    sent_at: datetime


def send_events(outputs: StackOutputs, user: str) -> SentEvents:
    """Send the logins of the test user; raises OperatorError unless the queue accepts all of them."""
    now = datetime.now(UTC)

    def at(minutes: int) -> str:
        return (now - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def body(service: str, minutes: int) -> str:
        event = {"user_id": user, "service_id": service, "service_name": "Smoke test", "timestamp": at(minutes)}
        return json.dumps(event)

    bodies = [body("mail", 30), body("wiki", 20), body("wiki", 25), body("mail", 10), body("mail", 10)]
    message_ids, codes = _send(outputs, bodies)
    if codes:
        raise OperatorError(f"The queue did not accept {count_of(len(codes), len(bodies), 'event')}: {codes[0]}.")
    expected = [("mail", at(10)), ("wiki", at(20))]
    return SentEvents(user=user, message_ids=tuple(message_ids), expected=expected, sent_at=now)


def _send(outputs: StackOutputs, bodies: list[str]) -> tuple[list[str], list[str]]:
    """Return the IDs of the messages that the queue accepted, and SQS's error code for each of the others."""
    entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
    response = outputs.client("sqs").send_message_batch(QueueUrl=outputs.queue_url, Entries=entries)
    message_ids = [entry["MessageId"] for entry in response.get("Successful", [])]
    codes = [entry["Code"] for entry in response.get("Failed", [])]
    # Only an entry listed as successful was accepted.
    return message_ids, codes + ["no response"] * (len(bodies) - len(message_ids) - len(codes))
