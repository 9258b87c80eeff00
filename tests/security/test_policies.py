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
    """The findings by stack, and in the sabotaged policies, in one scan, because a start takes longer than scanning."""
    policies = {
        stack: documents(graph) for stack, graph in zip(STACKS, (dev_graph, prod_graph, extended_graph), strict=True)
    }
    assert all(old in policies["dev"][name] for name, old, _ in SABOTAGES.values())
    policies["sabotaged"] = {
        rule: policies["dev"][name].replace(old, new) for rule, (name, old, new) in SABOTAGES.items()
    }
    scanned = lint_policies({f"{group} {name}": text for group in policies for name, text in policies[group].items()})
    return {
        group: [
            replace(finding, resource=finding.resource.removeprefix(f"{group} "))
            for finding in scanned
            if finding.resource.startswith(f"{group} ")
        ]
        for group in policies
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_finding_has_a_skip(stack: str, found: dict[str, list[Finding]]) -> None:
    assert unexplained(found[stack], PARLIAMENT, stack) == []


def test_every_skip_matches_a_finding(found: dict[str, list[Finding]]) -> None:
    assert useless({stack: found[stack] for stack in STACKS}, PARLIAMENT) == []


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


@pytest.mark.parametrize("rule", SABOTAGES)
def test_a_sabotage_is_found(rule: str, found: dict[str, list[Finding]]) -> None:
    sabotaged = [replace(each, resource=SABOTAGES[rule][0]) for each in found["sabotaged"] if each.resource == rule]
    assert rule in {finding.rule for finding in sabotaged}
    assert unexplained(sabotaged, PARLIAMENT, "dev")


def test_empty_scan_fails() -> None:
    with pytest.raises(ScanFailed, match="no policy to look at"):
        lint_policies({})
