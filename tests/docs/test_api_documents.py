"""docs/openapi.yaml and docs/api.md each describe exactly the deployed routes of the API."""

import re
from pathlib import Path

import pytest
import yaml

from localcloud.deployer.recorder import Graph
from tests.graph.api_rules import routes

DOCS = Path(__file__).parents[2] / "docs"
VERBS = {"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"}
Route = tuple[str, str]


def routes_of(graph: Graph) -> set[Route]:
    """Return the verb and the path of every deployed route."""
    return {(verb, path) for (_, verb), path in routes(graph).items()}


def routes_in_description(text: str) -> set[Route]:
    paths = yaml.safe_load(text)["paths"]
    return {(verb.upper(), path) for path, verbs in paths.items() for verb in verbs if verb.upper() in VERBS}


def routes_in_page(text: str) -> set[Route]:
    return {(verb, path) for path, verb in re.findall(r"`(/[^`\s]+)`, ([A-Z]+)\b", text)}


READERS = {"openapi.yaml": routes_in_description, "api.md": routes_in_page}


@pytest.mark.parametrize("document", READERS)
def test_document_has_the_deployed_routes(document: str, dev_graph: Graph):
    assert READERS[document]((DOCS / document).read_text()) == routes_of(dev_graph) != set()


@pytest.mark.parametrize("document", READERS)
def test_missing_or_foreign_route_is_noticed(document: str, dev_graph: Graph):
    text = (DOCS / document).read_text()
    assert READERS[document](text.replace("/users/{user_id}/services", "/users/{user_id}")) != routes_of(dev_graph)
    assert READERS[document](text.replace("GET", "PUT").replace("    get:", "    put:")) != routes_of(dev_graph)
