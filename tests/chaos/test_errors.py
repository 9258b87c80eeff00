"""Every AWS error, at the first, third and every call: the handler reports the messages or recovers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from handlers.event_handler import BatchFailedError
from handlers.query import Query
from handlers.store import UserRecordStore
from localcloud.models.client import Client, client_error
from simulation.lambda_events import LambdaContext
from tests.chaos.controls import SwallowsFailures
from tests.chaos.harness import Fault, Script, World, bad, good, records_of, workload_of
from tests.chaos.workload import Workload
from tests.fakes.functions import TABLE, Silent


class UnforeseenError(Exception):
    """An error that no known library raises."""


def refused(code: str, status: int = 400) -> Callable[[str], Exception]:
    return lambda operation: client_error(operation, code, "marked", status=status)


def broken(error: Callable[..., Exception]) -> Callable[[str], Exception]:
    return lambda operation: error(endpoint_url=operation, error="marked")


ERRORS: dict[str, Callable[[str], Exception]] = {
    "throttling": refused("ThrottlingException"),
    "throughput": refused("ProvisionedThroughputExceededException"),
    "internal": refused("InternalServerError", 500),
    "unavailable": refused("ServiceUnavailable", 503),
    "conditional": refused("ConditionalCheckFailedException"),
    "conflict": refused("TransactionConflictException"),
    "denied": refused("AccessDeniedException"),
    "gone": refused("ResourceNotFoundException"),
    "read timeout": broken(ReadTimeoutError),
    "connect timeout": broken(ConnectTimeoutError),
    "reset": broken(ConnectionClosedError),
    "unreachable": broken(EndpointConnectionError),
    "unforeseen": lambda operation: UnforeseenError("marked"),
}
# After these errors, the request may or may not have been carried out.
MAY_HAVE_LANDED = ("internal", "unavailable", "read timeout", "reset", "unforeseen")
CASES = [(name, False) for name in ERRORS] + [(name, True) for name in MAY_HAVE_LANDED]
WHEN = {"first": 1, "third": 3, "always": None}

# Enough for three calls of each: 100 keys a read, 10 entries a quarantine.
MANY_USERS = workload_of([good(i) for i in range(230)] + [good(i, user="user-7") for i in range(230, 235)], [bad(0)])
MANY_BAD = workload_of(
    [good(i) for i in range(5)] + [good(i, user="user-1") for i in range(5, 8)], [*map(bad, range(25))]
)
SITES = {"batch_get_item": MANY_USERS, "update_item": MANY_BAD, "send_message_batch": MANY_BAD}


def asked_for(workload: Workload, requests: list[dict[str, Any]]) -> set[str]:
    """IDs of the messages in these requests."""
    users, ids = set(), set()
    for request in requests:
        users |= {key["user_id"]["S"] for key in request.get("RequestItems", {}).get(TABLE, {}).get("Keys", [])}
        users |= {request["Key"]["user_id"]["S"]} if "Key" in request else set()
        entries = request.get("Entries", [])
        ids |= {entry["MessageAttributes"]["source_message_id"]["StringValue"] for entry in entries}
    return ids | {message_id for message_id, fact in workload.facts.items() if fact.user_id in users}


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize(("error", "landed"), CASES, ids=[f"{n}-landed" if y else n for n, y in CASES])
@pytest.mark.parametrize("operation", SITES)
def test_error_fails_only_the_messages_of_its_call(operation: str, error: str, landed: bool, when: str):
    world, workload = World(), SITES[operation]
    script = Script(Fault(operation=operation, nth=WHEN[when], landed=landed, error=lambda: ERRORS[error](operation)))

    done = world.deliver(world.function(script), workload.messages)
    assert done is not None
    assert script.failed
    assert world.unsafe(workload, done) == []
    reported = {sent.message_id for sent in workload.messages} - {sent.message_id for sent in done}
    # A lost race is not an error: the write is tried again while there are attempts left.
    overcome = (operation, error) == ("update_item", "conditional") and when != "always"
    assert reported == (set() if overcome else asked_for(workload, script.failed))

    script.fault = None
    rest = [sent for sent in workload.messages if sent.message_id in reported]
    assert world.deliver(world.function(script), rest) == rest
    assert world.services() == workload.expected()
    assert world.unsafe(workload, workload.messages) == []


@pytest.mark.parametrize("operation", SITES)
def test_control_handler_that_swallows_failures_is_caught(operation: str):
    world, workload = World(), SITES[operation]
    script = Script(Fault(operation=operation, error=lambda: ERRORS["throttling"](operation)))
    done = world.deliver(SwallowsFailures(world.function(script)), workload.messages)
    assert done == list(workload.messages)
    assert set(world.unsafe(workload, workload.messages)) == asked_for(workload, script.failed)


@pytest.mark.parametrize("error", ERRORS)
def test_batch_raises_when_every_call_fails(error: str):
    def gate(operation: str, request: Any, perform: Any) -> Any:
        raise ERRORS[error](operation)

    world, messages = World(), MANY_BAD.messages
    with pytest.raises(BatchFailedError) as failure:
        world.function(gate).handle({"Records": records_of(messages)}, LambdaContext())
    assert "marked" not in str(failure.value)
    assert (world.table.items(), len(world.dead_letters)) == ({}, 0)


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("error", ERRORS)
def test_failed_query_reveals_nothing_and_the_next_query_succeeds(error: str, when: str):
    world, workload = World(), workload_of([good(1)])
    world.deliver(world.function(Script()), workload.messages)
    fault = Fault(operation="get_item", nth=WHEN[when], error=lambda: ERRORS[error]("GetItem"))
    client: Any = Client(world.table, Script(fault))
    query = Query(UserRecordStore(client, TABLE), Silent())
    event = {"pathParameters": {"user_id": "user-1"}, "requestContext": {"requestId": "r-1"}}
    responses = [query.answer(event, LambdaContext()) for _ in range(4)]
    failing = {1, 2, 3, 4} if when == "always" else {WHEN[when]}
    for number, response in enumerate(responses, start=1):
        body = json.loads(response["body"])
        if number in failing:
            assert (response["statusCode"], body) == (500, {"message": "Internal error.", "request_id": "r-1"})
        else:
            assert (response["statusCode"], body["services"]) == (200, workload.expected()["user-1"])
