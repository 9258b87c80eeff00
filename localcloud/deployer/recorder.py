"""Run the whole program against an engine that records, and look at what it would deploy.

The program runs in a process of its own, as under the CLI; only the providers are invented: each resource gets the
outputs AWS would give it, so that whatever is concatenated from them has the shape it has in AWS.
"""

import fcntl
import hashlib
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud import samples
from localcloud.deployer import engine, stack_config
from localcloud.deployer.engine import Created, Resource

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
REGION = "eu-west-1"
AWS = f"{REGION}:{ACCOUNT}"

# A stack `prod` as committed is refused until clients and somebody to page are named.
PROD_OVERLAY = {
    "apiClients": ["reporting"],
    "alarmEmail": "oncall@example.com",
    "pageEndpoint": "https://pager.example.com/in",
}


@dataclass(frozen=True)
class Graph:
    """What was recorded."""

    resources: list[Resource]
    outputs: dict[str, Any]
    secret_outputs: set[str]

    def of_type(self, type_: str) -> list[Resource]:
        """Answer the resources of a type, such as `aws:sqs/queue:Queue`."""
        return [resource for resource in self.resources if resource.type == type_]

    def one(self, type_: str, name: str | None = None) -> Resource:
        """Answer the only resource of a type, or the only one of that name."""
        found = [resource for resource in self.of_type(type_) if name in (None, resource.name)]
        wanted = type_ if name is None else f"{type_} {name}"
        assert len(found) == 1, f"one {wanted} expected, found {[resource.name for resource in found]}"
        return found[0]

    def children(self, urn: str) -> list[Resource]:
        """Answer the direct children of a resource."""
        return [resource for resource in self.resources if resource.parent == urn]

    def by_urn(self, urn: str) -> Resource:
        """Answer the resource of that URN."""
        return next(resource for resource in self.resources if resource.urn == urn)


shared_folder: Path | None = None
"""Where the processes of one test run find each other's recordings."""


def record(
    stack: str = "dev",
    config: Mapping[str, Any] | None = None,
    *,
    preview: bool = False,
    project: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Graph:
    """Answer what the program registers for `stack` with `config` over its settings; raises as a deployment does.

    The settings are those of the sample, unless another project is recorded.

    Of several processes of a test run that want the same, the first records it.
    """
    if shared_folder is None or preview or environment or project != ROOT:
        return _record(stack, config, preview, project, environment)
    settings = json.dumps([stack, dict(config or {})], sort_keys=True)
    file = shared_folder / f"recorded-{hashlib.sha256(settings.encode()).hexdigest()}"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_bytes(pickle.dumps(_record(stack, config, preview, project, environment)))
    return pickle.loads(file.read_bytes())  # noqa: S301 (written by another process of this run)


def _record(
    stack: str, config: Mapping[str, Any] | None, preview: bool, project: Path, environment: Mapping[str, str] | None
) -> Graph:
    deployment = engine.deploy(
        project,
        (samples if project == ROOT else stack_config).read(project, stack, config),
        InventedAws(),
        preview=preview,
        environment={TARGET_VARIABLE: HOST} | dict(environment or {}),
    )
    return Graph(deployment.resources, deployment.outputs, deployment.secret_outputs)


class InventedAws:
    """A backend that creates nothing and answers as AWS would."""

    def create(self, resource: Resource) -> Created:
        """Return the id and the outputs AWS would give the resource."""
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
        """Return the invented answer to a provider function."""
        function = token.rpartition(":")[2]
        assert function in ANSWERS, f"no answer is invented for {token}"
        return ANSWERS[function](arguments)


def _physical_name(resource: Resource) -> str | None:
    for key in ("name", "dashboardName", "alarmName", "layerName"):
        if key in resource.inputs:
            return resource.inputs[key]
    return None


# Outputs by the last part of a resource's type, beside `arn` and `name`, which every resource gets.
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


ANSWERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
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
