"""A backend for recording, with the outputs of AWS, so that text built from outputs has the form it has in AWS."""

from collections.abc import Callable
from typing import Any

from localcloud.deployer.engine import Created, Resource

ACCOUNT = "123456789012"
REGION = "eu-west-1"
AWS = f"{REGION}:{ACCOUNT}"


class InventedAws:
    """A backend that creates nothing and returns what AWS would return."""

    def create(self, resource: Resource) -> Created:
        """Return the ID and the outputs that AWS would give the resource."""
        package, _, rest = resource.type.partition(":")
        assert package == "aws", f"no outputs are invented for {resource.type}"
        name = str(_physical_name(resource) or f"{resource.name}-1234567")
        invent = OUTPUTS.get(rest.rpartition(":")[2], lambda _name, _inputs: {})
        outputs = {
            "arn": f"arn:aws:{rest.partition('/')[0]}:{AWS}:{name}",
            "region": REGION,
            **invent(name, resource.inputs),
        }
        if "name" not in resource.inputs:
            outputs["name"] = name
        defaults = resource.provider.inputs.get("defaultTags", {}).get("tags", {}) if resource.provider else {}
        outputs["tagsAll"] = defaults | (resource.inputs.get("tags") or {})
        return Created(str(outputs.pop("id", name)), outputs)

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        """Return what AWS would return for an invoke."""
        function = token.rpartition(":")[2]
        assert function in RESULTS, f"no result is invented for {token}"
        return RESULTS[function](arguments)


def _physical_name(resource: Resource) -> str | None:
    keys = ("name", "dashboardName", "alarmName", "layerName")
    return next((resource.inputs[key] for key in keys if key in resource.inputs), None)


# Outputs by the last part of a resource's type, in addition to `arn` and `name`, which every resource has.
OUTPUTS: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "Queue": lambda name, _: {
        "arn": f"arn:aws:sqs:{AWS}:{name}",
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}",
        "id": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}",
    },
    "Table": lambda name, _: {"arn": f"arn:aws:dynamodb:{AWS}:table/{name}"},
    "Key": lambda name, _: {"arn": f"arn:aws:kms:{AWS}:key/{name}", "keyId": name, "id": name},
    "Role": lambda name, _: {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "uniqueId": "AROAEXAMPLE"},
    "LogGroup": lambda name, _: {"arn": f"arn:aws:logs:{AWS}:log-group:{name}"},
    "Function": lambda name, _: {
        "arn": f"arn:aws:lambda:{AWS}:function:{name}",
        "invokeArn": _invoke_arn(name),
        "qualifiedArn": f"arn:aws:lambda:{AWS}:function:{name}:1",
        "qualifiedInvokeArn": _invoke_arn(f"{name}:1"),
        "version": "1",
    },
    "Alias": lambda name, inputs: {
        "arn": f"arn:aws:lambda:{AWS}:function:{inputs['functionName']}:{name}",
        "invokeArn": _invoke_arn(f"{inputs['functionName']}:{name}"),
    },
    "LayerVersion": lambda name, _: {
        "arn": f"arn:aws:lambda:{AWS}:layer:{name}:1",
        "layerArn": f"arn:aws:lambda:{AWS}:layer:{name}",
        "version": "1",
    },
    "EventSourceMapping": lambda name, inputs: {
        "uuid": "11111111-2222-3333-4444-555555555555",
        "id": "11111111-2222-3333-4444-555555555555",
        "functionArn": inputs.get("functionName"),
    },
    "UserPool": lambda name, _: {
        "id": f"{REGION}_Example",
        "arn": f"arn:aws:cognito-idp:{AWS}:userpool/{REGION}_Example",
        "endpoint": f"cognito-idp.{REGION}.amazonaws.com/{REGION}_Example",
    },
    "UserPoolClient": lambda name, _: {"id": f"client-{name}", "clientSecret": f"secret-of-{name}"},
    "UserPoolDomain": lambda name, inputs: {"id": inputs["domain"]},
    "ResourceServer": lambda name, inputs: {
        "scopeIdentifiers": [f"{inputs['identifier']}/{scope['scopeName']}" for scope in inputs.get("scopes", [])]
    },
    "RestApi": lambda name, _: {
        "id": "a1b2c3d4e5",
        "arn": f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3d4e5",
        "executionArn": f"arn:aws:execute-api:{AWS}:a1b2c3d4e5",
        "rootResourceId": "r0ot000000",
    },
    "Stage": lambda name, inputs: {
        "id": f"ags-a1b2c3d4e5-{inputs['stageName']}",
        "arn": f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3d4e5/stages/{inputs['stageName']}",
        "executionArn": f"arn:aws:execute-api:{AWS}:a1b2c3d4e5/{inputs['stageName']}",
        "invokeUrl": f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com/{inputs['stageName']}",
    },
    "Topic": lambda name, _: {"arn": f"arn:aws:sns:{AWS}:{name}", "id": f"arn:aws:sns:{AWS}:{name}"},
    "MetricAlarm": lambda name, _: {"arn": f"arn:aws:cloudwatch:{AWS}:alarm:{name}"},
    "CompositeAlarm": lambda name, _: {"arn": f"arn:aws:cloudwatch:{AWS}:alarm:{name}"},
    "Dashboard": lambda name, _: {"dashboardArn": f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"},
}


def _invoke_arn(function: str) -> str:
    function_arn = f"arn:aws:lambda:{AWS}:function:{function}"
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations"


RESULTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "getCallerIdentity": lambda _: {
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/deployer",
        "id": ACCOUNT,
        "userId": "AIDAEXAMPLE",
    },
    "getRegion": lambda _: {"id": REGION, "name": REGION, "region": REGION, "description": "Europe (Ireland)"},
    "getPartition": lambda _: {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    },
}
