"""Rules that let a destroyed stack be deployed again under the same names."""

from collections.abc import Iterator

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.graph_rules import custom, depends_on

# Types whose names are free immediately (queues: after a minute, parameters: after half a minute). AWS keeps a secret's
# name for days, for example.
FREED = {
    aws.ALARM, aws.ALIAS, aws.AUTHORIZER, aws.CLIENT, aws.COMPOSITE, aws.DASHBOARD, aws.DOMAIN, aws.FUNCTION, aws.LAYER,
    aws.EVENT_RULE, aws.LOG_GROUP, aws.METRIC_FILTER, aws.PARAMETER, aws.QUERY, aws.QUEUE, aws.RESOURCE_SERVER,
    aws.REST_API, aws.ROLE, aws.SAMPLING_RULE, aws.TABLE, aws.TOPIC, aws.TRACE_GROUP, aws.USER_POOL, aws.VALIDATOR,
}  # fmt: skip
NAMES = ("name", "dashboardName", "layerName", "domain", "ruleName", "groupName")
# What AWS leaves behind after destroy, as README.md and docs/security.md say.
SHORTEST_KEY_WINDOW, LONGEST_KEY_WINDOW = 7, 30


def names_are_free_after_destroy(graph: Graph) -> Iterator[str]:
    """Every chosen name is free again once the stack is destroyed."""
    for resource in custom(graph):
        chosen = [resource.inputs[key] for key in NAMES if resource.inputs.get(key)]
        if chosen and resource.type not in FREED:
            yield f"{resource.name} has the chosen name {chosen[0]}, and AWS may keep the name of a {resource.type}"
        if chosen and resource.retain_on_delete:
            yield f"{resource.name} keeps {chosen[0]} from the next deployment"


def retained_names_stay(graph: Graph) -> Iterator[str]:
    """A stack of release 0.1.0, which chose the whole name of the retained role, keeps that role."""
    for role in graph.of_type(aws.ROLE):
        if role.retain_on_delete and not {"name", "namePrefix"} <= set(role.ignore_changes):
            yield f"{role.name} gets another name"


def logs_go_last(graph: Graph) -> Iterator[str]:
    """API Gateway does not make a deleted log group again, at least not under a name that the next deployment needs.

    It makes groups for requests that arrive while a stage is being deleted (hashicorp/terraform#32693). So the access
    log is deleted after the API, and execution logging is switched off (with the method settings) before its group.
    """
    groups = {group.outputs["arn"]: group for group in graph.of_type(aws.LOG_GROUP)}
    for stage in graph.of_type(aws.STAGE):
        access_log = groups[stage.inputs["accessLogSettings"]["destinationArn"]]
        for api in graph.of_type(aws.REST_API):
            yield from depends_on(graph, api, access_log)
        for settings in graph.of_type(aws.METHOD_SETTINGS):
            yield from depends_on(graph, settings, graph.one(aws.LOG_GROUP, "api-execution-log"))


def keys_can_be_called_back(graph: Graph) -> Iterator[str]:
    """A deleted key has a waiting period, and no alias that a new key would need."""
    for key in graph.of_type(aws.KEY):
        window = key.inputs.get("deletionWindowInDays", 0)
        if not SHORTEST_KEY_WINDOW <= window <= LONGEST_KEY_WINDOW:
            yield f"{key.name} waits {window} days"
        if key.retain_on_delete and window != LONGEST_KEY_WINDOW:
            yield f"{key.name} encrypts data and waits {window} days only"
    for alias in graph.of_type(aws.KMS_ALIAS):
        yield f"{alias.name} gives a key a name that a deleted key would hold"
