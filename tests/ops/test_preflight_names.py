"""The fixed names that preflight looks for are those of the program, and X-Ray's are found."""

import shlex
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from components.settings.stack_settings import StackSettings
from localcloud.deployer.recorder import Graph
from ops.preflight import names
from ops.preflight.account import DOMAIN
from ops.preflight.check import Target
from ops.preflight.state import StackState
from tests.fakes.aws import session
from tests.graph.destroy_rules import NAMES

# A second resource of the same name is another one, or is the same: neither stops a deployment.
HARMLESS = {
    "aws:apigateway/authorizer:Authorizer": "of the API",
    "aws:apigateway/requestValidator:RequestValidator": "of the API",
    "aws:apigateway/restApi:RestApi": "two APIs may have one name",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "put again",
    "aws:cloudwatch/dashboard:Dashboard": "put again",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "put again",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "put again",
    "aws:cloudwatch/queryDefinition:QueryDefinition": "of the region, and two may have one name",
    "aws:cognito/userPool:UserPool": "two pools may have one name; the domain tells them apart",
    "aws:cognito/userPoolClient:UserPoolClient": "of the user pool",
    "aws:lambda/layerVersion:LayerVersion": "the next version",
    "aws:sns/topic:Topic": "created again, SNS returns the existing topic",
    DOMAIN: "has a check of its own",
}
SETTINGS = StackSettings(project="event-processing", stack="dev", region="eu-west-1")


def within() -> Target:
    """Return a stack that has the user pool and the API already."""
    made = {"aws:cognito/userPool:UserPool": "pool", "aws:apigateway/restApi:RestApi": "api"}
    resources = tuple({"urn": f"::{id_}", "type": type_, "id": id_} for type_, id_ in made.items())
    return Target(settings=SETTINGS, state=StackState(resources=resources), account="123456789012")


def all_names(settings: StackSettings = SETTINGS) -> list[names.FixedName]:
    return [*names.fixed_names(settings), *names.names_within(within())]


@pytest.fixture
def target() -> Target:
    return Target(settings=SETTINGS, state=StackState(), account="123456789012")


def test_every_fixed_name_of_the_program_is_looked_for(extended_graph: Graph):
    looked_for = {(name.type, name.logical_name) for name in all_names(replace(SETTINGS, probe=True))}
    named = {(made.type, made.name) for made in extended_graph.resources if any(made.inputs.get(key) for key in NAMES)}
    found = {pair for pair in named if pair[0].startswith("aws:") and pair[0] not in HARMLESS}
    assert looked_for == found | {("aws:lambda/eventSourceMapping:EventSourceMapping", "consumer-mapping")}


def test_fixed_names_are_those_of_the_program(dev_graph: Graph):
    resources = tuple({"urn": made.urn, "type": made.type, "inputs": made.inputs} for made in dev_graph.resources)
    target = Target(settings=SETTINGS, state=StackState(resources=resources), account="123456789012")
    provider = dev_graph.one("pulumi:providers:aws").urn
    for name in all_names():
        resource = dev_graph.one(name.type, name.logical_name)
        assert name.in_state(target) or name.value == "API-Gateway-Execution-Logs_api/v1", (
            "the recorder's API has an ID"
        )
        assert f"--parent 'parent={resource.parent}' --provider 'provider={provider}'" in name.ways_out(target, "ID")


def test_resource_of_another_name_or_kind_is_not_in_the_state(target: Target):
    table, *_ = names.fixed_names(SETTINGS)
    urn = f"urn:pulumi:dev::event-processing::{table.type}::{table.logical_name}"

    def is_found(type_: str, name: str) -> bool:
        resource = {"urn": urn, "type": type_, "inputs": {"name": name}}
        state = StackState(resources=(resource,))
        return table.in_state(Target(settings=SETTINGS, state=state, account=target.account))

    assert is_found(table.type, table.value)
    assert not is_found(table.type, f"{table.value}-2")
    assert not is_found("aws:sqs/queue:Queue", table.value)


@pytest.mark.parametrize("name", ["event-processing-dev", "event-processing-de"])
def test_names_of_xray_are_found(target: Target, name: str, monkeypatch: pytest.MonkeyPatch):
    xray: Any = session().client("xray")
    monkeypatch.setattr(Target, "client", lambda target, service: xray)
    arn = "arn:aws:xray:eu-west-1:123456789012:group/event-processing-dev/ID"
    other = {"GroupName": "Default", "GroupARN": "arn:aws:xray:eu-west-1:123456789012:group/Default"}
    is_ours = name == "event-processing-dev"
    with Stubber(xray) as stub:
        stub.add_response("get_groups", {"Groups": [other], "NextToken": "next"}, {})
        groups = {"Groups": [{"GroupName": "event-processing-dev", "GroupARN": arn}]}
        stub.add_response("get_groups", groups, {"NextToken": "next"})
        assert names._find_trace_group(target, name) == (arn if is_ours else None)
        shape = xray.meta.service_model.shape_for("SamplingRule")
        rule = {key: 1 if shape.members[key].type_name != "string" else "*" for key in shape.required_members}
        rule["RuleName"] = "event-processing-dev"
        stub.add_response("get_sampling_rules", {"SamplingRuleRecords": [{"SamplingRule": rule}]}, {})
        assert names._find_sampling_rule(target, name) == (name if is_ours else None)


def test_stack_without_pool_and_api_has_no_names_within_them(target: Target):
    assert list(names.names_within(target)) == []


def test_id_of_a_resource_server_is_one_word_of_the_command(target: Target):
    server, _ = names.names_within(within())
    words = shlex.split(server.ways_out(target, "pool|event-processing").partition(";")[0])
    assert words[words.index(server.logical_name) + 1] == "pool|event-processing"
