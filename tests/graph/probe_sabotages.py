"""Sabotages of the probe, which the rules about it must catch."""

from localcloud.deployer.recorder import Graph
from tests.graph import probe_rules as probe
from tests.graph import resource_types as aws
from tests.graph.graph_rules import Rule
from tests.graph.sabotage import Sabotage, mark, one_of, put, remove, swap, wait_no_more


def _secret_in_a_variable(graph: Graph) -> None:
    function = one_of(graph, aws.FUNCTION, "probe-function")
    function.inputs["environment"]["variables"]["CLIENT_SECRET"] = "secret-of-probe"


def _query_reads_the_secret(graph: Graph) -> None:
    query = one_of(graph, aws.ROLE_POLICY, "query-permissions")
    query.inputs["policy"] = query.inputs["policy"].replace("dynamodb:GetItem", "ssm:GetParameter")


SABOTAGES: list[tuple[Rule, Sabotage]] = [
    (probe.invoked_by_its_schedule_alone, put(aws.EVENT_RULE, None, "scheduleExpression", "rate(1 hour)")),
    (probe.invoked_by_its_schedule_alone, remove(aws.EVENT_TARGET)),
    (probe.invoked_by_its_schedule_alone, remove(aws.PERMISSION, "probe-invoke")),
    (probe.invoked_by_its_schedule_alone, put(aws.PERMISSION, "probe-invoke", "sourceArn", "arn:aws:events:*")),
    (probe.invoked_by_its_schedule_alone, wait_no_more(aws.EVENT_TARGET, None, aws.PERMISSION)),
    (probe.no_backlog_of_probes, remove(aws.EVENT_INVOKE)),
    (probe.no_backlog_of_probes, put(aws.EVENT_INVOKE, None, "maximumRetryAttempts", 2)),
    (probe.secret_of_the_probe_is_encrypted, put(aws.PARAMETER, None, "type", "String")),
    (probe.secret_of_the_probe_is_encrypted, mark(aws.PARAMETER, None, "secret_inputs", set())),
    (
        probe.probe_may_send_and_read_its_secret,
        swap(aws.ROLE_POLICY, "probe-permissions", "policy", "sqs:SendMessage", "sqs:ReceiveMessage"),
    ),
    (
        probe.probe_may_send_and_read_its_secret,
        swap(aws.ROLE_POLICY, "probe-permissions", "policy", "probe-client-secret", "*"),
    ),
    (probe.probe_may_send_and_read_its_secret, _query_reads_the_secret),
    (probe.secret_of_the_probe_is_encrypted, _secret_in_a_variable),
    (probe.probe_pages_when_it_fails_or_is_gone, remove(aws.ALARM, "probe-failing")),
    (probe.probe_pages_when_it_fails_or_is_gone, put(aws.ALARM, "probe-failing", "treatMissingData", "notBreaching")),
    (
        probe.probe_pages_when_it_fails_or_is_gone,
        put(aws.ALARM, "probe-failing", "alarmActions", ["arn:aws:sns:eu-west-1:1:alerts-p2"]),
    ),
]
