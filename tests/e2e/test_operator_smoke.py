"""A deployed stack is broken by hand: `python -m ops smoke` says where its events are, and the next command.

test_first_half_hour.py runs it against a stack that works.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from ops import dead_letter_queue, smoke
from ops.smoke_events import SentEvents, send_events
from ops.stack import StackOutputs
from tests.e2e import faults
from tests.e2e.conftest import Operator, Stack
from tests.e2e.permissions import edited, without
from tests.fakes.waiting import HANG_SECONDS
from tests.security.iam_statements import EVENT_HANDLER


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, stack: Stack) -> list[SentEvents]:
    """What smoke has sent. It waits for nothing that a single server does not need."""
    sent: list[SentEvents] = []

    def send(outputs: StackOutputs, user: str) -> SentEvents:
        sent.append(send_events(outputs, user))
        return sent[0]

    monkeypatch.setattr(smoke, "send_events", send)
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    monkeypatch.setattr(smoke, "SETTLE_SECONDS", 0)
    stack.client("sqs").purge_queue(QueueUrl=stack.outputs["deadLetterQueueUrl"])
    return sent


@contextmanager
def purged(stack: Stack) -> Iterator[None]:
    try:
        yield
    finally:
        stack.client("sqs").purge_queue(QueueUrl=stack.outputs["queueUrl"])


@contextmanager
def consumer_disabled(stack: Stack) -> Iterator[None]:
    with faults.consumer_disabled(stack), purged(stack):
        yield


@contextmanager
def handler_without_permission(stack: Stack) -> Iterator[None]:
    with edited(stack, EVENT_HANDLER, without("FoldRecords")), purged(stack):
        yield


def were_denied(stack: Stack, sent: SentEvents) -> bool:
    lines = [line for line in stack.log_lines("event-handler") if "AccessDenied" in line]
    return any(message_id in line for line in lines for message_id in sent.message_ids)


def were_stored(stack: Stack, sent: SentEvents) -> bool:
    stored = [(service["service_id"], service["last_accessed"]) for service in stack.record(sent.user)]
    return sorted(stored) == sorted(sent.expected)


@dataclass(frozen=True)
class Fault:
    """A fault, when it has had its effect on the events, and what smoke says then."""

    make: Callable[[Stack], AbstractContextManager[None]]
    had_effect: Callable[[Stack, SentEvents], bool]
    why: str
    command: str


FAULTS = {
    "consumer disabled": Fault(
        consumer_disabled,
        lambda stack, sent: True,
        "but returns no logins. The events are not fetched: the event source mapping is Disabled.",
        "aws lambda update-event-source-mapping --uuid ",
    ),
    "handler without permission": Fault(
        handler_without_permission,
        were_denied,
        "but returns no logins. The event handler fails with AccessDeniedException. The queue delivers the events"
        " again.",
        "python -m ops logs --message-id ",
    ),
    "query crashes at start": Fault(
        faults.query_crashes_at_start,
        were_stored,
        "but returns status 502. The events are in the table, but the API does not return them.",
        "python -m ops logs --errors --since 15m --outputs ",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_with_the_next_command(
    stack: Stack, operator: Operator, name: str, sent: list[SentEvents], monkeypatch: pytest.MonkeyPatch
):
    fault = FAULTS[name]

    began = time.monotonic()
    starts = iter([began])  # the events were sent just now

    def monotonic() -> float:
        """Return a time past the deadline as soon as the fault has had its effect, however busy this machine is."""
        return next(starts, began + 2 * HANG_SECONDS if fault.had_effect(stack, sent[0]) else time.monotonic())

    monkeypatch.setattr(smoke, "time", SimpleNamespace(monotonic=monotonic, sleep=time.sleep))
    with fault.make(stack):
        result = operator.run("smoke", "--timeout", str(HANG_SECONDS))
    assert result.exit_code == 1
    assert "..  Waiting for the API to return these logins, at most " in result.stdout
    sentences, next_command = result.stderr.splitlines()
    assert fault.why in sentences
    assert "The test user was smoke-test-" in sentences
    assert next_command.startswith(f"Next: {fault.command}")


def test_stack_that_was_restored_passes(stack: Stack, operator: Operator, sent: list[SentEvents]):
    """The control, after the faults above."""
    health = f"{stack.outputs['functions']['query'].removesuffix('query')}service-health"
    stack.client("cloudwatch").set_alarm_state(AlarmName=health, StateValue="OK", StateReason="As after three minutes.")
    result = operator.run("smoke")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Every step passed."), result.stderr
    assert len(sent) == 1
