"""Every resource's inputs match its argument class, down to nested keys."""

import copy
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.arguments import wrong_arguments
from tests.graph.graph_rules import custom
from tests.graph.sabotage import Sabotage, put


def function(path: str, value: Any) -> Sabotage:
    return put(aws.FUNCTION, "query-function", path, value)


def wrong(graph: Graph) -> list[str]:
    return [words for resource in custom(graph) for words in wrong_arguments(resource)]


@pytest.mark.parametrize("stack", ["dev_graph", "prod_graph", "extended_graph"])
def test_inputs_match_their_argument_classes(stack: str, request: pytest.FixtureRequest) -> None:
    graph = request.getfixturevalue(stack)
    assert len(custom(graph)) > 50
    assert wrong(graph) == []


@pytest.mark.parametrize(
    ("sabotage", "words"),
    [
        (function("timeout", "5"), "query-function: timeout is '5', not int"),
        (function("timeout", True), "timeout is True, not int"),
        (function("timeout", 5.5), "timeout is 5.5, not int"),
        (function("code", "code.zip"), "code is 'code.zip', not Archive"),
        (function("layers", "layer"), "layers is no list but 'layer'"),
        (function("environment.variables.STACK", 1), "environment.variables['STACK'] is 1, not"),
        (function("environment", "none"), "environment is no FunctionEnvironmentArgs but 'none'"),
        (function("tracing", {}), "tracing is no argument of FunctionArgs"),
        (function("role", None), "role is required by FunctionArgs"),
        (function("loggingConfig.logLevel", "INFO"), "loggingConfig.logLevel is no argument"),
        (function("loggingConfig.logFormat", None), "loggingConfig.logFormat is required by"),
        (put(aws.QUEUE, "events-source", "sqsManagedSseEnabled", "true"), "sqsManagedSseEnabled is 'true', not bool"),
        (put(aws.MAPPING, None, "scalingConfig.maxConcurrency", 2), "scalingConfig.maxConcurrency is no argument"),
        (put(aws.METHOD_SETTINGS, None, "settings.logLevel", "ERROR"), "settings.logLevel is no argument"),
        (put(aws.TABLE, None, "attributes", [{"name": "user_id", "kind": "S"}]), "attributes[0].kind is no argument"),
        (put(aws.REST_API, None, "endpointConfiguration.types", ["REGIONAL"]), "types is ['REGIONAL'], not str"),
        (put(aws.ALARM, "queue-age", "threshold", "240"), "threshold is '240', not float"),
        (put(aws.ALARM, "queue-age", "dimensions", ["QueueName"]), "dimensions is no mapping but ['QueueName']"),
    ],
)
def test_a_sabotage_is_found(sabotage: Sabotage, words: str, dev_graph: Graph) -> None:
    graph = copy.deepcopy(dev_graph)
    sabotage(graph)
    assert any(words in found for found in wrong(graph)), wrong(graph)


def test_whole_number_is_accepted_as_a_float(dev_graph: Graph) -> None:
    graph = copy.deepcopy(dev_graph)
    for alarm, value in zip(graph.of_type(aws.ALARM), (1, 1.5), strict=False):
        alarm.inputs["threshold"] = value
    assert wrong(graph) == []
