"""One test of a deployed stack from end to end, with a user of its own who is removed afterwards."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from ops.api import query_services, request_token
from ops.errors import OperatorError
from ops.health.commands import Commands
from ops.smoke_dead_letter import InvalidEvent
from ops.smoke_events import Services, describe, send_events
from ops.smoke_search import Search
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
    wait: Report,
    warn: Report,
    commands: Commands,
    dead_letter: bool = False,
) -> None:
    """Send logins, query them, remove them and read the alarms; raises OperatorError at the first surprise.

    Calls `report` with each step that has passed, and `wait` with what it waits for. An error names
    one of `commands` to run next.

    With `dead_letter`, also send an event that violates the contract and must become a dead letter. The handlers'
    metrics count the test's events and queries.
    """
    user = f"smoke-test-{uuid.uuid4()}"
    invalid_event = InvalidEvent(outputs, user, warn) if dead_letter else None
    token = request_token(outputs, client).text
    report("The user pool grants a token")
    was_removed = False
    try:
        steps = _Steps(outputs, token, user, deadline_seconds, report=report, wait=wait, warn=warn, commands=commands)
        steps.run(invalid_event)
        was_removed = _remove(outputs, user)
        if was_removed:
            wait(f"{SETTLE_SECONDS} s, in which no late event may bring the record of the test user back")
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
            next_command = f"\nNext: {error.command}" if isinstance(error, NotReturnedError) else ""
            raise OperatorError(f"{error} {left}{next_command}") from None
        raise
    if not was_removed:
        raise OperatorError(
            f"The record of user {user} was not in table {outputs.table_name}, although the API returned it."
        )
    report("The test user was removed and did not come back")
    _check_health(outputs, report)


class NotReturnedError(OperatorError):
    """The API does not return the logins; `command` is what to run next."""

    def __init__(self, text: str, command: str) -> None:
        super().__init__(text)
        self.command = command


class _Steps:
    """What happens while the test user exists."""

    def __init__(
        self,
        outputs: StackOutputs,
        token: str,
        user: str,
        deadline_seconds: float,
        *,
        report: Report,
        wait: Report,
        warn: Report,
        commands: Commands,
    ) -> None:
        self._outputs, self._token, self._user, self._deadline_seconds = outputs, token, user, deadline_seconds
        self._report, self._wait, self._warn, self._commands = report, wait, warn, commands

    def run(self, invalid_event: InvalidEvent | None) -> None:
        if invalid_event:
            # First, so that the other events show whether it blocks them.
            invalid_event.send()
            self._report("The queue accepts 1 event that violates the contract")
        self._store_logins()
        status = query_services(self._outputs, self._user, token=None).status
        if status != 401:
            raise OperatorError(f"The API should return 401 without a token, but returns {status}.")
        self._report("The API rejects a request without a token")
        if invalid_event:
            self._wait(f"the dead letter of the invalid event, at most {self._deadline_seconds:g} s")
            invalid_event.check_dead_letter(self._deadline_seconds)
            self._report("The invalid event became a dead letter with its reason and its bytes, and was deleted")

    def _store_logins(self) -> None:
        sent = send_events(self._outputs, self._user)
        started = time.monotonic()
        self._report(f"The queue accepts {len(sent.message_ids)} events, one of them twice and one late")
        self._wait(f"the API to return these logins, at most {self._deadline_seconds:g} s")
        while (found := self._query()) != sent.expected:
            if time.monotonic() - started > self._deadline_seconds:
                finding = Search(self._outputs, sent, self._commands, self._warn).find()
                raise NotReturnedError(
                    f"After {self._deadline_seconds:g} s the API should return {describe(sent.expected)}, but returns"
                    f" {found if isinstance(found, str) else describe(found)}. {finding.why}",
                    finding.command,
                )
            time.sleep(POLL_SECONDS)
        self._report(f"The API returns the logins {time.monotonic() - started:.1f} s after they were sent")

    def _query(self) -> Services | str:
        response = query_services(self._outputs, self._user, self._token)
        if response.status != 200:
            return f"status {response.status}"
        return [(service["service_id"], service["last_accessed"]) for service in response.services]


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
