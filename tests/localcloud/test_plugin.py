"""The plugin over gRPC, without a Pulumi CLI: each type is created, changed, replaced and deleted in an emulator."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as rpc

from localcloud.deployer.recorder import Graph
from localcloud.emulator.connection import Account
from localcloud.emulator.process import Emulator
from localcloud.plugin.provider import DEFAULTS
from localcloud.providers.calls import call
from localcloud.providers.inputs import RESOURCE_TYPES
from localcloud.providers.lifecycle import LIFECYCLES
from localcloud.providers.replacements import all_facts, facts
from tests.fakes.checkout import ROOT
from tests.localcloud.plugin_cases import CASES
from tests.localcloud.plugin_driver import DIFF_NONE, DIFF_SOME, Driver, driving, struct
from tests.localcloud.plugin_world import Case, Inputs, World, document

TABLE = {"hashKey": "id", "attributes": [{"name": "id", "type": "S"}], "billingMode": "PAY_PER_REQUEST"}
CHANGED = [case for case in CASES if case.change]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator.start() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def driver(emulator: Emulator) -> Iterator[Driver]:
    with driving(emulator) as driver:
        yield driver


@pytest.fixture(scope="module")
def world(emulator: Emulator, driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(emulator, driver, tmp_path_factory.mktemp("code"))


def with_change(inputs: Inputs, change: Inputs) -> Inputs:
    return {name: value for name, value in (inputs | change).items() if value is not None}


def type_of(case: Case) -> str:
    last = case.kind.rpartition("/")[2]
    return f"aws:{case.kind}:{last[0].upper()}{last[1:]}"


def check_life(case: Case, world: World) -> None:
    """Create, change, replace and delete a resource; raises AssertionError where the account differs."""
    driver, inputs = world.driver, case.inputs(world)
    made = driver.create(case.kind, inputs)
    try:
        assert driver.diff(made, inputs).changes == DIFF_NONE
        read = driver.read(made)
        assert read is not None
        assert driver.diff(read, inputs).changes == DIFF_NONE, "a refresh finds no drift"
        if case.change:
            inputs = with_change(inputs, case.change(world))
            planned = driver.diff(made, inputs)
            assert (planned.changes, list(planned.replaces)) == (DIFF_SOME, [])
            before = case.seen(world, made) if case.seen else None
            made = driver.update(made, inputs)
            if case.seen:
                assert case.seen(world, made) == case.then != before
            assert driver.diff(made, inputs).changes == DIFF_NONE
        if case.replace:
            new = with_change(inputs, case.replace(world))
            planned = driver.diff(made, new)
            assert planned.replaces, "the change replaces the resource"
            replaced = made
            # What the engine does when Diff or the program says `deleteBeforeReplace`.
            fixed = any(inputs.get(name) == new.get(name) for name in facts(type_of(case)).names)
            if fixed:
                driver.delete(replaced)
            made = driver.create(case.kind, new, "replacement")
            if not fixed:
                driver.delete(replaced)
            assert driver.read(made), "the replacement outlives what it replaced"
            assert fixed or driver.read(replaced) is None
    finally:
        driver.delete(made)
    assert driver.read(made) is None or case.kind == "apigateway/account"
    driver.delete(made)  # deleted by somebody else


def of_kind(case: Case) -> str:
    return case.kind


@pytest.mark.parametrize("case", CASES, ids=of_kind)
def test_each_type_lives_and_dies(case: Case, world: World):
    check_life(case, world)


@pytest.mark.parametrize("case", CHANGED, ids=of_kind)
def test_update_that_does_nothing_is_noticed(case: Case, world: World, monkeypatch: pytest.MonkeyPatch):
    def nothing(_cloud: Any, change: Any) -> dict[str, Any]:
        change.all_inputs()
        return {}

    monkeypatch.setitem(LIFECYCLES, type_of(case), replace(LIFECYCLES[type_of(case)], update=nothing))
    with pytest.raises(AssertionError):
        check_life(case, world)


# The setting of the account always exists.
@pytest.mark.parametrize("case", [case for case in CASES if case.kind != "apigateway/account"], ids=of_kind)
def test_missing_delete_is_noticed(case: Case, world: World, monkeypatch: pytest.MonkeyPatch):
    real = LIFECYCLES[type_of(case)]
    made = world.driver.create(case.kind, case.inputs(world))
    monkeypatch.setitem(LIFECYCLES, type_of(case), replace(real, delete=call("iam", "list_roles")))
    world.driver.delete(made)
    assert world.driver.read(made), "a deletion that did nothing must be visible"
    monkeypatch.setitem(LIFECYCLES, type_of(case), real)
    world.driver.delete(made)


def test_every_type_has_a_case_a_lifecycle_and_facts(dev_graph: Graph, prod_graph: Graph):
    ours = {resource.type for graph in (dev_graph, prod_graph) for resource in graph.resources if resource.custom}
    ours = {type_ for type_ in ours if type_.startswith("aws:")}
    assert ours <= set(RESOURCE_TYPES) == set(LIFECYCLES) == set(all_facts()) == {type_of(case) for case in CASES}


def test_type_draws_a_name_where_its_creation_would():
    sources = "".join(file.read_text() for file in (ROOT / "localcloud/providers").glob("*.py"))
    drawing = set()
    for block in re.split(r"\n\n\n", sources):
        if "inputs.take_name()" in block:
            drawing |= set(re.findall(r'@creates\(\s*"([^"]+)"', block))
    assert drawing == {type_ for type_, fact in all_facts().items() if fact.draws}


def test_drawn_name_stays_until_the_resource_is_replaced(driver: Driver, world: World):
    inputs = {"role": world.role.id, "policy": document("sqs:SendMessage")}
    urn = driver.urn("iam/rolePolicy")
    first = driver.check(urn, inputs)
    assert re.fullmatch(r"sample-[0-9a-f]{7}", first["name"])
    assert first == driver.check(urn, inputs | {"policy": "{}"}, first) | {"policy": inputs["policy"]}
    assert first[DEFAULTS] == ["name"]
    assert driver.check(urn, inputs | {"namePrefix": "mine-"})["name"].startswith("mine-")


def test_chosen_name_is_deleted_before_it_is_created_again(driver: Driver):
    made = driver.create("dynamodb/table", TABLE | {"name": "chosen"})
    moved = made.inputs | {"hashKey": "key", "attributes": [{"name": "key", "type": "S"}]}
    assert driver.diff(made, moved).deleteBeforeReplace
    assert not driver.diff(made, moved | {"name": "another"}).deleteBeforeReplace
    driver.delete(made)


def test_input_that_is_computed_can_be_taken_out_without_a_difference(driver: Driver):
    """Hence a table keeps its customer key when the program no longer mentions one."""
    table = TABLE | {"name": "kept-key"}
    made = driver.create("dynamodb/table", table | {"serverSideEncryption": {"enabled": True}})
    assert driver.diff(made, table).changes == DIFF_NONE
    assert driver.diff(made, table | {"serverSideEncryption": {"enabled": False}}).changes == DIFF_SOME
    driver.delete(made)


def test_change_that_nothing_handles_is_an_error_that_names_it(driver: Driver, world: World):
    made = driver.create("sqs/queue", {"name": "strict"})
    with pytest.raises(grpc.RpcError, match="cannot change contentBasedDeduplication in place"):
        driver.update(made, {"name": "strict", "contentBasedDeduplication": True})
    subscription = {"topic": world.topic.id, "protocol": "sqs", "endpoint": world.queue["arn"]}
    filtered = driver.create("sns/topicSubscription", subscription | {"filterPolicy": "{}"})
    with pytest.raises(grpc.RpcError, match="cannot change filterPolicy in place"):
        driver.update(filtered, subscription)
    permission = {"action": "lambda:InvokeFunction", "function": world.function["name"]}
    allowed = driver.create("lambda/permission", permission | {"principal": "sns.amazonaws.com"})
    with pytest.raises(grpc.RpcError, match="principal cannot be changed in place"):
        driver.update(allowed, permission | {"principal": "events.amazonaws.com"})
    for managed in (made, filtered, allowed):
        driver.delete(managed)


def test_protected_table_is_deleted_after_its_protection_only(driver: Driver):
    made = driver.create("dynamodb/table", TABLE | {"name": "protected", "deletionProtectionEnabled": True})
    with pytest.raises(grpc.RpcError, match="deletion protection"):
        driver.delete(made)
    driver.delete(driver.update(made, TABLE | {"name": "protected", "deletionProtectionEnabled": False}))
    assert driver.read(made) is None


@pytest.mark.parametrize("kind", ["dynamodb/table", "sqs/queue", "cloudwatch/logGroup"])
def test_import_finds_what_the_program_would_have_created(kind: str, world: World):
    (case,) = [case for case in CASES if case.kind == kind]
    driver, inputs = world.driver, case.inputs(world)
    made = driver.create(kind, inputs)
    imported = driver.read(replace(made, inputs={}, state={}))
    assert imported is not None
    assert driver.diff(imported, inputs).changes == DIFF_NONE
    assert (imported["arn"], imported["name"]) == (made["arn"], made["name"])
    driver.delete(imported)
    assert driver.read(replace(made, inputs={}, state={})) is None


def test_update_preview_keeps_outputs_that_stay(driver: Driver, world: World):
    inputs = world.program | {"name": "previewed", "publish": True}
    made = driver.create("lambda/function", inputs)
    planned = driver.preview(made, inputs | {"timeout": 20})
    assert planned["arn"] == made["arn"]
    assert not planned.keys() & {"version", "qualifiedArn", "qualifiedInvokeArn"}
    assert world.client("lambda").get_function_configuration(FunctionName="previewed")["Timeout"] == 3
    driver.delete(made)


def test_preview_knows_that_a_version_has_no_reserved_concurrency(driver: Driver, world: World):
    inputs = world.program | {"name": "reserving", "publish": True}
    made = driver.create("lambda/function", inputs)
    assert driver.preview(made, inputs | {"reservedConcurrentExecutions": 3})["version"] == made["version"] == "1"
    assert driver.update(made, inputs | {"reservedConcurrentExecutions": 3})["version"] == "1"
    changed = driver.update(made, inputs | {"timeout": 20})
    assert (changed["version"], changed["qualifiedArn"]) == ("2", f"{made['arn']}:2"), "the control"
    driver.delete(changed)


def test_each_version_keeps_its_code_and_settings_and_the_alias_runs_the_one_it_names(driver: Driver, world: World):
    inputs = world.program | {"name": "released", "publish": True, "timeout": 3}
    function = driver.create("lambda/function", inputs)
    names = {"name": "live", "functionName": "released"}
    alias = driver.create("lambda/alias", names | {"functionVersion": function["version"]})
    function = driver.update(function, inputs | {"code": world.code("released-2", "two"), "timeout": 5})

    def live() -> tuple[str, int]:
        named = {"FunctionName": "released", "Qualifier": "live"}
        client = world.client("lambda")
        return json.load(client.invoke(**named)["Payload"]), client.get_function_configuration(**named)["Timeout"]

    assert live() == ("one", 3), "a deployment that has only published changes nothing for callers"
    alias = driver.update(alias, names | {"functionVersion": function["version"]})
    assert live() == ("two", 5)
    driver.delete(alias)
    driver.delete(function)


def test_update_of_an_alias_clears_weights_that_the_program_does_not_give(driver: Driver, world: World):
    names = {"name": "weighted", "functionName": world.function["name"]}
    made = driver.create("lambda/alias", names | {"functionVersion": "$LATEST"})
    world.client("lambda").update_alias(FunctionName="base-function", Name="weighted", RoutingConfig=CANARY)
    driver.update(made, names | {"functionVersion": "1"})
    held = world.client("lambda").get_alias(FunctionName="base-function", Name="weighted")
    assert (held["FunctionVersion"], held.get("RoutingConfig")) == ("1", None)
    driver.delete(made)


def test_create_preview_creates_nothing(driver: Driver, world: World):
    urn = driver.urn("sqs/queue", "planned")
    request = rpc.CreateRequest(urn=urn, properties=struct({"name": "planned"}), preview=True)
    assert driver.stub.Create(request).id == ""
    assert not world.client("sqs").list_queues(QueueNamePrefix="planned").get("QueueUrls")


CANARY = {"AdditionalVersionWeights": {"1": 0.1}}
HAND = document("sqs:PurgeQueue")
HAND_KEY = "arn:aws:kms:eu-west-1:123456789012:key/hand"
RATE = [{"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "1"}]
DRIFTS: list[tuple[str, str, dict[str, Any]]] = [
    ("sqs/queue", "set_queue_attributes", {"QueueUrl": "id", "Attributes": {"VisibilityTimeout": "5"}}),
    ("lambda/function", "update_function_configuration", {"FunctionName": "id", "Timeout": 60}),
    ("lambda/eventSourceMapping", "update_event_source_mapping", {"UUID": "id", "BatchSize": 1}),
    ("lambda/eventSourceMapping", "update_event_source_mapping", {"UUID": "id", "Enabled": False}),
    ("lambda/alias", "update_alias", {"FunctionName": "base-function", "Name": "name", "FunctionVersion": "1"}),
    ("lambda/alias", "update_alias", {"FunctionName": "base-function", "Name": "name", "RoutingConfig": CANARY}),
    ("iam/rolePolicy", "put_role_policy", {"RoleName": "role", "PolicyName": "name", "PolicyDocument": HAND}),
    ("cloudwatch/metricAlarm", "disable_alarm_actions", {"AlarmNames": ["sample"]}),
    ("sqs/queuePolicy", "set_queue_attributes", {"QueueUrl": "id", "Attributes": {"Policy": HAND}}),
    (
        "dynamodb/table",
        "update_continuous_backups",
        {"TableName": "id", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
    ),
    ("dynamodb/table", "update_table", {"TableName": "id", "DeletionProtectionEnabled": True}),
    ("dynamodb/table", "update_table", {"TableName": "id", "OnDemandThroughput": {"MaxReadRequestUnits": 11}}),
    ("cloudwatch/logGroup", "put_retention_policy", {"logGroupName": "id", "retentionInDays": 1}),
    ("cloudwatch/logGroup", "delete_retention_policy", {"logGroupName": "id"}),
    ("cloudwatch/logGroup", "associate_kms_key", {"logGroupName": "id", "kmsKeyId": HAND_KEY}),
    (
        "apigateway/methodSettings",
        "update_stage",
        {"restApiId": "restApi", "stageName": "stageName", "patchOperations": RATE},
    ),
    ("sns/topicPolicy", "set_topic_attributes", {"TopicArn": "id", "AttributeName": "Policy", "AttributeValue": HAND}),
]


@pytest.mark.parametrize(
    ("kind", "operation", "call"), DRIFTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_refresh_finds_what_was_changed_by_hand(kind: str, operation: str, call: dict[str, Any], world: World):
    (case,) = [case for case in CASES if case.kind == kind]
    driver, inputs = world.driver, case.inputs(world)
    made = driver.create(kind, inputs)
    call = {
        key: made[value]
        if isinstance(value, str) and value in ("id", "role", "name", "restApi", "stageName")
        else value
        for key, value in call.items()
    }
    if operation == "set_topic_attributes":
        call["AttributeValue"] = document("sns:*")
    service = "logs" if kind == "cloudwatch/logGroup" else kind.partition("/")[0]
    getattr(world.client(service), operation)(**call)
    drifted = driver.read(made)
    assert drifted is not None
    assert driver.diff(drifted, inputs).changes == DIFF_SOME
    repaired = driver.update(drifted, inputs)
    read = driver.read(repaired)
    assert read is not None
    assert driver.diff(read, inputs).changes == DIFF_NONE
    driver.delete(repaired)


def test_other_stacks_are_refused(emulator: Emulator):
    with driving(emulator, stack="prod") as prod, pytest.raises(grpc.RpcError, match="Stack prod is not deployed"):
        prod.create("sqs/queue", {"name": "never"})


def test_provider_of_another_region_or_account_is_refused(driver: Driver):
    urn = "urn:pulumi:local::event-processing::pulumi:providers:aws::aws"

    def configure(**settings: Any) -> None:
        driver.stub.CheckConfig(rpc.CheckRequest(urn=urn, news=struct(settings)))

    configure(region="eu-west-1", allowedAccountIds=json.dumps(["123456789012"]))
    with pytest.raises(grpc.RpcError, match="aws:region is us-east-1"):
        configure(region="us-east-1")
    with pytest.raises(grpc.RpcError, match="does not contain 123456789012"):
        configure(allowedAccountIds=json.dumps(["999999999999"]))


def test_stopped_cloud_is_reported_with_its_remedy(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    stopped = Account(replace(emulator.connection, endpoint=f"http://127.0.0.1:{port}"))
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
    with driving(stopped) as driver, pytest.raises(grpc.RpcError, match=r"has stopped.*localcloud up --empty"):
        driver.create("sqs/queue", {"name": "never"})
