"""The facts about replacement agree with CloudFormation's schemas; each difference has its reason."""

import json
import re
from pathlib import Path

import pytest

from localcloud.providers.replacements import all_facts, changed, replacing

CREATE_ONLY = json.loads(Path(__file__).with_name("create_only.json").read_text())["types"]

# CloudFormation's names for inputs that Pulumi names otherwise.
NAMES = {
    "AlarmName": {"MetricAlarm": "name", "CompositeAlarm": "alarmName"},
    "Content": {"LayerVersion": "code"},
    "Endpoint": {},
    "FilterName": {"LogMetricFilter": "name"},
    "FunctionName": {"Permission": "function", "Function": "name", "Alias": "functionName"},
    "LogGroupName": {"LogGroup": "name", "LogMetricFilter": "logGroupName"},
    "PolicyName": {"RolePolicy": "name"},
    "PrincipalOrgID": {"Permission": "principalOrgId"},
    "QueueName": {"Queue": "name"},
    "RestApiId": {"Response": "restApiId"},
    "RoleName": {"Role": "name", "RolePolicy": "role"},
    "SamplingRule/Version": {"SamplingRule": "version"},
    "TableName": {"Table": "name"},
    "TopicArn": {"TopicSubscription": "topic"},
    "TopicName": {"Topic": "name"},
}

NOT_AN_INPUT = "the AWS provider has no such input, or has it as another type"
IN_PLACE = "the AWS provider changes it in place"
# What CloudFormation replaces and the provider does not.
ONLY_CLOUDFORMATION = {
    ("Deployment", "deploymentCanarySettings"): NOT_AN_INPUT,
    ("Permission", "invokedViaFunctionUrl"): NOT_AN_INPUT,
    ("RequestValidator", "name"): IN_PLACE,
    ("Resource", "parentId"): IN_PLACE,
    ("Resource", "pathPart"): IN_PLACE,
    ("Table", "importSourceSpecification"): NOT_AN_INPUT,
}
TERRAFORM = "ForceNew in the provider's source, as the source of the fact says"
# What the provider replaces and CloudFormation does not, or cannot set.
ONLY_PROVIDER = {
    "CompositeAlarm": {"actionsEnabled": TERRAFORM},
    "Deployment": {"triggers": "exists in the provider only", "variables": TERRAFORM},
    "EventSourceMapping": {"queues": TERRAFORM, "topics": TERRAFORM},
    "Group": {"groupName": TERRAFORM},
    "Key": dict.fromkeys(
        ("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"),
        "CloudFormation updates it by creating another key",
    ),
    "LayerVersion": dict.fromkeys(("sourceCodeHash", "s3Bucket", "s3Key", "s3ObjectVersion"), "part of the content"),
    "LogGroup": {"logGroupClass": TERRAFORM},
    "Permission": {"qualifier": "part of FunctionName in CloudFormation", "statementId": "CloudFormation draws it"},
    "QueuePolicy": {"queueUrl": "one resource for several queues in CloudFormation"},
    "ResourceServer": {"name": TERRAFORM},
    "SamplingRule": {"ruleName": "part of a nested object in CloudFormation"},
    "Table": dict.fromkeys(
        ("hashKey", "rangeKey", "localSecondaryIndexes"), "conditional create-only, which the list does not name"
    ),
    "TopicPolicy": {"arn": "one resource for several topics in CloudFormation"},
    "UserPool": dict.fromkeys(("name", "usernameAttributes", "aliasAttributes"), TERRAFORM),
}
PREFIXES = {"namePrefix", "statementIdPrefix"}


def short(type_: str) -> str:
    return type_.rpartition(":")[2]


def pulumi_name(type_: str, property_: str) -> str:
    named = NAMES.get(property_, {}).get(short(type_))
    if named:
        return named
    if property_ == "RestApiId":
        return "restApi"
    return property_[:1].lower() + property_[1:]


def differences(type_: str, replaces: frozenset[str]) -> tuple[set[str], set[str]]:
    """What only CloudFormation replaces, and what only the facts replace, without the reasons above."""
    theirs = {pulumi_name(type_, name) for name in CREATE_ONLY[type_]["createOnlyProperties"]}
    only_theirs = {name for name in theirs - replaces if (short(type_), name) not in ONLY_CLOUDFORMATION}
    return only_theirs, set(replaces) - theirs - ONLY_PROVIDER.get(short(type_), {}).keys() - PREFIXES


@pytest.mark.parametrize("type_", CREATE_ONLY)
def test_facts_agree_with_cloudformation(type_: str):
    assert differences(type_, all_facts()[type_].replaces) == (set(), set())


def test_wrong_fact_is_noticed():
    queue = "aws:sqs/queue:Queue"
    facts = all_facts()[queue].replaces
    assert differences(queue, facts - {"name"}) == ({"name"}, set())
    assert differences(queue, facts | {"visibilityTimeoutSeconds"}) == (set(), {"visibilityTimeoutSeconds"})


def test_reasons_are_needed():
    """A reason for a difference that no longer exists is removed."""
    for type_, facts in all_facts().items():
        if type_ in CREATE_ONLY:
            theirs = {pulumi_name(type_, name) for name in CREATE_ONLY[type_]["createOnlyProperties"]}
            for name in ONLY_PROVIDER.get(short(type_), {}):
                assert name in facts.replaces - theirs, (type_, name)
            for named, name in ONLY_CLOUDFORMATION:
                assert named != short(type_) or name in theirs - facts.replaces, (type_, name)


def test_every_fact_names_its_source():
    for type_, facts in all_facts().items():
        assert re.match(r"[a-z]+/[a-z_]+\.go|known, not read|docstring of pulumi_aws", facts.source), type_


def test_values_are_compared_deeply():
    table = "aws:dynamodb/table:Table"
    old: dict[str, object] = {"name": "a", "onDemandThroughput": {"maxReadRequestUnits": 10}, "tags": None}
    assert changed(table, old, {"name": "a", "onDemandThroughput": {"maxReadRequestUnits": 10}}) == set()
    assert changed(table, old, old | {"onDemandThroughput": {"maxReadRequestUnits": 20}}) == {"onDemandThroughput"}
    assert replacing(table, {"name", "billingMode"}) == ["name"]
