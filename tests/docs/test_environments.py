"""The environment of each function holds exactly the variables its handler reads."""

import dataclasses

import pytest

from components.environments import event_handler_environment, query_environment
from handlers.settings import EventHandlerSettings, QuerySettings
from handlers.vocabulary import Environment
from localcloud.deployer.recorder import Graph

POWERTOOLS = {Environment.SERVICE, Environment.METRICS_NAMESPACE, Environment.LOG_LEVEL}
SETTINGS = {"event-handler": EventHandlerSettings, "query": QuerySettings}
ENVIRONMENTS = {
    "event-handler": event_handler_environment(
        table_name="records", dead_letter_queue_url="https://queue", max_receive_count=5, stack="dev", version="1"
    ),
    "query": query_environment(table_name="records", stack="dev", version="1"),
}


def read_by(settings: type) -> set[str]:
    """Return the variables a settings class reads: its field names in capitals."""
    return {field.name.upper() for field in dataclasses.fields(settings)}


@pytest.mark.parametrize("function", SETTINGS)
def test_environment_holds_exactly_the_variables_that_are_read(function: str) -> None:
    assert ENVIRONMENTS[function].keys() == read_by(SETTINGS[function]) | POWERTOOLS


@pytest.mark.parametrize("function", SETTINGS)
def test_handlers_accept_their_environment(function: str) -> None:
    variables = {key: str(value) for key, value in ENVIRONMENTS[function].items()}
    assert SETTINGS[function].of(variables)


@pytest.mark.parametrize("function", SETTINGS)
def test_deployed_functions_have_their_environment(function: str, dev_graph: Graph) -> None:
    variables = dev_graph.one("aws:lambda/function:Function", f"{function}-function").inputs["environment"]["variables"]
    assert variables.keys() == ENVIRONMENTS[function].keys()
    assert SETTINGS[function].of(variables)
    assert variables[Environment.SERVICE] == function
