"""Every policy statement is in a list, names what it allows, and equals what AWS documents if it cannot be tried."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph.graph_rules import Rule, prefix, stack_name, statements
from tests.graph.resource_types import KEY, QUEUE_POLICY, ROLE_POLICY, TOPIC, TOPIC_POLICY
from tests.graph.sabotage import Sabotage, remove, swap
from tests.security.iam_statements import ALERTS_KEY, DOCUMENTED, ENFORCED, Documented, Enforced

KNOWN = {(listed.holder, listed.sid): listed for listed in (*ENFORCED, *DOCUMENTED)}


def recorded(graph: Graph) -> dict[tuple[str, str], dict[str, Any]]:
    """Every statement by holder and sid."""
    holders = (ROLE_POLICY, QUEUE_POLICY, TOPIC_POLICY, KEY)
    return {(holder.name, statement["Sid"]): statement for holder, statement in statements(graph, *holders)}


def unlisted(graph: Graph) -> Iterator[str]:
    """Statements that are in no list, and alarms that cannot publish."""
    for holder, sid in recorded(graph).keys() - KNOWN.keys():
        yield f"{sid} of {holder} is in no list of tests/security/iam_statements.py"
    needed = {(f"{topic.name}-access", "AlarmsPublish") for topic in graph.of_type(TOPIC)} | {
        (ALERTS_KEY, "AlarmsEncrypt")
    }
    yield from (f"{holder} has no {sid}" for holder, sid in needed - recorded(graph).keys())


def wide(graph: Graph) -> Iterator[str]:
    """Wildcards, except those that AWS documents."""
    for (holder, sid), statement in recorded(graph).items():
        allowed = [statement["Action"], statement["Resource"], statement.get("Principal")]
        if isinstance(KNOWN.get((holder, sid)), Enforced) and statement["Effect"] == "Allow" and "*" in repr(allowed):
            yield f"{sid} of {holder} allows {allowed}"


def undocumented(graph: Graph) -> Iterator[str]:
    """Statements that differ from what the list says AWS documents."""
    arns = {made.name: made.outputs["arn"] for made in graph.resources if made.custom and "arn" in made.outputs}
    for name, statement in recorded(graph).items():
        listed = KNOWN.get(name)
        if isinstance(listed, Documented) and statement != expected(listed, graph, arns):
            yield f"{listed.sid} of {listed.holder} is {statement}, AWS documents {expected(listed, graph, arns)}"


def expected(listed: Documented, graph: Graph, arns: dict[str, str]) -> dict[str, Any]:
    owner, colon, rest = listed.resource.partition(":")
    resource = listed.resource if owner == "*" else arns.get(owner, "no such resource") + colon + rest
    document: dict[str, Any] = {"Sid": listed.sid, "Effect": "Allow"}
    document |= {"Action": list(listed.actions), "Resource": [resource]}
    if listed.principal is not None:
        document["Principal"] = listed.principal
    if listed.condition:
        text = json.dumps(listed.condition).replace("{prefix}", prefix(graph)).replace("{stack}", stack_name(graph))
        document["Condition"] = json.loads(text)
    return document


@pytest.mark.parametrize("rule", [unlisted, wide, undocumented])
@pytest.mark.parametrize("stack", ["dev_graph", "prod_graph", "extended_graph"])
def test_every_statement_is_listed_and_is_what_aws_documents(
    stack: str, rule: Rule, request: pytest.FixtureRequest
) -> None:
    assert list(rule(request.getfixturevalue(stack))) == []


def test_no_statement_is_in_two_lists_and_every_listed_one_exists(extended_graph: Graph) -> None:
    assert len(KNOWN) == len(ENFORCED) + len(DOCUMENTED)
    assert KNOWN.keys() == recorded(extended_graph).keys()
    assert all(statement.source.startswith("https://docs.aws.amazon.com/") for statement in DOCUMENTED)


def add_role_statement(graph: Graph) -> None:
    holder = graph.one(ROLE_POLICY, "query-permissions")
    document = json.loads(holder.inputs["policy"])
    extra = {"Sid": "ListTables", "Effect": "Allow", "Action": ["dynamodb:ListTables"], "Resource": ["*"]}
    holder.inputs["policy"] = json.dumps(document | {"Statement": [*document["Statement"], extra]})


@pytest.mark.parametrize(
    ("rule", "sabotage"),
    [
        (unlisted, add_role_statement),
        (unlisted, swap(ROLE_POLICY, "query-permissions", "policy", "ReadRecord", "ReadRecords")),
        (unlisted, remove(TOPIC_POLICY)),
        (unlisted, swap(KEY, ALERTS_KEY, "policy", "AlarmsEncrypt", "Another")),
        (wide, swap(ROLE_POLICY, "query-permissions", "policy", "dynamodb:GetItem", "dynamodb:*")),
        (wide, swap(ROLE_POLICY, "query-permissions", "policy", "table/event", "table/*")),
        (wide, swap(QUEUE_POLICY, "events-source-access", "policy", "210987654321", "*")),
        (undocumented, swap(TOPIC_POLICY, None, "policy", '"Service": "cloudwatch.amazonaws.com"', '"AWS": "*"')),
        (undocumented, swap(TOPIC_POLICY, None, "policy", ":alarm:event", ":alarm:other")),
        (undocumented, swap(TOPIC_POLICY, None, "policy", "aws:SourceAccount", "aws:SourceVpc")),
        (undocumented, swap(KEY, "encryption-data", "policy", "API-Gateway-Execution-Logs_*", "Other_*")),
        (undocumented, swap(ROLE_POLICY, "event-handler-permissions", "policy", "sqs:DeleteMessage", "sqs:PurgeQueue")),
        (undocumented, swap(ROLE_POLICY, "query-permissions", "policy", ":log-stream:*", ":*")),
        (undocumented, swap(ROLE_POLICY, "query-permissions", "policy", "lambda.*.amazonaws.com", "*.amazonaws.com")),
        (undocumented, swap(KEY, "encryption-data", "policy", "210987654321", "*")),
        (undocumented, swap(KEY, "encryption-data", "policy", '"kms:GenerateDataKey"]', '"kms:*"]')),
    ],
)
def test_a_sabotage_is_found(rule: Rule, sabotage: Sabotage, extended_graph: Graph) -> None:
    graph = copy.deepcopy(extended_graph)
    sabotage(graph)
    assert list(rule(graph))
