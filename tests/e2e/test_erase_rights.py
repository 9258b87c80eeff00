"""`python -m ops erase` needs the rights that docs/personal-data.md lists: it works with them, and not without each."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ops import dead_letter_queue, queue_wait
from tests.e2e.conftest import ROOT, Operator, Stack, event
from tests.fakes.waiting import eventually

DOCUMENT = (ROOT / "docs" / "personal-data.md").read_text()
# The table has no export.
NEVER_ASKED = {"dynamodb:DescribeExport"}
# The embedded cloud does not find the queue in this request, and looks for a right to all queues.
ON_EVERY_QUEUE = "sqs:ListMessageMoveTasks"
# What the command says of a denial. That of the embedded cloud has no request ID, which AWS always sends.
DENIALS = ("These credentials may not call", "its response has no request ID", "could not be made visible again")
# Needed only while the source queue holds events: about the consumer, and about the age of the oldest.
WHILE_EVENTS_WAIT = {"lambda:ListEventSourceMappings", "cloudwatch:GetMetricData"}


def rights(text: str) -> dict[str, list[str]]:
    """Return the actions by resource, from the first table of rights."""
    rows = re.findall(r"^\| (.+?) \| (`\w+:.+`) \|$", text.partition("**Rights.**")[2].partition("\n## ")[0], re.M)
    return {resource: re.findall(r"`(\w+:\w+)`", actions) for resource, actions in rows}


RIGHTS = rights(DOCUMENT)
REMOVABLE = sorted(
    (resource, action)
    for resource, actions in RIGHTS.items()
    for action in actions
    if action not in NEVER_ASKED | WHILE_EVENTS_WAIT
)
SAMPLE = [right for right in REMOVABLE if right[1] in ("dynamodb:DeleteItem", "sqs:DeleteMessage")]


class Person:
    """An operator with the documented rights alone."""

    NAME = "data-protection"

    def __init__(self, stack: Stack, operator: Operator) -> None:
        self._iam, self._operator = stack.client("iam"), operator
        self._iam.create_user(UserName=self.NAME)
        key = self._iam.create_access_key(UserName=self.NAME)["AccessKey"]
        outputs = json.loads(operator.outputs.read_text())
        outputs |= {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}
        operator.outputs.write_text(json.dumps(outputs))
        account, region = "123456789012", outputs["region"]
        queues = {role: outputs[name].rpartition("/")[2] for role, name in QUEUES.items()}
        table = f"arn:aws:dynamodb:{region}:{account}:table/{outputs['tableName']}"
        self._arns = {
            "the table": [table],
            "its exports, `TABLE_ARN/export/*`": [f"{table}/export/*"],
            **{role: [f"arn:aws:sqs:{region}:{account}:{name}"] for role, name in queues.items()},
            "both functions": [
                f"arn:aws:lambda:{region}:{account}:function:{f}" for f in outputs["functions"].values()
            ],
            "`*`": ["*"],
        }

    def allow(self, *, without: tuple[str, str] | None = None) -> None:
        """Give the documented rights, except one."""
        statements = [
            {"Effect": "Allow", "Action": action, "Resource": "*" if action == ON_EVERY_QUEUE else self._arns[resource]}
            for resource, actions in RIGHTS.items()
            for action in actions
            if (resource, action) != without
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self._iam.put_user_policy(UserName=self.NAME, PolicyName="erase", PolicyDocument=policy)

    def erase(self, user: str) -> Any:
        return self._operator.run("erase", user, "--yes")


QUEUES = {"the source queue": "queueUrl", "the dead-letter queue": "deadLetterQueueUrl"}


@pytest.fixture
def person(stack: Stack, operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    monkeypatch.setattr(queue_wait, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(queue_wait, "LOOK_SECONDS", 0.01)
    for queue in QUEUES.values():
        stack.client("sqs").purge_queue(QueueUrl=stack.outputs[queue])
    person = Person(stack, operator)
    yield person
    iam = stack.client("iam")
    for found in iam.list_access_keys(UserName=Person.NAME)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=Person.NAME, AccessKeyId=found["AccessKeyId"])
    iam.delete_user_policy(UserName=Person.NAME, PolicyName="erase")
    iam.delete_user(UserName=Person.NAME)


def bury(stack: Stack, *users: str) -> None:
    for user in users:
        body = event(user, "mail", "2024-03-01T00:00:00Z")
        stack.client("sqs").send_message(QueueUrl=stack.outputs["deadLetterQueueUrl"], MessageBody=body)


def test_documented_rights_are_enough(stack: Stack, person: Person, user: str):
    person.allow()
    stack.send(event(user, "mail", "2024-03-01T00:00:00Z"))
    eventually(lambda: stack.record(user))
    bury(stack, user, "grace")
    erased = person.erase(user)
    assert erased.exit_code == 0, erased.stderr
    assert "unknown: These credentials" not in erased.stdout
    assert stack.record(user) == []


@pytest.mark.parametrize(
    "removed", [pytest.param(REMOVABLE, marks=pytest.mark.soak, id="every"), pytest.param(SAMPLE, id="sample")]
)
def test_without_a_documented_right_a_call_is_denied(
    stack: Stack, person: Person, user: str, removed: list[tuple[str, str]]
):
    needless = []
    for right in removed:
        bury(stack, user, "grace")  # the other letter is made visible again
        person.allow(without=right)
        result = person.erase(user)
        if not any(denial in result.output for denial in DENIALS):
            needless.append(right)
    assert needless == []
