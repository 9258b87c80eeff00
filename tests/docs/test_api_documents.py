"""Every route of the API is in docs/openapi.yaml and in docs/api.md, and neither has one that is not deployed."""

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
    """Verb and path of each."""
    return {(verb, path) for (_, verb), path in routes(graph).items()}


def routes_in_description(text: str) -> set[Route]:
    paths = yaml.safe_load(text)["paths"]
    return {(verb.upper(), path) for path, verbs in paths.items() for verb in verbs if verb.upper() in VERBS}


def routes_in_page(text: str) -> set[Route]:
    return {(verb, path) for path, verb in re.findall(r"`(/[^`\s]+)`, ([A-Z]+)\b", text)}


READERS = {"openapi.yaml": routes_in_description, "api.md": routes_in_page}


@pytest.mark.parametrize("document", READERS)
def test_a_document_has_the_routes_of_the_api(document: str, dev_graph: Graph):
    assert READERS[document]((DOCS / document).read_text()) == routes_of(dev_graph) != set()


@pytest.mark.parametrize("document", READERS)
def test_a_route_that_is_missing_or_of_another_api_is_noticed(document: str, dev_graph: Graph):
    text = (DOCS / document).read_text()
    assert READERS[document](text.replace("/users/{user_id}/services", "/users/{user_id}")) != routes_of(dev_graph)
    assert READERS[document](text.replace("GET", "PUT").replace("    get:", "    put:")) != routes_of(dev_graph)
