"""Schedules, and parameters: what the probe needs besides its function."""

from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created, Inputs, creates, pascal


@creates("aws:cloudwatch/eventRule:EventRule", ignoring="forceDestroy")
def _event_rule(cloud: Account, inputs: Inputs) -> Created:
    name = inputs.take_name()
    made = cloud.client("events").put_rule(Name=name, **inputs.take_rest(pascal))
    return Created(name, {"arn": made["RuleArn"], "name": name})


@creates("aws:cloudwatch/eventTarget:EventTarget", ignoring="forceDestroy")
def _event_target(cloud: Account, inputs: Inputs) -> Created:
    rule, target = inputs.take("rule"), inputs.take("targetId")
    cloud.client("events").put_targets(Rule=rule, Targets=[{"Id": target, "Arn": inputs.take("arn")}])
    return Created(f"{rule}-{target}")


@creates("aws:ssm/parameter:Parameter")
def _parameter(cloud: Account, inputs: Inputs) -> Created:
    name = inputs.take("name")
    arn = f"arn:aws:ssm:{cloud.region}:{cloud.account_id}:parameter/{name.removeprefix('/')}"
    made = put_parameter(cloud, name, inputs, overwrite=inputs.take("overwrite", False))
    return Created(name, {"arn": arn, "name": name} | made)


def put_parameter(cloud: Account, name: str, inputs: Inputs, *, overwrite: bool) -> dict[str, Any]:
    """Put the value of a parameter and return its version."""
    made = cloud.client("ssm").put_parameter(Name=name, Overwrite=overwrite, **inputs.take_rest(pascal))
    return {"version": made["Version"]}
