"""Faults of a deployed stack, made by hand as an operator could, and undone."""

from collections.abc import Iterator
from contextlib import contextmanager

from handlers.vocabulary import LIVE_ALIAS
from tests.e2e.conftest import Stack


@contextmanager
def consumer_disabled(stack: Stack) -> Iterator[None]:
    client, name = stack.client("lambda"), stack.outputs["functions"]["event-handler"]
    mappings = client.list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = (found["UUID"] for found in mappings if name in found["FunctionArn"].split(":"))
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping, Enabled=True)


@contextmanager
def query_crashes_at_start(stack: Stack) -> Iterator[None]:
    """The query function lacks a variable that it needs."""
    client, name = stack.client("lambda"), stack.outputs["functions"]["query"]
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    version = client.get_alias(FunctionName=name, Name=LIVE_ALIAS)["FunctionVersion"]

    def configure(variables: dict[str, str]) -> None:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})

    configure({variable: value for variable, value in before.items() if variable != "TABLE_NAME"})
    broken = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion=broken)
    try:
        yield
    finally:
        configure(before)
        client.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion=version)
        client.delete_function(FunctionName=name, Qualifier=broken)
