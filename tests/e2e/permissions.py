"""Helpers that change and test the permissions of a deployed stack."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.e2e.conftest import Stack
from tests.security.iam_statements import DEAD_LETTER_QUEUE, EVENT_HANDLER, PROBE, QUERY, SOURCE_QUEUE

ROLES = {EVENT_HANDLER: "event-handler", QUERY: "query", PROBE: "probe"}
QUEUES = {SOURCE_QUEUE: "queueUrl", DEAD_LETTER_QUEUE: "deadLetterQueueUrl"}
Edit = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@contextlib.contextmanager
def edited(stack: Stack, holder: str, edit: Edit) -> Iterator[None]:
    """Edit the statements of a policy of the stack until the block ends."""
    if holder in ROLES:
        function = stack.function(ROLES[holder])
        arn = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"]
        iam, role = stack.client("iam"), arn.rpartition("/")[2]
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

        def put(document: dict[str, Any]) -> None:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    else:
        sqs, url = stack.client("sqs"), stack.outputs[QUEUES[holder]]
        policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])

        def put(document: dict[str, Any]) -> None:
            text = json.dumps(document) if document["Statement"] else ""
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})

    put(policy | {"Statement": edit(policy["Statement"])})
    try:
        yield
    finally:
        put(policy)


def without(sid: str, action: str | None = None) -> Edit:
    """Return an edit that removes a statement, or a single action of it."""

    def edit(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        (found,) = (statement for statement in statements if statement["Sid"] == sid)
        rest = [statement for statement in statements if statement["Sid"] != sid]
        left = [kept for kept in found["Action"] if action not in (None, kept)]
        assert len(left) == (0 if action is None else len(found["Action"]) - 1)
        return [*rest, found | {"Action": left}] if left else rest

    return edit


def sqs_of_role(stack: Stack, arn: str) -> Any:
    """Return an SQS client with the session of a role that has no policy of its own."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with contextlib.suppress(stack.client("iam").exceptions.EntityAlreadyExistsException):
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


def is_denied(call: Callable[..., Any], **parameters: Any) -> bool:
    try:
        call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}  # noqa: PT017
        return True
    return False
