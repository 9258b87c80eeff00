"""What saved queries filter by is indexed in each log group they read; log widgets show saved queries only."""

import copy
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from localcloud.insights.parser import parse_query
from localcloud.insights.syntax import Clock, Comparison, Field, Filter, OneOf
from tests.graph import resource_types as aws
from tests.graph.sabotage import Sabotage, one_of, remove, swap

MOST_FIELDS = 20
# Without a query: engineers search the logs for them.
SEARCHED = {"error_code", "correlation_id"}


def compared(part: Any) -> Iterator[str]:
    """The fields below a part of a query that an index can serve: those with = or in."""
    is_equality = isinstance(part, OneOf) or (isinstance(part, Comparison) and part.symbol == "=")
    if is_equality and isinstance(part.left, Field):
        yield part.left.name
    elif isinstance(part, tuple):
        for inner in part:
            yield from compared(inner)
    elif is_dataclass(part):
        for field in fields(part):
            yield from compared(getattr(part, field.name))


def filtered(text: str) -> set[str]:
    """The fields of a query's filters that an index can serve."""
    commands = parse_query(text, Clock(now=0, start=0, end=0))
    return {name for command in commands if isinstance(command, Filter) for name in compared(command)}


def indexed(graph: Graph) -> dict[str, list[str]]:
    """The indexed fields of each log group."""
    return {
        policy.inputs["logGroupName"]: json.loads(policy.inputs["policyDocument"])["Fields"]
        for policy in graph.of_type(aws.INDEX)
    }


def problems(graph: Graph) -> Iterator[str]:
    """Yield each filter without an index, and each index without a filter."""
    index, used = indexed(graph), set[tuple[str, str]]()
    for query in graph.of_type(aws.QUERY):
        used |= {
            (group, name) for group in query.inputs["logGroupNames"] for name in filtered(query.inputs["queryString"])
        }
    for group, name in sorted(used):
        if name not in index.get(group, ()):
            yield f"{name} is not indexed in {group}"
    for name in sorted({name for names in index.values() for name in names} - {name for _, name in used} - SEARCHED):
        yield f"{name} is indexed, and no query filters by it"
    for group, names in index.items():
        if len(names) > MOST_FIELDS:
            yield f"{group} indexes {len(names)} fields"


def test_queries_filter_by_indexed_fields(dev_graph: Graph, prod_graph: Graph) -> None:
    assert list(problems(dev_graph)) == list(problems(prod_graph)) == []
    assert {"level", "outcome", "error_code"} <= set(indexed(dev_graph)["/event-processing/dev/event-handler"])
    assert "status" in indexed(dev_graph)["/event-processing/dev/api-access"]


@pytest.mark.parametrize(
    ("sabotage", "found"),
    [
        (remove(aws.INDEX, "event-handler-log-index"), "outcome is not indexed in /event-processing/dev/event-handler"),
        (swap(aws.INDEX, "api-access-log-index", "policyDocument", "status", "state"), "status is not indexed"),
        (
            swap(aws.INDEX, "api-access-log-index", "policyDocument", "status", "state"),
            "state is indexed, and no query",
        ),
        (swap(aws.QUERY, "query-14-contract-breaks", "queryString", "outcome =", "reason ="), "reason is not indexed"),
        (swap(aws.QUERY, "query-05-given-up-by-reason", "queryString", "outcome in", "kind in"), "kind is not indexed"),
        (
            lambda graph: one_of(graph, aws.INDEX, "query-log-index").inputs.update(
                policyDocument=json.dumps({"Fields": ["level"] * 21})
            ),
            "indexes 21 fields",
        ),
    ],
)
def test_control_filter_without_index_is_found(dev_graph: Graph, sabotage: Sabotage, found: str) -> None:
    graph = copy.deepcopy(dev_graph)
    sabotage(graph)
    assert any(found in problem for problem in problems(graph))
