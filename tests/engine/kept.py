"""What an upgrade or a setting must never replace."""

import re

from tools.terminal import Step

# What holds data or is known to others.
KEPT = re.compile(
    r"aws:(sqs/queue|dynamodb/table|cognito/userPool(Client|Domain)?|kms/key|cloudwatch/logGroup|apigateway/restApi):"
)

KEY_LEFT = ("leave", "aws:kms/key:Key")


def lost(planned: list[Step]) -> list[Step]:
    """Return the steps that replace or delete what must be kept. A key that Pulumi leaves still decrypts."""
    harmless = ("create", "update")
    return [
        step
        for step in planned
        if KEPT.match(step.type) and step.operation not in harmless and (step.operation, step.type) != KEY_LEFT
    ]
