"""With provisioned concurrency the API invokes the alias that has it; without it, there is no alias."""

import copy
from collections.abc import Iterator

import pytest

from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.api_rules import invoked_by_its_routes_alone
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
    assert list(alias_is_invoked(warm_graph)) == list(invoked_by_its_routes_alone(warm_graph)) == []
    assert warm_graph.one(WARM).inputs["provisionedConcurrentExecutions"] == 2


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
