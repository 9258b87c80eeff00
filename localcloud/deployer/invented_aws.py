"""A backend for recording, with the outputs of AWS, so that text built from outputs has the form it has in AWS."""

from collections.abc import Callable
from typing import Any

from localcloud.deployer.engine import Created, Resource

ACCOUNT = "123456789012"
REGION = "eu-west-1"
AWS = f"{REGION}:{ACCOUNT}"
NAME_KEYS = ("name", "dashboardName", "alarmName", "layerName")


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{AWS}:{rest}"


def _invoke_arn(function: str) -> str:
    function_arn = _arn("lambda", f"function:{function}")
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations"


class InventedAws:
    """A backend that creates nothing and returns what AWS would return."""

    def create(self, resource: Resource) -> Created:
        """Return the ID and the outputs that AWS would give the resource."""
        package, _, rest = resource.type.partition(":")
        assert package == "aws", f"no outputs are invented for {resource.type}"
        given = next((resource.inputs[key] for key in NAME_KEYS if key in resource.inputs), None)
        name = str(given or f"{resource.name}-1234567")
        invent = OUTPUTS.get(rest.rpartition(":")[2], lambda _name, _inputs: {})
        outputs = {"arn": _arn(rest.partition("/")[0], name), "region": REGION, **invent(name, resource.inputs)}
        if "name" not in resource.inputs:
            outputs["name"] = name
        defaults = resource.provider.inputs.get("defaultTags", {}).get("tags", {}) if resource.provider else {}
        outputs["tagsAll"] = defaults | (resource.inputs.get("tags") or {})
        return Created(str(outputs.pop("id", name)), outputs)

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        """Return what AWS would return for an invoke."""
        assert token.endswith(":getCallerIdentity"), f"no result is invented for {token}"
        return USER


API = "a1b2c3d4e5"
QUEUES = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"
MAPPING = "11111111-2222-3333-4444-555555555555"
POOL = f"{REGION}_Example"

# Outputs by the last part of a resource's type, in addition to `arn` and `name`, which every resource has.
OUTPUTS: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "Queue": lambda name, _: {"arn": _arn("sqs", name), "url": f"{QUEUES}/{name}", "id": f"{QUEUES}/{name}"},
    "Table": lambda name, _: {"arn": _arn("dynamodb", f"table/{name}")},
    "Key": lambda name, _: {"arn": _arn("kms", f"key/{name}"), "keyId": name, "id": name},
    "Role": lambda name, _: {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "uniqueId": "AROAEXAMPLE"},
    "LogGroup": lambda name, _: {"arn": _arn("logs", f"log-group:{name}")},
    "Function": lambda name, _: {
        "arn": _arn("lambda", f"function:{name}"),
        "invokeArn": _invoke_arn(name),
        "qualifiedArn": _arn("lambda", f"function:{name}:1"),
        "qualifiedInvokeArn": _invoke_arn(f"{name}:1"),
        "version": "1",
    },
    "Alias": lambda name, inputs: {
        "arn": _arn("lambda", f"function:{inputs['functionName']}:{name}"),
        "invokeArn": _invoke_arn(f"{inputs['functionName']}:{name}"),
    },
    "LayerVersion": lambda name, _: {
        "arn": _arn("lambda", f"layer:{name}:1"),
        "layerArn": _arn("lambda", f"layer:{name}"),
        "version": "1",
    },
    "EventSourceMapping": lambda _, inputs: {"uuid": MAPPING, "id": MAPPING, "functionArn": inputs.get("functionName")},
    "UserPool": lambda *_: {
        "id": POOL,
        "arn": _arn("cognito-idp", f"userpool/{POOL}"),
        "endpoint": f"cognito-idp.{REGION}.amazonaws.com/{POOL}",
    },
    "UserPoolClient": lambda name, _: {"id": f"client-{name}", "clientSecret": f"secret-of-{name}"},
    "UserPoolDomain": lambda _, inputs: {"id": inputs["domain"]},
    "ResourceServer": lambda _, inputs: {
        "scopeIdentifiers": [f"{inputs['identifier']}/{scope['scopeName']}" for scope in inputs.get("scopes", [])]
    },
    "RestApi": lambda *_: {
        "id": API,
        "arn": f"arn:aws:apigateway:{REGION}::/restapis/{API}",
        "executionArn": _arn("execute-api", API),
        "rootResourceId": "r0ot000000",
    },
    "Stage": lambda _, inputs: {
        "id": f"ags-{API}-{inputs['stageName']}",
        "arn": f"arn:aws:apigateway:{REGION}::/restapis/{API}/stages/{inputs['stageName']}",
        "executionArn": _arn("execute-api", f"{API}/{inputs['stageName']}"),
        "invokeUrl": f"https://{API}.execute-api.{REGION}.amazonaws.com/{inputs['stageName']}",
    },
    "Parameter": lambda name, _: {"arn": _arn("ssm", f"parameter{name}"), "version": 1},
    "EventRule": lambda name, _: {"arn": _arn("events", f"rule/{name}")},
    "Topic": lambda name, _: {"arn": _arn("sns", name), "id": _arn("sns", name)},
    "MetricAlarm": lambda name, _: {"arn": _arn("cloudwatch", f"alarm:{name}")},
    "CompositeAlarm": lambda name, _: {"arn": _arn("cloudwatch", f"alarm:{name}")},
    "Dashboard": lambda name, _: {"dashboardArn": f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"},
}
USER = {"id": ACCOUNT, "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/deployer", "userId": "AIDAEXAMPLE"}
