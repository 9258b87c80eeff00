"""Both stacks pass checkov except for the skips, and checkov sees every resource."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.sabotage import one_of
from tests.security import scanners
from tests.security.sabotages import CHECKOV_SABOTAGES, ENDS_A_FINDING
from tests.security.scanners import Finding, Scan, ScanFailed, scan_plans, unexplained, useless
from tests.security.skips import CHECKOV, Skip
from tests.security.terraform_plan import TYPES, Untranslatable, plan_of

FEWEST_RULES = 45
STACKS = ("dev", "prod")


@pytest.mark.parametrize("stack", STACKS)
def test_enough_rules_are_applied_and_every_finding_has_a_skip(stack: str, scans: dict[str, Scan]) -> None:
    assert len(scans[stack].rules) >= FEWEST_RULES
    assert unexplained(scans[stack].findings, CHECKOV, stack) == []


def test_every_skip_matches_a_finding(scans: dict[str, Scan]) -> None:
    assert useless({stack: scans[stack].findings for stack in STACKS}, CHECKOV) == []


@pytest.mark.parametrize(("rule", "resource"), [(rule, resource) for rule, resource, _ in CHECKOV_SABOTAGES])
def test_a_sabotage_is_found(rule: str, resource: str, scans: dict[str, Scan]) -> None:
    def found(scan: Scan) -> bool:
        return any((finding.rule, finding.resource) == (rule, resource) for finding in scan.findings)

    assert found(scans["sabotaged"])
    assert not found(scans["prod"])


def test_references_are_followed(scans: dict[str, Scan]) -> None:
    rule, resource, _ = ENDS_A_FINDING
    found = {
        name: any((finding.rule, finding.resource) == (rule, resource) for finding in scan.findings)
        for name, scan in scans.items()
    }
    assert found == {"dev": True, "prod": True, "sabotaged": False}


def test_finding_without_a_skip_is_reported_with_resource_and_rule() -> None:
    found = [Finding("CKV_AWS_1", "aws_sqs_queue.one", "Ensure something")]
    skip = Skip("CKV_AWS_1", "aws_sqs_queue.*", "because", ("dev",))
    assert unexplained(found, [skip], "dev") == []
    assert unexplained(found, [skip], "prod") == ["aws_sqs_queue.one breaks CKV_AWS_1: Ensure something"]
    assert unexplained(found, [dataclasses.replace(skip, resources="aws_sqs_queue.two")], "dev")
    assert unexplained(found, [dataclasses.replace(skip, rule="CKV_AWS_2")], "dev")
    assert useless({"dev": found, "prod": []}, [skip]) == []
    assert len(useless({"dev": found, "prod": []}, [dataclasses.replace(skip, stacks=("dev", "prod"))])) == 1


def test_plan_without_resources_fails(dev_graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(ScanFailed, match="holds no resource"):
        scan_plans({"empty": plan_of(dataclasses.replace(dev_graph, resources=[]))}, tmp_path)


# What checkov prints about a plan of whose resources it sees none; `make soak` has it print that again.
NOTHING_SEEN = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0}


@pytest.mark.parametrize("printed", [NOTHING_SEEN, pytest.param(None, marks=pytest.mark.soak, id="by checkov")])
def test_plan_that_checkov_cannot_read_fails(
    printed: dict[str, int] | None, dev_graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if printed:
        monkeypatch.setattr(scanners, "_run", lambda *_: json.dumps(printed))
    plan = plan_of(dev_graph) | {"planned_values": {"resource": {}}}
    with pytest.raises(ScanFailed, match=r"checkov saw 0 of \d+ resources"):
        scan_plans({"unread": plan}, tmp_path)


def test_type_without_a_terraform_name_is_rejected(dev_graph: Graph, extended_graph: Graph) -> None:
    assert plan_of(extended_graph)["resource_changes"]
    graph = copy.deepcopy(dev_graph)
    one_of(graph, aws.QUEUE, None).type = "aws:sqs/queueOfTomorrow:QueueOfTomorrow"
    with pytest.raises(Untranslatable, match=r"is a aws:sqs/queueOfTomorrow:\w+, which no scanner would see"):
        plan_of(graph)


def values(plan: dict[str, Any], address: str) -> dict[str, Any]:
    resources = plan["planned_values"]["root_module"]["resources"]
    (found,) = [entry["values"] for entry in resources if entry["address"] == address]
    return found


def test_plan_has_the_values_terraform_would_write(prod_graph: Graph) -> None:
    plan = plan_of(prod_graph)
    function = values(plan, "aws_lambda_function.query_function")
    assert function["function_name"] == "event-processing-prod-query"
    assert function["role"] == "${aws_iam_role.query_role.arn}"
    assert function["tracing_config"] == [{"mode": "Active"}]
    assert function["environment"][0]["variables"]["STACK"] == "prod"
    assert "reserved_concurrent_executions" not in function
    assert type(function["timeout"]) is int
    stage = values(plan, "aws_api_gateway_stage.api_stage")
    assert stage["rest_api_id"] == "${aws_api_gateway_rest_api.api_routes.id}"
    server = values(plan, "aws_cognito_resource_server.identity_scopes")
    assert server["scope"] == [
        {"scope_name": "services.read", "scope_description": "Read which services a user has logged in to"}
    ]
    policy = values(plan, "aws_iam_role_policy.event_handler_permissions")["policy"]
    assert '"${aws_sqs_queue.events_dead_letters.arn}"' in policy
    assert '"${aws_sqs_queue.events_source.arn}"' in policy


def test_addresses_are_unique(prod_graph: Graph) -> None:
    addresses = [change["address"] for change in plan_of(prod_graph)["resource_changes"]]
    assert len(set(addresses)) == len(addresses)
    assert len(set(TYPES.values())) == len(TYPES)
