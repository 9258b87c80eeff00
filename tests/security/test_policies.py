"""Every policy document passes parliament except for the skips."""

import json
from dataclasses import replace

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
    scanned = lint_policies(
        {f"{stack} {name}": text for stack, graph in graphs.items() for name, text in documents(graph).items()}
    )
    return {
        stack: [
            replace(finding, resource=finding.resource.removeprefix(f"{stack} "))
            for finding in scanned
            if finding.resource.startswith(f"{stack} ")
        ]
        for stack in graphs
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_finding_has_a_skip(stack: str, found: dict[str, list[Finding]]) -> None:
    assert unexplained(found[stack], PARLIAMENT, stack) == []


def test_every_skip_matches_a_finding(found: dict[str, list[Finding]]) -> None:
    assert useless(found, PARLIAMENT) == []


def test_every_policy_document_is_scanned(extended_graph: Graph) -> None:
    names = documents(extended_graph).keys()
    assert {"query-permissions", "query-role", "events-source-access", "encryption-data", "api-gateway-role"} <= names


# By rule: the holder of a policy, and what is replaced in it.
SABOTAGES = {
    "UNKNOWN_ACTION": ("query-permissions", '"dynamodb:GetItem"', '"dynamodb:GetItems"'),
    "UNKNOWN_PREFIX": ("query-permissions", '"dynamodb:GetItem"', '"dynamo:GetItem"'),
    "RESOURCE_MISMATCH": ("query-permissions", "arn:aws:dynamodb", "arn:aws:sqs"),
    "INVALID_ARN": ("query-permissions", ":eu-west-1:123456789012:table/", ":table/"),
    "OLD_VERSION": ("query-permissions", '"2012-10-17"', '"2008-10-17"'),
    "DUPLICATE_SID": ("query-permissions", '"SendTraces"', '"WriteOwnLog"'),
    "UNKNOWN_PRINCIPAL": ("query-role", '"Service"', '"Servise"'),
    "UNKNOWN_OPERATOR": ("events-source-access", '"Bool"', '"Boolean"'),
}


@pytest.fixture(scope="module")
def sabotaged(dev_graph: Graph) -> list[Finding]:
    """The findings in one scan of all sabotaged policies, because a start takes longer than scanning."""
    policies = documents(dev_graph)
    assert all(old in policies[name] for name, old, _ in SABOTAGES.values())
    return lint_policies({rule: policies[name].replace(old, new) for rule, (name, old, new) in SABOTAGES.items()})


@pytest.mark.parametrize("rule", SABOTAGES)
def test_a_sabotage_is_found(rule: str, sabotaged: list[Finding]) -> None:
    found = [replace(finding, resource=SABOTAGES[rule][0]) for finding in sabotaged if finding.resource == rule]
    assert rule in {finding.rule for finding in found}
    assert unexplained(found, PARLIAMENT, "dev")


def test_empty_scan_fails() -> None:
    with pytest.raises(ScanFailed, match="no policy to look at"):
        lint_policies({})
