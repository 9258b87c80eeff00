"""With provisioned concurrency the API invokes the alias that has it; without it, there is no alias."""

import copy
from collections.abc import Iterator

import pytest

from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.api_rules import invoked_by_its_routes_alone
from tests.graph.changes import taken_out
from tests.graph.graph_rules import ready_before_traffic
from tests.graph.sabotage import Sabotage, put

ALIAS, WARM = aws.ALIAS, aws.PROVISIONED
OTHER_FUNCTION = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/f/invocations"


def alias_is_invoked(graph: Graph) -> Iterator[str]:
    """The API invokes the warm alias, and is permitted to."""
    alias = graph.one(ALIAS)
    if graph.one(WARM).inputs["qualifier"] != alias.inputs["name"]:
        yield "another alias is warm"
    if graph.one(aws.INTEGRATION, "api-query").inputs["uri"] != alias.outputs["invokeArn"]:
        yield "the API invokes something else"
    if graph.one(aws.PERMISSION, "api-invoke").inputs.get("qualifier") != alias.inputs["name"]:
        yield "the API may invoke something else"
    if graph.one(aws.FUNCTION, "query-function").inputs.get("publish") is not True:
        yield "no version is published"


@pytest.fixture(scope="module")
def warm_graph() -> Graph:
    return record("dev", {"queryProvisionedConcurrency": 2})


def test_api_invokes_the_warm_alias(warm_graph: Graph) -> None:
    for rule in (alias_is_invoked, invoked_by_its_routes_alone, ready_before_traffic):
        assert list(rule(warm_graph)) == []
    assert warm_graph.one(WARM).inputs["provisionedConcurrentExecutions"] == 2


def test_switching_it_off_takes_out_no_input_that_aws_would_keep(dev_graph: Graph, warm_graph: Graph) -> None:
    # Every change of a permission replaces it.
    assert taken_out(dev_graph, warm_graph) == {(aws.PERMISSION, "qualifier")}


@pytest.mark.parametrize(
    "sabotage",
    [
        put(WARM, None, "qualifier", "1"),
        put(aws.INTEGRATION, "api-query", "uri", OTHER_FUNCTION),
        put(aws.PERMISSION, "api-invoke", "qualifier", None),
        put(aws.FUNCTION, "query-function", "publish", False),
    ],
)
def test_a_sabotage_is_found(sabotage: Sabotage, warm_graph: Graph) -> None:
    graph = copy.deepcopy(warm_graph)
    sabotage(graph)
    assert list(alias_is_invoked(graph))
