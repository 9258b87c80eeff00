"""What an upgrade or a setting must never replace."""

import re

from tools.terminal import Step

# What holds data or is known to others.
KEPT = re.compile(
    r"aws:(sqs/queue|dynamodb/table|cognito/userPool(Client|Domain)?|kms/key|cloudwatch/logGroup|apigateway/restApi):"
)


def lost(planned: list[Step]) -> list[Step]:
    """Return the steps that replace or delete what must be kept."""
    return [step for step in planned if KEPT.match(step.type) and step.operation not in ("create", "update")]
