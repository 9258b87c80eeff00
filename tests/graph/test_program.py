"""The program as a whole: its exports, and how it rejects settings."""

import json

import pytest

from components.monitoring.alarm_ids import COMPOSITES, AlarmId
from localcloud.deployer.engine import DeploymentFailed
from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.alarm_rules import alarms_of
from tests.graph.graph_rules import NAMED, depends_on
from tests.graph.sabotage import one_of

EXPORTS = {
    *("queueUrl", "deadLetterQueueUrl", "tableName", "apiUrl", "tokenUrl", "apiScope", "apiClients"),
    *("functions", "alarmTopics", "dashboardUrls"),
}


def test_exports_are_what_operators_need(dev_graph: Graph) -> None:
    outputs = dev_graph.outputs
    assert outputs.keys() == EXPORTS
    assert outputs["apiScope"] == "event-processing/services.read"
    assert outputs["functions"] == {
        "event-handler": "event-processing-dev-event-handler",
        "query": "event-processing-dev-query",
    }
    assert outputs["alarmTopics"].keys() == {"p1", "p2", "p3"}
    assert outputs["dashboardUrls"].keys() == {"overview", "ingest", "api"}
    assert outputs["apiUrl"].endswith("/v1")
    assert outputs["tokenUrl"].startswith("https://event-processing-dev-callers-")
    assert outputs["apiClients"] == {
        "example-client": {"clientId": "client-example-client", "clientSecret": "secret-of-example-client"}
    }


def test_only_client_credentials_are_secret_outputs(dev_graph: Graph) -> None:
    assert dev_graph.secret_outputs == {"apiClients"}


def test_no_secret_is_written_into_another_resource(dev_graph: Graph) -> None:
    assert [resource.name for resource in dev_graph.resources if "secret-of-" in repr(resource.inputs)] == []


def test_prod_has_every_alarm_that_needs_no_opt_in(prod_graph: Graph) -> None:
    assert alarm_ids(prod_graph) == set(AlarmId) - {AlarmId.QUEUE_SILENT}
    assert {composite.name for composite in prod_graph.of_type(aws.COMPOSITE)} == COMPOSITES


def test_development_stack_has_the_essential_alarms(dev_graph: Graph, prod_graph: Graph) -> None:
    left_out = alarm_ids(prod_graph) - alarm_ids(dev_graph)
    assert {alarm_id for alarm_id in left_out if not alarm_id.startswith("slo-")} == {
        *("dlq-not-empty", "ingest-invalid", "consumer-concurrency", "emf-broken"),
        *(f"table-latency-{operation}" for operation in ("batch-get-item", "get-item", "update-item")),
        *("api-5xx-any", "api-4xx", "api-near-limit", "api-auth-spike"),
    }
    assert not any(alarm_id.startswith("slo-") for alarm_id in alarm_ids(dev_graph))


def alarm_ids(graph: Graph) -> set[str]:
    return {alarm.name for alarm in alarms_of(graph)}


def test_two_stacks_share_no_physical_name(dev_graph: Graph, prod_graph: Graph) -> None:
    dev, prod = physical_names(dev_graph), physical_names(prod_graph)
    assert len(dev) > 15
    assert dev & prod == set()
    assert dev & physical_names(dev_graph) == dev, "the same stack does collide with itself"


def physical_names(graph: Graph) -> set[tuple[str, str]]:
    keys = NAMED | {aws.LOG_GROUP: "name"}
    named = {
        (resource.type, resource.inputs[keys[resource.type]]) for resource in graph.resources if resource.type in keys
    }
    # The name contains the API's ID, which AWS draws for each API, unlike the recorder.
    return {(type_, name) for type_, name in named if not name.startswith("API-Gateway-Execution-Logs_")}


def test_prod_sample_is_rejected_until_clients_and_an_alarm_address_are_set() -> None:
    with pytest.raises(DeploymentFailed) as refused:
        record("prod")
    message = str(refused.value)
    assert "2 problems; nothing was deployed" in message
    assert "pulumi config set --stack prod --path 'apiClients[0]' reporting" in message
    assert "pulumi config set --stack prod alarmEmail oncall@example.com" in message
    assert "Traceback" not in message


def test_account_setting_is_made_on_request_and_before_the_stage(dev_graph: Graph, extended_graph: Graph) -> None:
    account = aws.ACCOUNT
    assert dev_graph.of_type(account) == []
    assert list(depends_on(extended_graph, extended_graph.one(aws.STAGE), extended_graph.one(account))) == []


def test_overrides_reach_alarm_and_board(dev_graph: Graph, extended_graph: Graph) -> None:
    assert extended_graph.one(aws.ALARM, "queue-age").inputs["threshold"] == 900
    assert dev_graph.one(aws.ALARM, "queue-age").inputs["threshold"] == 3 * 60 + 60
    assert alarm_ids(dev_graph) - alarm_ids(extended_graph) == {"api-5xx"}
    assert "queue-silent" in alarm_ids(extended_graph)


def test_subscriptions_follow_the_configuration(dev_graph: Graph, prod_graph: Graph) -> None:
    assert subscriptions(dev_graph) == set()
    assert subscriptions(prod_graph) == {("p1", "https"), ("p2", "https"), ("p2", "email"), ("p3", "email")}


def subscriptions(graph: Graph) -> set[tuple[str, str]]:
    made = graph.of_type(aws.SUBSCRIPTION)
    return {(resource.inputs["topic"][-2:], resource.inputs["protocol"]) for resource in made}


def test_producers_can_send_and_use_the_key(extended_graph: Graph) -> None:
    policies = [
        one_of(extended_graph, aws.QUEUE_POLICY, "events-source-access"),
        one_of(extended_graph, aws.KEY, "encryption-data"),
    ]
    allowed = {
        (statement["Principal"]["AWS"][0], *statement["Action"])
        for policy in policies
        for statement in json.loads(policy.inputs["policy"])["Statement"]
        if statement["Sid"].startswith("Producers")
    }
    producer = "arn:aws:iam::210987654321:role/identity-provider"
    assert allowed == {(producer, "sqs:SendMessage"), (producer, "kms:Decrypt", "kms:GenerateDataKey")}
