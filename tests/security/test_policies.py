"""Every policy document passes parliament except for the skips."""

import json

import pytest

from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import Graph
from tests.graph.resource_types import ROLE
from tests.security.scanners import Finding, ScanFailed, lint_policies, unexplained, useless
from tests.security.skips import PARLIAMENT

STACKS = ("dev", "prod", "extended")


def documents(graph: Graph) -> dict[str, str]:
    """Every policy document of a stack, by the name of its holder."""
    found = {resource.name: resource.inputs["policy"] for resource in graph.resources if "policy" in resource.inputs}
    return found | {role.name: spelled_out(role) for role in graph.of_type(ROLE)}


def spelled_out(role: Resource) -> str:
    """A trust policy with its own role as the resource, which it omits and parliament requires."""
    document = json.loads(role.inputs["assumeRolePolicy"])
    statements = [{"Resource": role.outputs["arn"]} | statement for statement in document["Statement"]]
    return json.dumps(document | {"Statement": statements})


@pytest.fixture(scope="module")
def found(dev_graph: Graph, prod_graph: Graph, extended_graph: Graph) -> dict[str, list[Finding]]:
    graphs = {"dev": dev_graph, "prod": prod_graph, "extended": extended_graph}
    return {stack: lint_policies(documents(graph)) for stack, graph in graphs.items()}


@pytest.mark.parametrize("stack", STACKS)
def test_every_finding_has_a_skip(stack: str, found: dict[str, list[Finding]]) -> None:
    assert unexplained(found[stack], PARLIAMENT, stack) == []


def test_every_skip_matches_a_finding(found: dict[str, list[Finding]]) -> None:
    assert useless(found, PARLIAMENT) == []


def test_every_policy_document_is_scanned(extended_graph: Graph) -> None:
    names = documents(extended_graph).keys()
    assert {"query-permissions", "query-role", "events-source-access", "encryption-data", "api-gateway-role"} <= names


@pytest.mark.parametrize(
    ("name", "old", "new", "rule"),
    [
        ("query-permissions", '"dynamodb:GetItem"', '"dynamodb:GetItems"', "UNKNOWN_ACTION"),
        ("query-permissions", '"dynamodb:GetItem"', '"dynamo:GetItem"', "UNKNOWN_PREFIX"),
        ("query-permissions", "arn:aws:dynamodb", "arn:aws:sqs", "RESOURCE_MISMATCH"),
        ("query-permissions", ":eu-west-1:123456789012:table/", ":table/", "INVALID_ARN"),
        ("query-permissions", '"2012-10-17"', '"2008-10-17"', "OLD_VERSION"),
        ("query-permissions", '"SendTraces"', '"WriteOwnLog"', "DUPLICATE_SID"),
        ("query-role", '"Service"', '"Servise"', "UNKNOWN_PRINCIPAL"),
        ("events-source-access", '"Bool"', '"Boolean"', "UNKNOWN_OPERATOR"),
    ],
)
def test_a_sabotage_is_found(name: str, old: str, new: str, rule: str, dev_graph: Graph) -> None:
    document = documents(dev_graph)[name]
    assert old in document
    sabotaged = lint_policies({name: document.replace(old, new)})
    assert rule in {finding.rule for finding in sabotaged}
    assert unexplained(sabotaged, PARLIAMENT, "dev")


def test_empty_scan_fails() -> None:
    with pytest.raises(ScanFailed, match="no policy to look at"):
        lint_policies({})
