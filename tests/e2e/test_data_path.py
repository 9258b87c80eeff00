"""From the queue through the event handler into the table, without fakes. test_api_page.py reads on through the API."""

import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from components.queue import MESSAGE_BYTES_MAX
from simulation.lambda_events import sqs_record
from tests.e2e.conftest import Stack, event
from tests.fakes.waiting import eventually


def test_duplicates_and_any_order_give_the_same_record(stack: Stack, user: str):
    logins = [(service, f"2024-03-{day:02}T00:00:00Z") for service in ("mail", "pay", "wiki") for day in (1, 9, 20)]
    orders = [logins, logins[::-1], random.Random(7).sample(logins * 3, k=len(logins) * 3)]
    for number, order in enumerate(orders):
        stack.send(*(event(f"{user}-{number}", service, at) for service, at in order))
    newest = dict.fromkeys(("mail", "pay", "wiki"), "2024-03-20T00:00:00Z")

    def stored(number: int) -> dict[str, str]:
        return {s["service_id"]: s["last_accessed"] for s in stack.record(f"{user}-{number}")}

    for number in range(len(orders)):
        eventually(lambda number=number: stored(number), lambda seen: seen == newest)
    # An event that is handled after the newest login must not undo it.
    eventually(stack.in_queue, lambda waiting: waiting == 0)
    assert stored(0) == stored(1) == stored(2) == newest
    assert len({json.dumps(stack.record(f"{user}-{number}")) for number in range(len(orders))}) == 1


def test_concurrent_updates_of_a_user_lose_nothing(stack: Stack, user: str):
    """More concurrent invocations than the mapping makes, all writing the same item."""
    before = stack.metric_sum("event-handler", "WriteConflict")
    names = [f"service-{number:02}" for number in range(40)]

    def deliver(name: str) -> None:
        record = sqs_record(event(user, name, "2024-03-01T00:00:00Z"), f"{user}-{name}")
        # As the queue does, deliver a message again that lost every race.
        assert any(stack.deliver(record) for _ in range(5)), f"{name} was delivered five times and never stored"

    with ThreadPoolExecutor(4) as producers:
        list(producers.map(deliver, names))
    assert sorted(s["service_id"] for s in stack.record(user)) == names
    # Otherwise the invocations took turns, and the test has shown nothing.
    assert stack.metric_sum("event-handler", "WriteConflict") > before


def test_invalid_event_becomes_a_dead_letter_with_its_reason(stack: Stack, user: str):
    body = '\t{"user_id": "' + user + '",  "service_name": "Caf\u00e9 \u2603",\r\n "timestamp": "yesterday"} \u00a0'
    attributes = {
        "origin": {"DataType": "String", "StringValue": "producer-1"},
        "signature": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x10"},
    }
    (message_id,) = stack.send(body, MessageAttributes=attributes)
    letter = eventually(lambda: stack.dead_letter(message_id), bool)
    assert letter is not None
    assert letter["Body"].encode() == body.encode()
    attributes = letter["MessageAttributes"]
    assert attributes["error_code"]["StringValue"]
    assert attributes["error_detail"]["StringValue"]
    assert user not in json.dumps([attributes[name]["StringValue"] for name in ("error_code", "error_detail")])
    assert attributes["origin"]["StringValue"] == "producer-1"
    assert attributes["signature"]["BinaryValue"] == b"\x00\xff\x10"
    assert stack.record(user) == []


def test_largest_event_becomes_a_dead_letter_and_a_larger_event_is_rejected_when_sent(stack: Stack):
    largest = "x" * MESSAGE_BYTES_MAX
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        stack.send(largest + "x")
    (message_id,) = stack.send(largest)
    letter = eventually(lambda: stack.dead_letter(message_id), bool)
    assert letter is not None
    assert letter["Body"] == largest
