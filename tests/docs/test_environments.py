"""The functions are told exactly what their handlers read."""

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
    """Names of the variables a settings class reads: its fields in capitals."""
    return {field.name.upper() for field in dataclasses.fields(settings)}


@pytest.mark.parametrize("function", SETTINGS)
def test_every_variable_is_read_and_every_variable_read_is_there(function: str) -> None:
    assert ENVIRONMENTS[function].keys() == read_by(SETTINGS[function]) | POWERTOOLS


@pytest.mark.parametrize("function", SETTINGS)
def test_handlers_accept_what_they_are_told(function: str) -> None:
    variables = {key: str(value) for key, value in ENVIRONMENTS[function].items()}
    assert SETTINGS[function].of(variables)


@pytest.mark.parametrize("function", SETTINGS)
def test_deployed_functions_have_that_environment(function: str, dev_graph: Graph) -> None:
    variables = dev_graph.one("aws:lambda/function:Function", f"{function}-function").inputs["environment"]["variables"]
    assert variables.keys() == ENVIRONMENTS[function].keys()
    assert SETTINGS[function].of(variables)
    assert variables[Environment.SERVICE] == function
