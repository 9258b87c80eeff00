"""The decision record lists what a permissions boundary must allow."""

import json
import re
from pathlib import Path

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws

RECORD = Path(__file__).parents[2] / "docs/decisions/0044-what-the-owner-of-the-account-adds.md"


def listed(text: str) -> set[str]:
    """The actions in the list after the marker."""
    block = text.partition("tests/docs/test_boundary.py -->")[2].partition("\n\nWith ")[0]
    return set(re.findall(r"`(\w+:\w+)`", block))


def test_listed_actions_are_those_of_every_role(extended_graph: Graph) -> None:
    policies = [json.loads(policy.inputs["policy"]) for policy in extended_graph.of_type(aws.ROLE_POLICY)]
    allowed = {action for policy in policies for entry in policy["Statement"] for action in entry["Action"]}
    assert listed(RECORD.read_text()) == allowed
    assert listed(RECORD.read_text().replace("`sqs:SendMessage`", "")) != allowed  # the control
