"""The program as a whole: its exports, its alarms, and how it rejects a configuration."""

import json

import pytest

from components.monitoring.alarm_ids import COMPOSITES, AlarmId
from localcloud.deployer.engine import DeploymentFailed
from localcloud.deployer.recorder import Graph, record
from tests.graph.alarm_rules import COMPOSITE, alarms_of
from tests.graph.graph_rules import ALARM, KEY, LOG_GROUP, NAMED, QUEUE_POLICY, STAGE, depends_on
from tests.graph.sabotage import one_of

EXPORTS = {
    "queueUrl",
    "deadLetterQueueUrl",
    "tableName",
    "apiUrl",
    "tokenUrl",
    "apiScope",
    "apiClients",
    "functions",
    "alarmTopics",
    "dashboardUrls",
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


def test_only_client_credentials_are_secret(dev_graph: Graph) -> None:
    assert dev_graph.secret_outputs == {"apiClients"}


def test_no_secret_is_written_into_another_resource(dev_graph: Graph) -> None:
    assert [one.name for one in dev_graph.resources if "secret-of-" in repr(one.inputs)] == []


def test_full_stack_has_every_alarm(prod_graph: Graph) -> None:
    assert alarm_ids(prod_graph) == set(AlarmId) - {AlarmId.QUEUE_SILENT}
    assert {one.name for one in prod_graph.of_type(COMPOSITE)} == COMPOSITES


def test_development_stack_has_the_essential_alarms(dev_graph: Graph, prod_graph: Graph) -> None:
    left_out = alarm_ids(prod_graph) - alarm_ids(dev_graph)
    assert {one for one in left_out if not one.startswith("slo-")} == {
        "dlq-not-empty",
        "ingest-invalid",
        "consumer-concurrency",
        "table-latency-batch-get-item",
        "table-latency-get-item",
        "table-latency-update-item",
        "api-5xx-any",
        "api-4xx",
        "api-near-limit",
        "api-auth-spike",
        "emf-broken",
    }
    assert not any(one.startswith("slo-") for one in alarm_ids(dev_graph))


def alarm_ids(graph: Graph) -> set[str]:
    return {one.name for one in alarms_of(graph)}


def test_two_stacks_share_no_physical_name(dev_graph: Graph, prod_graph: Graph) -> None:
    dev, prod = physical_names(dev_graph), physical_names(prod_graph)
    assert len(dev) > 15
    assert dev & prod == set()
    assert dev & physical_names(dev_graph) == dev, "the same stack does collide with itself"


def physical_names(graph: Graph) -> set[tuple[str, str]]:
    keys = NAMED | {LOG_GROUP: "name"}
    named = {(one.type, one.inputs[keys[one.type]]) for one in graph.resources if one.type in keys}
    # Holds the API's id, which AWS draws anew for each API and the recorder does not.
    return {(type_, name) for type_, name in named if not name.startswith("API-Gateway-Execution-Logs_")}


def test_committed_prod_is_rejected_until_clients_and_a_subscriber_are_set() -> None:
    with pytest.raises(DeploymentFailed) as refused:
        record("prod")
    message = str(refused.value)
    assert "2 problems; nothing was deployed" in message
    assert "pulumi config set --stack prod --path 'apiClients[0]' reporting" in message
    assert "pulumi config set --stack prod alarmEmail oncall@example.com" in message
    assert "Traceback" not in message


def test_account_setting_is_created_before_the_stage_and_only_if_configured(
    dev_graph: Graph, extended_graph: Graph
) -> None:
    account = "aws:apigateway/account:Account"
    assert dev_graph.of_type(account) == []
    assert list(depends_on(extended_graph, extended_graph.one(STAGE), extended_graph.one(account))) == []


def test_overrides_reach_alarm_and_board(dev_graph: Graph, extended_graph: Graph) -> None:
    assert extended_graph.one(ALARM, "queue-age").inputs["threshold"] == 900
    assert dev_graph.one(ALARM, "queue-age").inputs["threshold"] == 3 * 60 + 60
    assert alarm_ids(dev_graph) - alarm_ids(extended_graph) == {"api-5xx"}
    assert "queue-silent" in alarm_ids(extended_graph)


def test_subscriptions_follow_the_configuration(dev_graph: Graph, prod_graph: Graph) -> None:
    assert subscriptions(dev_graph) == set()
    assert subscriptions(prod_graph) == {("p1", "https"), ("p2", "https"), ("p2", "email"), ("p3", "email")}


def subscriptions(graph: Graph) -> set[tuple[str, str]]:
    made = graph.of_type("aws:sns/topicSubscription:TopicSubscription")
    return {(one.inputs["topic"][-2:], one.inputs["protocol"]) for one in made}


def test_producers_can_send_and_use_the_key(extended_graph: Graph) -> None:
    policies = [
        one_of(extended_graph, QUEUE_POLICY, "events-source-access"),
        one_of(extended_graph, KEY, "encryption-data"),
    ]
    allowed = {
        (statement["Principal"]["AWS"][0], *statement["Action"])
        for policy in policies
        for statement in json.loads(policy.inputs["policy"])["Statement"]
        if statement["Sid"].startswith("Producers")
    }
    producer = "arn:aws:iam::210987654321:role/identity-provider"
    assert allowed == {(producer, "sqs:SendMessage"), (producer, "kms:Decrypt", "kms:GenerateDataKey")}
