"""Every IAM statement that the embedded cloud enforces is needed: its story succeeds with it and fails without it.

The statement is removed and restored in a deployed stack, with enforcement on; nothing else changes.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulation.lambda_events import sqs_record
from tests.e2e.conftest import PRODUCER, Stack, event
from tests.e2e.permissions import ROLES, edited, is_denied, sqs_of_role, without
from tests.fakes.waiting import eventually
from tests.security.iam_statements import DEAD_LETTER_QUEUE, ENFORCED, EVENT_HANDLER, PROBE, QUERY, SOURCE_QUEUE


def stores_logins(stack: Stack) -> bool:
    user = f"user-{uuid.uuid4()}"
    done = stack.deliver(sqs_record(event(user, "mail", "2024-03-01T00:00:00Z"), user))
    assert bool(stack.record(user)) == done, "a login is acknowledged exactly when it is stored"
    return done


def quarantines(stack: Stack) -> bool:
    return stack.deliver(sqs_record("not even JSON", str(uuid.uuid4())))


def returns_services(stack: Stack) -> bool:
    answer = stack.query("anybody", stack.token())
    assert answer.status_code in {200, 500}
    assert "AccessDenied" not in answer.text
    return answer.status_code == 200


def probe_succeeds(stack: Stack) -> bool:
    """Whether a probe succeeds that has no token yet: that of a changed function starts anew."""
    client, name = stack.client("lambda"), stack.function("probe")
    timeout = client.get_function_configuration(FunctionName=name)["Timeout"]
    client.update_function_configuration(FunctionName=name, Timeout=timeout)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    return json.load(client.invoke(FunctionName=name)["Payload"])["outcome"] == "success"


def rejects_plain_http(key: str) -> Callable[[Stack], bool]:
    def over_plain_http(request: Any, **_: object) -> None:
        request.headers["X-Forwarded-Proto"] = "http"

    def story(stack: Stack) -> bool:
        sqs = stack.client("sqs")
        sqs.meta.events.register("before-sign.sqs", over_plain_http)
        try:
            sqs.get_queue_attributes(QueueUrl=stack.outputs[key])
        except ClientError as error:
            return "AccessDenied" in error.response["Error"]["Code"]
        else:
            return False
        finally:
            sqs.meta.events.unregister("before-sign.sqs", over_plain_http)

    return story


def lets_producers_send(stack: Stack) -> bool:
    sent = {"QueueUrl": stack.outputs["queueUrl"], "MessageBody": "not even JSON"}
    return not is_denied(sqs_of_role(stack, PRODUCER).send_message, **sent)


STORIES: dict[tuple[str, str], Callable[[Stack], bool]] = {
    (EVENT_HANDLER, "FoldRecords"): stores_logins,
    (EVENT_HANDLER, "QuarantineEvents"): quarantines,
    (QUERY, "ReadRecord"): returns_services,
    (PROBE, "SendEvents"): probe_succeeds,
    (PROBE, "ReadOwnSecret"): probe_succeeds,
    (SOURCE_QUEUE, "ProducersSend"): lets_producers_send,
    (SOURCE_QUEUE, "DenyWithoutTls"): rejects_plain_http("queueUrl"),
    (DEAD_LETTER_QUEUE, "DenyWithoutTls"): rejects_plain_http("deadLetterQueueUrl"),
}
# What is removed: a statement, or a single action of a statement with several.
REMOVALS = [(statement.holder, statement.sid, None) for statement in ENFORCED]
REMOVALS += [(EVENT_HANDLER, "FoldRecords", action) for action in ("dynamodb:BatchGetItem", "dynamodb:UpdateItem")]
SAMPLE = {
    (QUERY, "ReadRecord", None),
    (PROBE, "ReadOwnSecret", None),
    (SOURCE_QUEUE, "ProducersSend", None),
    (SOURCE_QUEUE, "DenyWithoutTls", None),
    (DEAD_LETTER_QUEUE, "DenyWithoutTls", None),
}


@pytest.mark.parametrize(
    ("holder", "sid", "action"),
    [
        pytest.param(*removal, marks=[] if removal in SAMPLE else pytest.mark.soak, id="-".join(filter(None, removal)))
        for removal in REMOVALS
    ],
)
def test_story_fails_without_the_statement(neighbour: Stack, holder: str, sid: str, action: str | None):
    story, function = STORIES[holder, sid], ROLES.get(holder)
    assert story(neighbour)
    before = neighbour.denials(function) if function else 0
    with edited(neighbour, holder, without(sid, action)):
        assert not story(neighbour)
    if function:
        eventually(lambda: neighbour.denials(function), lambda seen: seen > before)
    assert story(neighbour)


def test_every_enforced_statement_has_a_story():
    assert STORIES.keys() == {(statement.holder, statement.sid) for statement in ENFORCED}


@pytest.mark.soak
def test_no_event_is_lost_while_the_event_handler_has_no_permission(neighbour: Stack, user: str):
    """Through the queue: after the visibility timeout, an event whose handling was denied comes back and is stored."""
    before = neighbour.denials("event-handler")
    with edited(neighbour, EVENT_HANDLER, without("FoldRecords")):
        neighbour.send(event(user, "mail", "2024-03-01T00:00:00Z"))
        eventually(lambda: neighbour.denials("event-handler"), lambda seen: seen > before)
        assert neighbour.record(user) == []
    eventually(lambda: neighbour.record(user), bool)
