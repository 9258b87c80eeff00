"""Ways to break a recorded graph."""

from collections.abc import Callable
from typing import Any

from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import Graph

Sabotage = Callable[[Graph], Any]


def put(type_: str, name: str | None, path: str, value: Any) -> Sabotage:
    """Sabotage: another value at a path of one resource's inputs."""

    def change(graph: Graph) -> None:
        *parents, last = path.split(".")
        target = one_of(graph, type_, name).inputs
        for key in parents:
            target = target[key]
        target[last] = value

    return change


def swap(type_: str, name: str | None, path: str, old: str, new: str) -> Sabotage:
    """Sabotage: another word in a text of one resource's inputs, a policy for example."""

    def change(graph: Graph) -> None:
        inputs = one_of(graph, type_, name).inputs
        assert old in inputs[path], f"{old} is not in {inputs[path]}"
        inputs[path] = inputs[path].replace(old, new)

    return change


def remove(type_: str, name: str | None = None) -> Sabotage:
    """Sabotage: a removed resource."""
    return lambda graph: graph.resources.remove(one_of(graph, type_, name))


def forget(type_: str, name: str | None = None) -> Sabotage:
    """Sabotage: a resource without dependencies."""
    return lambda graph: setattr(one_of(graph, type_, name), "depends_on", [])


def wait_no_more(type_: str, name: str | None, *needed: str) -> Sabotage:
    """Sabotage: a resource without its direct dependencies on resources of some types."""

    def change(graph: Graph) -> None:
        urns = {resource.urn for type_ in needed for resource in graph.of_type(type_)}
        resource = one_of(graph, type_, name)
        assert urns & set(resource.depends_on), f"{resource.name} depends on none of them"
        resource.depends_on = [urn for urn in resource.depends_on if urn not in urns]

    return change


def mark(type_: str, name: str | None, attribute: str, value: Any) -> Sabotage:
    """Sabotage: another resource option."""
    return lambda graph: setattr(one_of(graph, type_, name), attribute, value)


def one_of(graph: Graph, type_: str, name: str | None = None) -> Resource:
    return next(resource for resource in graph.of_type(type_) if name in (None, resource.name))
