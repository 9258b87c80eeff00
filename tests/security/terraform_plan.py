"""Translate a recorded graph into a Terraform plan, which public scanners read.

Pulumi's provider is generated from Terraform's, so attributes differ in spelling only. An unknown type is an error,
because a scanner ignores types it does not know.
"""

import re
from collections.abc import Mapping
from typing import Any

import pulumi

from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import Graph


class Untranslatable(Exception):  # noqa: N818 (an outcome)
    """A resource that cannot be translated; the message says what to add here."""


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).replace("-", "_").lower()


# Types that Terraform spells as Pulumi does, but in snake_case.
_ALIKE = {
    "apiGateway": "account authorizer deployment integration method methodSettings requestValidator resource restApi"
    " stage",
    "cloudwatch": "compositeAlarm dashboard eventRule eventTarget logGroup logIndexPolicy logMetricFilter metricAlarm"
    " queryDefinition",
    "cognito": "resourceServer userPool userPoolClient userPoolDomain",
    "dynamodb": "table",
    "iam": "role rolePolicy rolePolicyAttachment",
    "kms": "key",
    "lambda": "alias eventSourceMapping function functionEventInvokeConfig layerVersion permission"
    " provisionedConcurrencyConfig",
    "sns": "topic topicPolicy topicSubscription",
    "sqs": "queue queuePolicy",
    "ssm": "parameter",
    "xray": "group samplingRule",
}
TYPES = {
    f"aws:{module.lower()}/{name}:{name[0].upper()}{name[1:]}": f"aws_{_snake_case(module)}_{_snake_case(name)}"
    for module, names in _ALIKE.items()
    for name in names.split()
} | {
    "aws:apigateway/response:Response": "aws_api_gateway_gateway_response",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "aws_sqs_queue_redrive_allow_policy",
}
# Attributes whose names are not the snake_case of Pulumi's, at any depth: of every type, and of one type.
_RENAMED = {
    "code": "filename", "deployment": "deployment_id", "function": "function_name", "metricQueries": "metric_query",
    "restApi": "rest_api_id", "scopes": "scope", "topic": "topic_arn",
}  # fmt: skip
_RENAMED_IN = {
    "aws_cloudwatch_metric_alarm": {"name": "alarm_name"},
    "aws_dynamodb_table": {"attributes": "attribute"},
    "aws_lambda_function": {"name": "function_name"},
}
# Attributes with free keys; every other object is a nested block.
_MAPS = {"attributes", "dimensions", "requestParameters", "responseTemplates", "triggers", "variables"}
# Attributes with a single value that Terraform writes as a list.
_LISTED = {"types"}
# Values that mean an attribute is unset, which a scanner would not know.
_UNSET = (("reservedConcurrentExecutions", -1),)


def plan_of(graph: Graph) -> dict[str, Any]:
    """Return the plan that makes every resource of the graph; raises `Untranslatable`."""
    made = [resource for resource in graph.resources if resource.custom and not resource.type.startswith("pulumi:")]
    by_urn = {resource.urn: resource for resource in made}
    resources = [_resource(resource, by_urn) for resource in made]
    change = {"actions": ["create"], "before": None, "after_unknown": {}}
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": resources}},
        "resource_changes": [entry | {"change": change | {"after": entry["values"]}} for entry in resources],
        "configuration": {"root_module": {"resources": [_expressions(resource, by_urn) for resource in made]}},
    }


def address(resource: Resource) -> str:
    """Return the Terraform address of a resource; raises `Untranslatable`."""
    return f"{_type(resource)}.{_snake_case(resource.name)}"


def _resource(resource: Resource, by_urn: Mapping[str, Resource]) -> dict[str, Any]:
    type_, values = _type(resource), {}
    for key, value in resource.inputs.items():
        if value is not None and (key, value) not in _UNSET:
            sources = [by_urn[urn] for urn in resource.property_dependencies.get(key, []) if urn in by_urn]
            values[_spell(key, type_)] = _translate(key, value, type_, _references(sources))
    provider = {"provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 0}
    return _head(resource) | provider | {"values": values}


def _head(resource: Resource) -> dict[str, Any]:
    name = _snake_case(resource.name)
    return {"address": address(resource), "mode": "managed", "type": _type(resource), "name": name}


def _expressions(resource: Resource, by_urn: Mapping[str, Resource]) -> dict[str, Any]:
    """Return which resources an attribute comes from, even where its value is known: scanners draw edges from it."""
    expressions = {
        _spell(key, _type(resource)): {"references": [address(by_urn[urn]) for urn in urns if urn in by_urn]}
        for key, urns in resource.property_dependencies.items()
        if urns and resource.inputs.get(key) is not None
    }
    return _head(resource) | {"expressions": expressions}


def _type(resource: Resource) -> str:
    if resource.type not in TYPES:
        raise Untranslatable(
            f"{resource.name} is a {resource.type}, which no scanner would see: add its Terraform name to TYPES in "
            "tests/security/terraform_plan.py"
        )
    return TYPES[resource.type]


def _references(sources: list[Resource]) -> dict[str, str]:
    """Return the Terraform references to the outputs of these resources, by value; inputs stay as values."""
    found: dict[str, str] = {}
    for source in sources:
        known = {value for value in source.inputs.values() if isinstance(value, str)}
        outputs = {"id": source.id} | source.outputs
        for key, value in outputs.items():
            # An ID that is also a chosen name is still a reference to the resource.
            if isinstance(value, str) and (value not in known or key == "id"):
                found.setdefault(value, f"${{{address(source)}.{_snake_case(key)}}}")
    return found


def _translate(key: str, value: Any, type_: str, references: Mapping[str, str]) -> Any:
    if isinstance(value, pulumi.FileArchive):
        return value.path
    if isinstance(value, str):
        text = _refer(value, references)
        return [text] if key in _LISTED else text
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_translate("", element, type_, references) for element in value]
    if isinstance(value, dict):
        if key in _MAPS:
            return {name: _translate("", element, type_, references) for name, element in value.items()}
        block = {_spell(name, type_): _translate(name, element, type_, references) for name, element in value.items()}
        # Terraform writes a nested block as a list of one block; blocks in Pulumi's lists come without a key.
        return block if key == "" else [block]
    return value


def _refer(text: str, references: Mapping[str, str]) -> str:
    if text in references:
        return references[text]
    # Inside a text, only unambiguous values: an ARN, a URL, an ID drawn by AWS.
    parts = sorted((value for value in references if re.search(r"[0-9:]", value)), key=len, reverse=True)
    if not parts:
        return text
    return re.sub("|".join(map(re.escape, parts)), lambda found: references[found[0]], text)


def _spell(key: str, type_: str) -> str:
    return (_RENAMED | _RENAMED_IN.get(type_, {})).get(key) or _snake_case(key)
