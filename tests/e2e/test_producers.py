"""Whoever `producerPrincipals` names may send events and nothing else, by the queue's policy alone.

That it is the policy which grants it is shown in test_iam.py, by taking it away.
"""

from typing import Any

import pytest

from tests.e2e.conftest import PRODUCER, Stack
from tests.e2e.permissions import is_refused, sqs_of_role


@pytest.fixture(scope="module")
def producer(neighbour: Stack) -> Any:
    return sqs_of_role(neighbour, PRODUCER)


@pytest.fixture(scope="module")
def stranger(neighbour: Stack) -> Any:
    return sqs_of_role(neighbour, PRODUCER + "-of-somebody-else")


def test_a_named_producer_may_send_and_nothing_else(stack: Stack, neighbour: Stack, producer: Any):
    source, letters = neighbour.outputs["queueUrl"], neighbour.outputs["deadLetterQueueUrl"]
    entries = [{"Id": "1", "MessageBody": "not even JSON"}]
    assert not is_refused(producer.send_message, QueueUrl=source, MessageBody="not even JSON")
    assert not is_refused(producer.send_message_batch, QueueUrl=source, Entries=entries)
    assert is_refused(producer.receive_message, QueueUrl=source)
    assert is_refused(producer.purge_queue, QueueUrl=source)
    assert is_refused(producer.set_queue_attributes, QueueUrl=source, Attributes={"Policy": ""})
    assert is_refused(producer.send_message, QueueUrl=letters, MessageBody="{}")
    assert is_refused(producer.send_message, QueueUrl=stack.outputs["queueUrl"], MessageBody="{}"), "of another stack"


def test_nobody_else_may_send(neighbour: Stack, stranger: Any):
    assert is_refused(stranger.send_message, QueueUrl=neighbour.outputs["queueUrl"], MessageBody="{}")
