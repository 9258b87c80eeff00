"""The whole path of a deployed stack, tried once with a user of its own, who is gone afterwards."""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.api import fetch_token, query_services
from ops.errors import OperatorError
from ops.events import send_bodies
from ops.smoke_dead_letter import DoomedEvent
from ops.stack import ApiClient, StackOutputs
from ops.status import FIRING, read_alarms

SERVICE_HEALTH = "service-health"
POLL_SECONDS = 0.2
SETTLE_SECONDS = 3  # an event that was sent twice or late may still be on its way when the API has told all
Tell = Callable[[str], None]


def smoke(
    outputs: StackOutputs, client: ApiClient, deadline_seconds: float, tell: Tell, *, dead_letter: bool = False
) -> None:
    """Send logins, ask the API for them, remove them, look at the alarms; or raise OperatorError at a surprise.

    With `dead_letter` one event more, which can never be stored, has to become a dead letter. Without it nothing
    invalid is sent. The handlers' metrics count the events and a few queries more.
    """
    user = f"smoke-test-{uuid.uuid4()}"
    doomed = DoomedEvent(outputs, user) if dead_letter else None
    try:
        _tell_the_story(outputs, client, user, doomed, deadline_seconds, tell)
    except BaseException as error:
        with suppress(BotoCoreError, ClientError, OperatorError):
            _remove(outputs, user)
            if doomed and doomed.message_id:
                doomed.take_letter()
            if isinstance(error, OperatorError):  # and not somebody at the keyboard who wants no more of it
                _keep_away(outputs, user, deadline_seconds)
        if isinstance(error, OperatorError):
            # An event still on its way would bring the record back.
            where = "in the table or among the dead letters" if doomed else "in the table"
            raise OperatorError(f"{error} User {user} was the test's own, and may still appear {where}.") from None
        raise
    if not _remove(outputs, user):
        raise OperatorError(f"The record of user {user} was not in table {outputs.table_name}, though the API told it.")
    _keep_away(outputs, user, deadline_seconds)
    tell("The test user is removed, and stays away")
    _check_health(outputs, tell)


def _tell_the_story(
    outputs: StackOutputs,
    client: ApiClient,
    user: str,
    doomed: DoomedEvent | None,
    deadline_seconds: float,
    tell: Tell,
) -> None:
    bodies, expected = _write_story(user, datetime.now(UTC))
    token = fetch_token(outputs, client)
    tell("The user pool grants a token")

    if doomed:
        # First, so that it is in the way of the others if it can be.
        doomed.send()
        tell("The queue takes one event that breaks the contract")
    failures = send_bodies(outputs, bodies).failures
    if failures:
        raise OperatorError(f"The queue did not accept {len(failures)} of {len(bodies)} events: {failures[0].code}.")
    started = time.monotonic()
    tell(f"The queue takes {len(bodies)} events: one twice, one late")

    def ask() -> Any:
        answer = query_services(outputs, user, token)
        if answer.status != 200:
            return f"status {answer.status}"
        return [(one["service_id"], one["last_accessed"]) for one in answer.body["services"]]

    while (found := ask()) != expected:
        if time.monotonic() - started > deadline_seconds:
            raise OperatorError(
                f"After {deadline_seconds:g} s the API should answer {expected}, but answers {found}: "
                "see `python -m ops status` and `python -m ops logs --errors`."
            )
        time.sleep(POLL_SECONDS)
    tell(f"The API answers with them, {time.monotonic() - started:.1f} s after they were sent")

    refused = query_services(outputs, user, token=None).status
    if refused != 401:
        raise OperatorError(f"The API should answer 401 without a token, but answers {refused}.")
    tell("The API refuses who has no token")

    if doomed:
        doomed.wait_for_letter(deadline_seconds)
        tell("The invalid event is a dead letter with its reason and its bytes, and is taken out")


def _write_story(user: str, now: datetime) -> tuple[list[str], list[tuple[str, str]]]:
    """Bodies in sending order, and the services the API must answer with, newest login first."""

    def at(minutes: int) -> str:
        return (now - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def body(service: str, minutes: int) -> str:
        event = {"user_id": user, "service_id": service, "service_name": "Smoke test", "timestamp": at(minutes)}
        return json.dumps(event)

    bodies = [body("mail", 30), body("wiki", 20), body("wiki", 25), body("mail", 10), body("mail", 10)]
    return bodies, [("mail", at(10)), ("wiki", at(20))]


def _remove(outputs: StackOutputs, user: str) -> bool:
    """Whether there was a record to remove."""
    answer = outputs.client("dynamodb").delete_item(
        TableName=outputs.table_name, Key={"user_id": {"S": user}}, ReturnValues="ALL_OLD"
    )
    return "Attributes" in answer


def _keep_away(outputs: StackOutputs, user: str, deadline_seconds: float) -> None:
    """Remove the record as often as an event brings it back, until none has for a while."""
    started = removed = time.monotonic()
    while time.monotonic() - removed < SETTLE_SECONDS:
        time.sleep(POLL_SECONDS)
        if _remove(outputs, user):
            removed = time.monotonic()
            if removed - started > deadline_seconds:
                raise OperatorError(
                    f"The record of user {user} still comes back {deadline_seconds:g} s after it was removed: events "
                    "are handled again and again. See `python -m ops status`."
                )


def _check_health(outputs: StackOutputs, tell: Tell) -> None:
    if outputs.embedded:
        tell("Alarms are not evaluated in the embedded cloud, so service-health says nothing")
        return
    alarms = read_alarms(outputs)
    health = next((one for one in alarms if one.id == SERVICE_HEALTH), None)
    if health is None:
        tell("This stack has no service-health: its `alarms` leave it out")
    elif health.state == FIRING:
        paging = sorted(one.id for one in alarms if one.fires and one.severity == "p1")
        raise OperatorError(f"{SERVICE_HEALTH} is in alarm: {', '.join(paging)}. See `python -m ops status`.")
    else:
        tell(f"{SERVICE_HEALTH} is {health.state}")
