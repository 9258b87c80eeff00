"""The program as a whole: what its settings switch on, and how it rejects settings."""

import copy

import pytest

from components.monitoring.alarm_ids import COMPOSITES, AlarmId
from localcloud.deployer.engine import DeploymentFailed
from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.alarm_rules import alarms_of
from tests.graph.changes import taken_out
from tests.graph.graph_rules import depends_on

CANARIES = {AlarmId.EVENT_HANDLER_CANARY, AlarmId.QUERY_CANARY}


def test_no_secret_is_written_into_another_resource(dev_graph: Graph, prod_graph: Graph) -> None:
    graphs = (dev_graph, prod_graph)
    found = [made for graph in graphs for made in graph.resources if "secret-of-" in repr(made.inputs)]
    # That of the probe's client alone, into an encrypted parameter, and as a secret of the state.
    assert [(made.name, made.inputs["type"]) for made in found] == [("probe-client-secret", "SecureString")]
    assert found[0].secret_inputs == {"value"}


def test_prod_has_every_alarm_that_needs_no_opt_in(prod_graph: Graph) -> None:
    assert alarm_ids(prod_graph) == set(AlarmId) - {AlarmId.QUEUE_SILENT} - CANARIES
    assert {composite.name for composite in prod_graph.of_type(aws.COMPOSITE)} == COMPOSITES


def test_development_stack_has_the_essential_alarms(dev_graph: Graph, prod_graph: Graph) -> None:
    left_out = alarm_ids(prod_graph) - alarm_ids(dev_graph)
    assert {alarm_id for alarm_id in left_out if not alarm_id.startswith("slo-")} == {
        *("dlq-not-empty", "ingest-invalid", "consumer-concurrency", "emf-broken"),
        *(f"table-latency-{operation}" for operation in ("batch-get-item", "get-item", "update-item")),
        *("api-5xx-any", "api-4xx", "api-near-limit", "api-auth-spike"),
        "probe-failing",  # the setting `probe`
    }
    assert not any(alarm_id.startswith("slo-") for alarm_id in alarm_ids(dev_graph))


def alarm_ids(graph: Graph) -> set[str]:
    return {alarm.name for alarm in alarms_of(graph)}


def test_prod_sample_is_rejected_until_account_clients_runbook_and_an_alarm_address_are_set() -> None:
    with pytest.raises(DeploymentFailed) as refused:
        record("prod")
    message = str(refused.value)
    assert "4 problems; nothing was deployed" in message
    assert "pulumi config set --stack prod --path 'apiClients[0]' reporting" in message
    assert "pulumi config set --stack prod --path 'aws:allowedAccountIds[0]' 123456789012" in message
    assert "pulumi config set --stack prod alarmEmail oncall@example.com" in message
    assert "pulumi config set --stack prod runbookUrl https://HOST/docs/runbook.md" in message
    assert "Traceback" not in message


def test_url_of_the_pager_is_a_secret_of_the_state(prod_graph: Graph) -> None:
    secrets = {sub.inputs["protocol"]: sub.secret_inputs for sub in prod_graph.of_type(aws.SUBSCRIPTION)}
    assert secrets == {"https": {"endpoint"}, "email": set()}


def test_provider_gets_the_credentials_of_the_stack(dev_graph: Graph, extended_graph: Graph) -> None:
    inputs = extended_graph.one("pulumi:providers:aws").inputs
    assert inputs["profile"] == "sandbox"
    assert inputs["assumeRoles"] == [{"roleArn": "arn:aws:iam::123456789012:role/deploy", "externalId": "1"}]
    assert not {"profile", "assumeRoles"} & dev_graph.one("pulumi:providers:aws").inputs.keys()


def test_key_that_the_program_does_not_read_is_rejected() -> None:
    with pytest.raises(DeploymentFailed, match=r"aws:regoin is .*; did you mean aws:region\?"):
        record(config={"aws:regoin": "eu-west-2"})


def test_account_setting_is_made_on_request_and_before_the_stage(dev_graph: Graph, extended_graph: Graph) -> None:
    account = aws.ACCOUNT
    assert dev_graph.of_type(account) == []
    assert list(depends_on(extended_graph, extended_graph.one(aws.STAGE), extended_graph.one(account))) == []


def test_boundary_and_tags_reach_every_resource(dev_graph: Graph, extended_graph: Graph) -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    assert {role.inputs.get("permissionsBoundary") for role in extended_graph.of_type(aws.ROLE)} == {boundary}
    assert {role.inputs.get("permissionsBoundary") for role in dev_graph.of_type(aws.ROLE)} == {None}
    own, all_ = (
        graph.one("pulumi:providers:aws").inputs["defaultTags"]["tags"] for graph in (dev_graph, extended_graph)
    )
    assert all_ == own | {"cost-center": "1234", "Data Owner": "a team"}


def test_overrides_reach_alarm_and_board(dev_graph: Graph, extended_graph: Graph) -> None:
    assert extended_graph.one(aws.ALARM, "queue-age").inputs["threshold"] == 900
    assert dev_graph.one(aws.ALARM, "queue-age").inputs["threshold"] == 3 * 60 + 60
    assert alarm_ids(dev_graph) - alarm_ids(extended_graph) == {"api-5xx"}
    assert "queue-silent" in alarm_ids(extended_graph)


# Inputs that a setting takes out. The provider takes a missing optional and computed input for no difference, so each
# of them is another kind of input, or is replaced by one that says what is wanted. Read in the provider's source.
TAKEN_OUT = {
    (aws.TABLE, "serverSideEncryption.kmsKeyArn"): "`enabled` says whether the table has a customer key",
    (aws.QUEUE, "sqsManagedSseEnabled"): "a customer key switches it off; without one it is true",
    (aws.QUEUE, "kmsMasterKeyId"): "optional only: SQS gets an empty value",
    (aws.QUEUE, "kmsDataKeyReusePeriodSeconds"): "has no effect without a customer key",
    (aws.LOG_GROUP, "kmsKeyId"): "optional only: the provider disassociates the key",
    (aws.FUNCTION, "kmsKeyArn"): "optional only: Lambda gets an empty value",
    (aws.ROLE, "permissionsBoundary"): "optional only: the provider deletes the boundary of the role",
    ("pulumi:providers:aws", "profile"): "nothing in AWS: the provider is configured anew in each update",
    **{
        ("pulumi:providers:aws", f"defaultTags.tags.{tag}"): "a map: the provider removes the tag from every resource"
        for tag in ("cost-center", "Data Owner")
    },
}


def test_no_setting_takes_out_an_input_unnoticed(dev_graph: Graph, prod_graph: Graph, extended_graph: Graph) -> None:
    assert taken_out(dev_graph, prod_graph, extended_graph) == TAKEN_OUT.keys()


def test_control_table_that_says_nothing_about_encryption_is_caught(dev_graph: Graph, extended_graph: Graph) -> None:
    graph = copy.deepcopy(dev_graph)
    del graph.one(aws.TABLE).inputs["serverSideEncryption"]
    assert (aws.TABLE, "serverSideEncryption.enabled") in taken_out(graph, extended_graph)
