"""Whoever `producerPrincipals` names may send events and nothing else, by the queue's policy alone."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.conftest import PRODUCER, Stack
from tests.e2e.test_iam import edited, without
from tests.security.iam_statements import SOURCE_QUEUE


def client_of(stack: Stack, arn: str) -> Any:
    """An SQS client with the session of a role that has no permissions of its own."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    stack.client("iam").create_role(RoleName=arn.rpartition("/")[2], AssumeRolePolicyDocument=document)
    session = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="producer")["Credentials"]
    return boto3.client(
        "sqs",
        region_name=stack.outputs["region"],
        endpoint_url=stack.outputs["endpoint"],
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


@pytest.fixture(scope="module")
def producer(neighbour: Stack) -> Any:
    return client_of(neighbour, PRODUCER)


@pytest.fixture(scope="module")
def stranger(neighbour: Stack) -> Any:
    return client_of(neighbour, PRODUCER + "-of-somebody-else")


def is_refused(call: Callable[..., Any], **parameters: Any) -> bool:
    try:
        call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}  # noqa: PT017
        return True
    return False


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


def test_without_the_grant_a_producer_may_not_send(neighbour: Stack, producer: Any):
    """The control."""
    with edited(neighbour, SOURCE_QUEUE, without("ProducersSend")):
        assert is_refused(producer.send_message, QueueUrl=neighbour.outputs["queueUrl"], MessageBody="{}")
