"""The policies of the deploying role name actions, resources and conditions that AWS has."""

import json

from localcloud.deployer.recorder import Graph
from tests.security.scanners import lint_policies
from tools.deploy_policy import of_sample


def test_parliament_knows_every_action_resource_and_condition(prod_graph: Graph) -> None:
    documents = of_sample("prod", prod_graph)
    found = lint_policies({name: json.dumps(document) for name, document in documents.items()})
    # Composite alarms are described with the right to describe all, and a condition on the function limits mappings.
    assert [finding.rule for finding in found] == ["RESOURCE_STAR"] * 2
    assert "EventSourceMapping" in found[0].words
    assert "cloudwatch:DescribeAlarms" in found[1].words
    misspelt = json.dumps(documents).replace("sqs:CreateQueue", "sqs:MakeQueue")
    control = lint_policies({name: json.dumps(document) for name, document in json.loads(misspelt).items()})
    assert "UNKNOWN_ACTION" in {finding.rule for finding in control}
