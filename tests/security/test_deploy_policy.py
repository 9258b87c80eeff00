"""The policies of the deploying role name actions, resources and conditions that AWS has."""

import json

from localcloud.deployer.recorder import Graph
from tests.security.scanners import lint_policies
from tools.deploy_policy import of_sample

MISSPELT = "misspelt "
STAR, UNKNOWN = "RESOURCE_STAR", "UNKNOWN_ACTION"
NEWER = "PutLogGroupDeletionProtection"
"""An action of the pinned botocore that parliament's list, which is older, does not have."""


def test_parliament_knows_every_action_resource_and_condition(prod_graph: Graph) -> None:
    documents = of_sample("prod", prod_graph)
    texts = {name: json.dumps(document) for name, document in documents.items()}
    misspelt = {MISSPELT + name: text.replace("sqs:CreateQueue", "sqs:MakeQueue") for name, text in texts.items()}
    found = lint_policies(texts | misspelt)
    rules = [(finding.rule, finding.words) for finding in found if not finding.resource.startswith(MISSPELT)]
    # Composite alarms are described with the right to describe all, and a condition on the function limits mappings.
    (mappings, alarms), [newer] = ([words for rule, words in rules if rule == kind] for kind in (STAR, UNKNOWN))
    assert "EventSourceMapping" in mappings
    assert "cloudwatch:DescribeAlarms" in alarms
    assert NEWER in newer
    assert len(rules) == 3
    control = [finding.rule for finding in found if finding.resource.startswith(MISSPELT)]
    assert control.count(UNKNOWN) == 2
