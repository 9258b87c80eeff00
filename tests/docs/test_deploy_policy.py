"""The policies of the deploying role follow the program's graph."""

import json
import re
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from tools import deploy_policy
from tools.deploy_grants import GRANTS
from tools.deploy_policy import DOCUMENT, POLICIES_OF_A_ROLE, POLICY_CHARACTERS, UnmappedTypeError, of_sample


def characters(document: dict[str, Any]) -> int:
    return len(re.sub(r"\s", "", json.dumps(document)))


def test_document_is_of_the_recorded_graph(prod_graph: Graph):
    assert DOCUMENT.read_text() == deploy_policy.document(prod_graph), "run: python -m tools.deploy_policy"


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_policies_fit_into_a_role(stack: str, request: pytest.FixtureRequest):
    found = of_sample(stack, request.getfixturevalue(f"{stack}_graph"))
    assert len(found) <= POLICIES_OF_A_ROLE
    assert max(map(characters, found.values())) <= POLICY_CHARACTERS
    assert sum(map(characters, found.values())) > POLICY_CHARACTERS, "the control: one policy would be too long"


def test_no_statement_allows_everything_of_a_service(prod_graph: Graph):
    statements = [
        statement for document in of_sample("prod", prod_graph).values() for statement in document["Statement"]
    ]
    assert not [action for statement in statements for action in statement["Action"] if "*" in action]
    sids = [statement["Sid"] for statement in statements]
    assert len(sids) == len(set(sids))
    passing = [statement for statement in statements if "iam:PassRole" in statement["Action"]]
    assert [s["Condition"] for s in passing] == [{"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}]
    of_roles = {arn for s in statements for arn in s["Resource"] if s["Action"][0].startswith("iam:")}
    assert {arn.rpartition("/")[2] for arn in of_roles} == {"event-handler-role-*", "probe-role-*", "query-role-*"}


def test_reading_policy_changes_nothing(prod_graph: Graph):
    documents = of_sample("prod", prod_graph).values()
    statements = [statement for document in documents for statement in document["Statement"]]
    read = {action for statement in deploy_policy.reading(statements) for action in statement["Action"]}
    assert {"sqs:GetQueueAttributes", "dynamodb:DescribeTable", "apigateway:GET"} <= read
    changing = (
        *("Create", "Update", "Put", "Set", "Delete", "Tag", "Untag", "Pass", "Schedule", "Generate"),
        *("POST", "PUT", "PATCH"),
    )
    assert not [action for action in read if action.partition(":")[2].startswith(changing)]


def test_type_without_a_grant_is_named(dev_graph: Graph, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deploy_policy, "GRANTS", tuple(grant for grant in GRANTS if grant.sid != "Queues"))
    with pytest.raises(UnmappedTypeError, match=r"needs for aws:sqs/queue:Queue, .* Add it to tools/deploy_grants\.py"):
        of_sample("dev", dev_graph)
