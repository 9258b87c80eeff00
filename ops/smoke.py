"""One test of a deployed stack from end to end, with a user of its own who is removed afterwards."""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.api import query_services, request_token
from ops.errors import OperatorError, count_of
from ops.events import send_bodies
from ops.smoke_dead_letter import InvalidEvent
from ops.stack import ApiClient, StackOutputs
from ops.status import FIRING, read_alarms

SERVICE_HEALTH = "service-health"
POLL_SECONDS = 0.2
SETTLE_SECONDS = 3  # an event that was sent twice or late may still be on its way when the API returns all logins
Report = Callable[[str], None]


def smoke(
    outputs: StackOutputs,
    client: ApiClient,
    deadline_seconds: float,
    *,
    report: Report,
    warn: Report,
    dead_letter: bool = False,
) -> None:
    """Send logins, query them, remove them and read the alarms; raises OperatorError at the first surprise.

    With `dead_letter`, also send an event that violates the contract and must become a dead letter. The handlers'
    metrics count the test's events and queries.
    """
    user = f"smoke-test-{uuid.uuid4()}"
    invalid_event = InvalidEvent(outputs, user, warn) if dead_letter else None
    token = request_token(outputs, client).text
    report("The user pool grants a token")
    was_removed = False
    try:
        _run_steps(outputs, token, user, invalid_event, deadline_seconds, report)
        was_removed = _remove(outputs, user)
        if was_removed:
            _keep_removed(outputs, user, deadline_seconds)
    except BaseException as error:
        # An event that is still on its way would bring the record back.
        places = "in the table or among the dead letters" if invalid_event else "in the table"
        left = f"The test user was {user}, who may still appear {places}."
        if not isinstance(error, OperatorError):
            warn(left)  # before requests that can take long, or fail
        with suppress(BotoCoreError, ClientError, OperatorError):
            _remove(outputs, user)
            if invalid_event and invalid_event.message_id:
                invalid_event.delete_dead_letter()
            if isinstance(error, OperatorError) and not was_removed:  # after Ctrl-C nobody waits
                _keep_removed(outputs, user, deadline_seconds)
        if isinstance(error, OperatorError):
            raise OperatorError(f"{error} {left}") from None
        raise
    if not was_removed:
        raise OperatorError(
            f"The record of user {user} was not in table {outputs.table_name}, although the API returned it."
        )
    report("The test user was removed and did not come back")
    _check_health(outputs, report)


def _run_steps(
    outputs: StackOutputs,
    token: str,
    user: str,
    invalid_event: InvalidEvent | None,
    deadline_seconds: float,
    report: Report,
) -> None:
    bodies, expected = _make_events(user, datetime.now(UTC))
    if invalid_event:
        # First, so that the other events show whether it blocks them.
        invalid_event.send()
        report("The queue accepts 1 event that violates the contract")
    if codes := send_bodies(outputs, bodies):
        raise OperatorError(f"The queue did not accept {count_of(len(codes), len(bodies), 'event')}: {codes[0]}.")
    started = time.monotonic()
    report(f"The queue accepts {len(bodies)} events, one of them twice and one late")

    def query() -> Any:
        response = query_services(outputs, user, token)
        if response.status != 200:
            return f"status {response.status}"
        return [(service["service_id"], service["last_accessed"]) for service in response.services]

    while (found := query()) != expected:
        if time.monotonic() - started > deadline_seconds:
            raise OperatorError(
                f"After {deadline_seconds:g} s the API should return {expected}, but returns {found}. "
                "See: python -m ops status; python -m ops logs --errors."
            )
        time.sleep(POLL_SECONDS)
    report(f"The API returns the logins {time.monotonic() - started:.1f} s after they were sent")

    status = query_services(outputs, user, token=None).status
    if status != 401:
        raise OperatorError(f"The API should return 401 without a token, but returns {status}.")
    report("The API rejects a request without a token")

    if invalid_event:
        invalid_event.check_dead_letter(deadline_seconds)
        report("The invalid event became a dead letter with its reason and its bytes, and was deleted")


def _make_events(user: str, now: datetime) -> tuple[list[str], list[tuple[str, str]]]:
    """Return bodies in sending order, and the services that the API must return, newest login first."""

    def at(minutes: int) -> str:
        return (now - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def body(service: str, minutes: int) -> str:
        event = {"user_id": user, "service_id": service, "service_name": "Smoke test", "timestamp": at(minutes)}
        return json.dumps(event)

    bodies = [body("mail", 30), body("wiki", 20), body("wiki", 25), body("mail", 10), body("mail", 10)]
    return bodies, [("mail", at(10)), ("wiki", at(20))]


def _remove(outputs: StackOutputs, user: str) -> bool:
    """Remove the user's record; return whether there was one."""
    response = outputs.client("dynamodb").delete_item(
        TableName=outputs.table_name, Key={"user_id": {"S": user}}, ReturnValues="ALL_OLD"
    )
    return "Attributes" in response


def _keep_removed(outputs: StackOutputs, user: str, deadline_seconds: float) -> None:
    """Remove the record each time an event brings it back, until that has not happened for a while."""
    started = removed = time.monotonic()
    while time.monotonic() - removed < SETTLE_SECONDS:
        time.sleep(POLL_SECONDS)
        if _remove(outputs, user):
            removed = time.monotonic()
            if removed - started > deadline_seconds:
                raise OperatorError(
                    f"The record of user {user} still comes back {deadline_seconds:g} s after it was removed: events "
                    "are handled again and again. See: python -m ops status"
                )


def _check_health(outputs: StackOutputs, report: Report) -> None:
    alarms = read_alarms(outputs)
    health = next((alarm for alarm in alarms if alarm.id == SERVICE_HEALTH), None)
    if health is None:
        report(f"{SERVICE_HEALTH} was not checked, because the setting `alarms` of this stack omits it")
    elif health.state == FIRING:
        paging = sorted(alarm.id for alarm in alarms if alarm.fires and alarm.severity == "p1")
        raise OperatorError(f"{SERVICE_HEALTH} is in alarm: {', '.join(paging)}. See: python -m ops status")
    else:
        report(f"{SERVICE_HEALTH} is {health.state}")
