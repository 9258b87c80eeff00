"""A deployed stack is broken by hand, and `python -m ops status` names each fault within a minute."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulation.lambda_events import sqs_record
from tests.e2e import faults
from tests.e2e.conftest import Operator, Stack, deployed, event
from tests.e2e.permissions import edited, without
from tests.fakes.aws import key
from tests.fakes.waiting import eventually
from tests.security.iam_statements import EVENT_HANDLER

NAMED_WITHIN_SECONDS = 60
USER = "auth0|outage@example.com"


@contextmanager
def handler_without_permission(stack: Stack) -> Iterator[None]:
    with edited(stack, EVENT_HANDLER, without("FoldRecords")):
        assert not stack.deliver(sqs_record(event(USER, "mail", "2024-03-01T00:00:00Z"), "message-of-an-outage"))
        yield


@contextmanager
def query_crashes(stack: Stack) -> Iterator[None]:
    with faults.query_crashes_at_start(stack):
        assert stack.query(USER, stack.token()).status_code >= 500
        yield
    assert stack.query(USER, stack.token()).status_code == 200


@contextmanager
def damaged_record(stack: Stack) -> Iterator[None]:
    client, table = stack.client("dynamodb"), stack.outputs["tableName"]
    client.put_item(TableName=table, Item=key(USER) | {"services": {"L": [{"S": "garbage"}]}})
    try:
        assert stack.query(USER, stack.token()).json() == {"user_id": USER, "services": [], "partial": True}
        yield
    finally:
        client.delete_item(TableName=table, Key=key(USER))


def add_pager(stack: Stack) -> None:
    topic = stack.outputs["alarmTopics"]["p1"]
    stack.client("sns").subscribe(TopicArn=topic, Protocol="https", Endpoint="https://pager.example.com/KEY")


def remove_pager(stack: Stack) -> None:
    sns = stack.client("sns")
    for found in sns.list_subscriptions_by_topic(TopicArn=stack.outputs["alarmTopics"]["p1"])["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


@contextmanager
def pager_removed(stack: Stack) -> Iterator[None]:
    remove_pager(stack)
    try:
        yield
    finally:
        add_pager(stack)


@dataclass(frozen=True)
class Fault:
    """A fault, and what the finding about it says."""

    make: Callable[[Stack], Any]
    said: str
    level: str
    command: str
    has_no_past: bool = False
    """Whether nothing is found as soon as it is restored. What failed counts for five minutes."""
    logged: str = ""
    """What `logs --errors` shows then."""


FAULTS = {
    "consumer disabled": Fault(
        faults.consumer_disabled,
        "The consumer is disabled",
        "broken",
        "aws lambda update-event-source-mapping --uuid ",
        has_no_past=True,
    ),
    "handler without permission": Fault(
        handler_without_permission,
        "AccessDeniedException",
        "broken",
        "python -m ops logs --errors --since 5m",
        logged="outcome=failed error_code=AccessDeniedException",
    ),
    "query crashes at start": Fault(
        query_crashes,
        "RuntimeError",
        "broken",
        "python -m ops logs --errors --since 5m",
        logged="Environment variables missing or empty: TABLE_NAME",
    ),
    "damaged record": Fault(
        damaged_record,
        "from a damaged record",
        "warning",
        "python -m ops logs --errors --since 5m",
        logged="outcome=partial error_code=record_malformed readable=0 unreadable=1",
    ),
    "pager removed": Fault(
        pager_removed, "Nobody is notified of P1 alarms", "warning", "python -m localcloud up", has_no_past=True
    ),
}


def findings(operator: Operator, said: str) -> list[dict[str, str]]:
    shown = operator.run("status", "--json").stdout
    assert USER not in shown
    return [finding for finding in json.loads(shown)["findings"] if said in finding["what"]]


@pytest.fixture(scope="module")
def stack(checkout: Path) -> Iterator[Stack]:
    """A stack of these tests alone: how bad a fault is depends on what succeeded in the last five minutes."""
    with deployed(checkout) as stack:
        yield stack


@pytest.fixture(scope="module", autouse=True)
def pager(stack: Stack) -> Iterator[None]:
    """The stack of these tests has no pager otherwise."""
    add_pager(stack)
    yield
    remove_pager(stack)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_within_a_minute(
    stack: Stack, operator: Operator, name: str, record_property: Callable[[str, Any], None]
):
    fault = FAULTS[name]
    assert findings(operator, fault.said) == []
    began = time.monotonic()
    with fault.make(stack):
        (finding,) = eventually(lambda: findings(operator, fault.said))
        seconds = time.monotonic() - began
    record_property("seconds until named", seconds)
    assert seconds < NAMED_WITHIN_SECONDS
    assert finding["level"] == fault.level
    assert finding["command"].startswith(fault.command)
    assert fault.logged in operator.run("logs", "--errors", "--since", "5m").stdout
    if fault.has_no_past:
        eventually(lambda: not findings(operator, fault.said))
