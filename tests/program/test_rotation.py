"""Credentials are rotated by a change of `apiClients`, which touches nobody but the client concerned."""

import json

from tests.program.graph_rules import custom
from tests.recorder import Graph, record


def inputs(graph: Graph) -> set[tuple[str, str]]:
    """Every resource with its inputs."""
    return {(one.urn, json.dumps(one.inputs, sort_keys=True, default=vars)) for one in custom(graph)}


def names(changed: set[tuple[str, str]]) -> set[str]:
    return {urn.rpartition("::")[2] for urn, _ in changed}


def test_replacing_a_client_replaces_its_credentials_and_touches_nothing_else(dev_graph: Graph):
    replaced = record("dev", {"apiClients": ["example-client-2"]})
    assert names(inputs(dev_graph) - inputs(replaced)) == {"identity-example-client"}
    assert names(inputs(replaced) - inputs(dev_graph)) == {"identity-example-client-2"}
    assert replaced.outputs["apiClients"].keys() == {"example-client-2"}
