"""The roles in `producerPrincipals` may send events and nothing else, by the queue's policy alone.

test_iam.py shows that the policy grants it, by removing the statement.
"""

from tests.e2e.conftest import PRODUCER, Stack
from tests.e2e.permissions import is_denied, sqs_of_role


def test_named_producer_may_only_send(stack: Stack, neighbour: Stack):
    source, letters = neighbour.outputs["queueUrl"], neighbour.outputs["deadLetterQueueUrl"]
    producer, entries = sqs_of_role(neighbour, PRODUCER), [{"Id": "1", "MessageBody": "not even JSON"}]
    assert not is_denied(producer.send_message, QueueUrl=source, MessageBody="not even JSON")
    assert not is_denied(producer.send_message_batch, QueueUrl=source, Entries=entries)
    assert is_denied(producer.receive_message, QueueUrl=source)
    assert is_denied(producer.purge_queue, QueueUrl=source)
    assert is_denied(producer.set_queue_attributes, QueueUrl=source, Attributes={"Policy": ""})
    assert is_denied(producer.send_message, QueueUrl=letters, MessageBody="{}")
    assert is_denied(producer.send_message, QueueUrl=stack.outputs["queueUrl"], MessageBody="{}"), "of another stack"


def test_other_roles_may_not_send(neighbour: Stack):
    stranger = sqs_of_role(neighbour, PRODUCER + "-of-somebody-else")
    assert is_denied(stranger.send_message, QueueUrl=neighbour.outputs["queueUrl"], MessageBody="{}")
