"""Translate a recorded graph into a Terraform plan, which public scanners read.

Pulumi's provider is generated from Terraform's, so attributes differ in spelling only. An unknown type is an error,
because a scanner ignores types it does not know.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import Graph


class Untranslatable(Exception):  # noqa: N818 (an outcome)
    """A resource that cannot be translated; the message says what to add here."""


@dataclass(frozen=True)
class Words:
    """How Terraform spells one resource type."""

    type: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Attributes whose names are not the snake_case of Pulumi's, at any depth."""
    maps: tuple[str, ...] = ()
    """Attributes with free keys; every other object is a nested block."""
    listed: tuple[str, ...] = ()
    """Attributes with a single value that Terraform writes as a list."""
    unset: Mapping[str, Any] = field(default_factory=dict)
    """Values that mean an attribute is unset, which a scanner would not know."""


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).replace("-", "_").lower()


_OF_API = {"restApi": "rest_api_id"}
# Types that Terraform spells as Pulumi does, but in snake_case.
_ALIKE = {
    "cloudwatch": "compositeAlarm dashboard logGroup logIndexPolicy queryDefinition",
    "cognito": "userPool userPoolClient userPoolDomain",
    "iam": "role rolePolicy rolePolicyAttachment",
    "kms": "key",
    "lambda": "alias eventSourceMapping provisionedConcurrencyConfig",
    "sns": "topic topicPolicy",
    "sqs": "queue queuePolicy",
    "xray": "group",
}
WORDS = {
    f"aws:{module}/{name}:{name[0].upper()}{name[1:]}": Words(f"aws_{module}_{_snake_case(name)}")
    for module, names in _ALIKE.items()
    for name in names.split()
} | {
    "aws:apigateway/account:Account": Words("aws_api_gateway_account"),
    "aws:apigateway/authorizer:Authorizer": Words("aws_api_gateway_authorizer", _OF_API),
    "aws:apigateway/deployment:Deployment": Words("aws_api_gateway_deployment", _OF_API, maps=("triggers",)),
    "aws:apigateway/integration:Integration": Words("aws_api_gateway_integration", _OF_API),
    "aws:apigateway/method:Method": Words("aws_api_gateway_method", _OF_API, maps=("requestParameters",)),
    "aws:apigateway/methodSettings:MethodSettings": Words("aws_api_gateway_method_settings", _OF_API),
    "aws:apigateway/requestValidator:RequestValidator": Words("aws_api_gateway_request_validator", _OF_API),
    "aws:apigateway/resource:Resource": Words("aws_api_gateway_resource", _OF_API),
    "aws:apigateway/response:Response": Words("aws_api_gateway_gateway_response", maps=("responseTemplates",)),
    "aws:apigateway/restApi:RestApi": Words("aws_api_gateway_rest_api", listed=("types",)),
    "aws:apigateway/stage:Stage": Words("aws_api_gateway_stage", _OF_API | {"deployment": "deployment_id"}),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Words("aws_cloudwatch_log_metric_filter", maps=("dimensions",)),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Words(
        "aws_cloudwatch_metric_alarm", {"name": "alarm_name", "metricQueries": "metric_query"}, maps=("dimensions",)
    ),
    "aws:cognito/resourceServer:ResourceServer": Words("aws_cognito_resource_server", {"scopes": "scope"}),
    "aws:dynamodb/table:Table": Words("aws_dynamodb_table", {"attributes": "attribute"}),
    "aws:lambda/function:Function": Words(
        "aws_lambda_function",
        {"name": "function_name", "code": "filename"},
        maps=("variables",),
        unset={"reservedConcurrentExecutions": -1},
    ),
    "aws:lambda/layerVersion:LayerVersion": Words("aws_lambda_layer_version", {"code": "filename"}),
    "aws:lambda/permission:Permission": Words("aws_lambda_permission", {"function": "function_name"}),
    "aws:sns/topicSubscription:TopicSubscription": Words("aws_sns_topic_subscription", {"topic": "topic_arn"}),
    "aws:xray/samplingRule:SamplingRule": Words("aws_xray_sampling_rule", maps=("attributes",)),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Words("aws_sqs_queue_redrive_allow_policy"),
}


def plan_of(graph: Graph) -> dict[str, Any]:
    """Return the plan that makes every resource of the graph; raises `Untranslatable`."""
    made = [resource for resource in graph.resources if resource.custom and not resource.type.startswith("pulumi:")]
    by_urn = {resource.urn: resource for resource in made}
    resources = [_resource(resource, by_urn) for resource in made]
    changes = [
        {
            **{key: value for key, value in entry.items() if key != "values"},
            "change": {"actions": ["create"], "before": None, "after": entry["values"], "after_unknown": {}},
        }
        for entry in resources
    ]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": resources}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": [_expressions(resource, by_urn) for resource in made]}},
    }


def address(resource: Resource) -> str:
    """Return the Terraform address of a resource; raises `Untranslatable`."""
    return f"{_words(resource).type}.{_snake_case(resource.name)}"


def _resource(resource: Resource, by_urn: Mapping[str, Resource]) -> dict[str, Any]:
    words = _words(resource)
    values = {}
    for key, value in resource.inputs.items():
        if value is None or (key in words.unset and value == words.unset[key]):
            continue
        sources = [by_urn[urn] for urn in resource.property_dependencies.get(key, []) if urn in by_urn]
        values[_spell(key, words)] = _translate(key, value, words, _references(sources))
    return _head(resource) | {
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "schema_version": 0,
        "values": values,
    }


def _head(resource: Resource) -> dict[str, Any]:
    name = _snake_case(resource.name)
    return {"address": address(resource), "mode": "managed", "type": _words(resource).type, "name": name}


def _expressions(resource: Resource, by_urn: Mapping[str, Resource]) -> dict[str, Any]:
    """Return which resources an attribute comes from, even where its value is known: scanners draw edges from it."""
    words = _words(resource)
    expressions = {
        _spell(key, words): {"references": [address(by_urn[urn]) for urn in urns if urn in by_urn]}
        for key, urns in resource.property_dependencies.items()
        if urns and resource.inputs.get(key) is not None
    }
    return _head(resource) | {"expressions": expressions}


def _words(resource: Resource) -> Words:
    if resource.type not in WORDS:
        raise Untranslatable(
            f"{resource.name} is a {resource.type}, which no scanner would see: add its Terraform name to WORDS in "
            "tests/security/terraform_plan.py"
        )
    return WORDS[resource.type]


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


def _translate(key: str, value: Any, words: Words, references: Mapping[str, str]) -> Any:
    if isinstance(value, pulumi.FileArchive):
        return value.path
    if isinstance(value, str):
        return _refer(value, references)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_translate("", element, words, references) for element in value]
    if isinstance(value, dict):
        if key in words.maps:
            return {name: _translate("", element, words, references) for name, element in value.items()}
        block = {_spell(name, words): _listed(name, element, words, references) for name, element in value.items()}
        # Terraform writes a nested block as a list of one block; blocks in Pulumi's lists come without a key.
        return block if key == "" else [block]
    return value


def _listed(key: str, value: Any, words: Words, references: Mapping[str, str]) -> Any:
    translated = _translate(key, value, words, references)
    return [translated] if key in words.listed and not isinstance(translated, list) else translated


def _refer(text: str, references: Mapping[str, str]) -> str:
    if text in references:
        return references[text]
    # Inside a text, only unambiguous values: an ARN, a URL, an ID drawn by AWS.
    parts = sorted((value for value in references if re.search(r"[0-9:]", value)), key=len, reverse=True)
    if not parts:
        return text
    return re.sub("|".join(map(re.escape, parts)), lambda found: references[found[0]], text)


def _spell(key: str, words: Words) -> str:
    return words.renamed.get(key, _snake_case(key))
