"""Every policy statement is in a list, and statements that cannot be tried equal what AWS documents."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph.graph_rules import Rule, prefix, stack_name, statements
from tests.graph.resource_types import KEY, QUEUE_POLICY, ROLE_POLICY, TOPIC_POLICY
from tests.graph.sabotage import Sabotage, swap
from tests.security.iam_statements import DOCUMENTED, ENFORCED, Documented

KNOWN = {(listed.holder, listed.sid): listed for listed in (*ENFORCED, *DOCUMENTED)}


def recorded(graph: Graph) -> dict[tuple[str, str], dict[str, Any]]:
    """Every statement by holder and sid."""
    holders = (ROLE_POLICY, QUEUE_POLICY, TOPIC_POLICY, KEY)
    return {(holder.name, statement["Sid"]): statement for holder, statement in statements(graph, *holders)}


def unlisted(graph: Graph) -> Iterator[str]:
    """Statements that are in no list."""
    for holder, sid in recorded(graph).keys() - KNOWN.keys():
        yield f"{sid} of {holder} is in no list of tests/security/iam_statements.py"


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


@pytest.mark.parametrize("rule", [unlisted, undocumented])
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
