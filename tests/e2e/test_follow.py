"""One event followed through the embedded cloud: each end that an event can have, found by the ID of its message."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from localcloud.observatory.paths import CONSOLE
from tests.e2e.conftest import Stack, event
from tests.e2e.faults import consumer_disabled
from tests.fakes.waiting import HANG_SECONDS, eventually

AT = "2024-03-01T00:00:00Z"
DENIED = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}]}'


def outcomes(found: dict[str, Any]) -> list[str]:
    return [step.get("outcome", step["kind"]) for step in found["steps"]]


@contextmanager
def table_denied(stack: Stack) -> Iterator[None]:
    """The role of the event handler may not use its table."""
    function = stack.outputs["functions"]["event-handler"]
    role = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    iam = stack.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=DENIED)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denied")


def test_stored_event_leads_to_its_batch_and_its_user(stack: Stack, user: str):
    (message_id,) = stack.send(event(user, "mail", AT))
    found = eventually(lambda: stack.journey(message_id), lambda seen: outcomes(seen) == ["handled"])
    (step,) = found["steps"]
    assert (found["userId"], found["inQueue"], step["batchSize"]) == (user, False, 1)
    assert step["function"] == stack.outputs["functions"]["event-handler"]
    assert any(step["requestId"] in line for line in stack.log_lines("event-handler"))
    assert found["now"].startswith("The event handler stored it")
    listed = requests.get(f"{stack.outputs['endpoint']}{CONSOLE}/journeys", timeout=HANG_SECONDS).json()["messages"]
    assert message_id in [message["id"] for message in listed]
    # What the console joins, no log may say.
    assert not [line for line in stack.log_lines("event-handler") if message_id in line or user in line]


def test_invalid_event_leads_to_its_dead_letter_and_back(stack: Stack, user: str):
    (message_id,) = stack.send(event(user, "mail", "yesterday"))
    found = eventually(lambda: stack.journey(message_id), lambda seen: outcomes(seen) == ["handled"])
    assert found["now"].startswith("It can never succeed")
    letter = stack.journey(found["copiedTo"])
    assert (letter["copyOf"], letter["inQueue"]) == (message_id, True)
    assert stack.outputs["deadLetterQueueUrl"].endswith(f"/{letter['queue']}")
    assert eventually(lambda: stack.dead_letter(message_id), bool)


def test_event_that_is_not_stored_is_returned_and_waits(stack: Stack, user: str):
    with table_denied(stack):
        (message_id,) = stack.send(event(user, "mail", AT))
        found = eventually(lambda: stack.journey(message_id), lambda seen: bool(outcomes(seen)))
    # Alone in its batch, so that the whole invocation fails.
    assert set(outcomes(found)) <= {"returned", "failed"}
    assert found["inQueue"]
    assert "was received" in found["now"]
    stack.client("sqs").purge_queue(QueueUrl=stack.outputs["queueUrl"])


def test_event_that_nobody_took_waits(stack: Stack, user: str):
    with consumer_disabled(stack):
        (message_id,) = stack.send(event(user, "mail", AT))
        found = stack.journey(message_id)
        assert (outcomes(found), found["now"][:11]) == ([], "It waits in")
    eventually(lambda: outcomes(stack.journey(message_id)), lambda seen: seen == ["handled"])


@pytest.mark.parametrize("message_id", ["absent", "%3Cscript%3E"])
def test_message_that_is_not_kept_is_told(stack: Stack, message_id: str):
    found = requests.get(f"{stack.outputs['endpoint']}{CONSOLE}/journey?name={message_id}", timeout=HANG_SECONDS)
    assert (found.status_code, "journeys of the newest 5,000" in found.json()["error"]) == (404, True)
