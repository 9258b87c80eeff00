"""The environment of each function holds exactly the variables its handler reads, and the name of its release."""

import dataclasses

import pytest

from handlers.settings import EventHandlerSettings, QuerySettings
from handlers.vocabulary import Environment
from localcloud.deployer.recorder import Graph

POWERTOOLS = {Environment.SERVICE, Environment.METRICS_NAMESPACE}
SETTINGS = {"event-handler": EventHandlerSettings, "query": QuerySettings}


@pytest.mark.parametrize("function", SETTINGS)
def test_deployed_environment_holds_exactly_the_variables_that_are_needed(function: str, dev_graph: Graph) -> None:
    variables = dev_graph.one("aws:lambda/function:Function", f"{function}-function").inputs["environment"]["variables"]
    # A field of the settings is read from the variable of its name in capitals.
    read = {field.name.upper() for field in dataclasses.fields(SETTINGS[function])}
    assert variables.keys() == read | POWERTOOLS | {Environment.RELEASE}
    assert SETTINGS[function].of(variables)
    assert variables[Environment.SERVICE] == function
