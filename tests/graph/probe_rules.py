"""Rules about the probe. A stack without one has none of its resources."""

import json
from collections.abc import Iterator

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.graph_rules import depends_on

# What it may do, besides what every function may: send an event, and read its own secret.
OWN = {"sqs:SendMessage", "ssm:GetParameter", "kms:Decrypt", "kms:GenerateDataKey"}
OF_EVERY_FUNCTION = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def invoked_by_its_schedule_alone(graph: Graph) -> Iterator[str]:
    """Each rule runs every minute what it is allowed to invoke, and nothing else may be invoked by EventBridge."""
    arns = {alias.outputs["arn"]: alias for alias in graph.of_type(aws.ALIAS)}
    targets = {target.inputs["rule"]: target for target in graph.of_type(aws.EVENT_TARGET)}
    permissions = [
        permission
        for permission in graph.of_type(aws.PERMISSION)
        if permission.inputs["principal"] == "events.amazonaws.com"
    ]
    for rule in graph.of_type(aws.EVENT_RULE):
        if rule.inputs.get("scheduleExpression") != "rate(1 minute)":
            yield f"{rule.name} runs at {rule.inputs.get('scheduleExpression')}"
        if rule.inputs["name"] not in targets:
            yield f"{rule.name} runs nothing"
            continue
        target = targets[rule.inputs["name"]]
        alias = arns.get(target.inputs["arn"])
        allowed = [
            permission
            for permission in permissions
            if alias
            and permission.inputs["function"] == alias.inputs["functionName"]
            and permission.inputs.get("qualifier") == alias.inputs["name"]
            and permission.inputs.get("sourceArn") == rule.outputs["arn"]
        ]
        if not allowed:
            yield f"{rule.name} may not invoke {target.inputs['arn']}"
        yield from depends_on(graph, target, *allowed)
        permissions = [permission for permission in permissions if permission not in allowed]
    yield from (f"{permission.name} lets another rule invoke" for permission in permissions)


def no_backlog_of_probes(graph: Graph) -> Iterator[str]:
    """A run that Lambda has no room for is given up within its minute, and is not repeated."""
    for target in graph.of_type(aws.EVENT_TARGET):
        kept = [
            (config.inputs.get("maximumRetryAttempts"), config.inputs.get("maximumEventAgeInSeconds"))
            for config in graph.of_type(aws.EVENT_INVOKE)
            if f"function:{config.inputs['functionName']}:{config.inputs.get('qualifier')}" in target.inputs["arn"]
        ]
        if kept != [(0, 60)]:
            yield f"{target.name} leaves runs behind by {kept}"


def probe_may_send_and_read_its_secret(graph: Graph) -> Iterator[str]:
    """The probe reads one parameter, by name, and no other function may; beside that it may only send."""
    arns = [parameter.outputs["arn"] for parameter in graph.of_type(aws.PARAMETER)]
    for policy in graph.of_type(aws.ROLE_POLICY):
        statements = json.loads(policy.inputs["policy"])["Statement"]
        actions = {action for statement in statements for action in statement["Action"]}
        is_probe = policy.name == "probe-permissions"
        if is_probe and not actions <= OWN | OF_EVERY_FUNCTION:
            yield f"{policy.name} allows {sorted(actions - OWN - OF_EVERY_FUNCTION)}"
        for statement in statements:
            reads = "ssm:GetParameter" in statement["Action"]
            if reads and not (is_probe and statement["Resource"] == arns):
                yield f"{policy.name} may read {statement['Resource']}"


def secret_of_the_probe_is_encrypted(graph: Graph) -> Iterator[str]:
    """The secret is in an encrypted parameter, and in no variable of a function."""
    parameters = {made.inputs["name"]: made for made in graph.of_type(aws.PARAMETER)}
    for parameter in parameters.values():
        if parameter.inputs["type"] != "SecureString" or "value" not in parameter.secret_inputs:
            yield f"{parameter.name} is readable"
    for function in graph.of_type(aws.FUNCTION):
        variables = function.inputs["environment"]["variables"]
        if variables.get("CLIENT_SECRET_PARAMETER", "") not in {"", *parameters}:
            yield f"{function.name} reads a parameter that does not exist"
        if "environment" in function.secret_inputs or "secret-of-" in repr(variables):
            yield f"{function.name} has a secret among its variables"


def probe_pages_when_it_fails_or_is_gone(graph: Graph) -> Iterator[str]:
    """A stack with a probe has an alarm that pages on its failures and on their absence; without, it has none."""
    alarms = [alarm for alarm in graph.of_type(aws.ALARM) if alarm.name == "probe-failing"]
    if bool(alarms) != bool(graph.of_type(aws.EVENT_RULE)):
        yield f"{len(graph.of_type(aws.EVENT_RULE))} probes have {len(alarms)} alarms"
    for alarm in alarms:
        if alarm.inputs["metricName"] != "ProbeSuccess" or alarm.inputs["treatMissingData"] != "breaching":
            yield f"{alarm.name} does not page when the probe is gone"
        if not all(topic.endswith("-p1") for topic in alarm.inputs["alarmActions"]):
            yield f"{alarm.name} notifies {alarm.inputs['alarmActions']}"
