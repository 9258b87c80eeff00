"""The whole program runs the published versions that the aliases name, also when their weights name two."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from handlers.vocabulary import LIVE_ALIAS, Environment
from tests.e2e.conftest import Stack, event
from tests.fakes.waiting import eventually

SERVICES = ("event-handler", "query")


@dataclass(frozen=True)
class Versions:
    """Numbers of two versions of each function; other tests of the stack may have published some."""

    live: dict[str, str]
    canary: dict[str, str]


@pytest.fixture
def versions(stack: Stack) -> Iterator[Versions]:
    """What is live, and a version of both functions that calls itself `canary` and is gone after the test."""
    client = stack.client("lambda")
    live, canary = {}, {}
    for service in SERVICES:
        name = stack.outputs["functions"][service]
        before = client.get_function_configuration(FunctionName=name)["Environment"]
        variables = before["Variables"] | {Environment.VERSION: "canary"}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
        live[service] = client.get_alias(FunctionName=name, Name=LIVE_ALIAS)["FunctionVersion"]
        canary[service] = client.publish_version(FunctionName=name)["Version"]
        client.update_function_configuration(FunctionName=name, Environment=before)
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
    yield Versions(live, canary)
    for service in SERVICES:
        name = stack.outputs["functions"][service]
        client.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion=live[service], RoutingConfig={})
        client.delete_function(FunctionName=name, Qualifier=canary[service])


def route(stack: Stack, canary: dict[str, str], weight: float) -> None:
    for service in SERVICES:
        weights = {"AdditionalVersionWeights": {canary[service]: weight}} if weight else {}
        name = stack.outputs["functions"][service]
        stack.client("lambda").update_alias(FunctionName=name, Name=LIVE_ALIAS, RoutingConfig=weights)


def queried(stack: Stack) -> Counter[str]:
    """Count the invocations of the query function by version: the emulator writes a log stream for each."""
    function = stack.outputs["functions"]["query"]
    group = stack.client("lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    pages = stack.client("logs").get_paginator("describe_log_streams").paginate(logGroupName=group)
    names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    return Counter(name.partition("[")[2].partition("]")[0] for name in names)


def test_event_and_query_run_the_version_of_the_alias(stack: Stack, token: str, user: str, versions: Versions) -> None:
    live, canary = versions.live, versions.canary
    for weight, service_id, expected in ((0.0, "mail", live), (1.0, "chat", canary)):
        route(stack, canary, weight)
        before = queried(stack)
        (message_id,) = stack.send(event(user, service_id, "2024-01-01T00:00:00Z"))
        steps: list[dict[str, Any]] = eventually(lambda sent=message_id: stack.journey(sent)["steps"])
        (step,) = steps
        assert step["version"] == expected["event-handler"]
        assert service_id in [entry["service_id"] for entry in stack.record(user)]
        assert stack.query(user, token).status_code == 200
        new = eventually(lambda seen=before: queried(stack) - seen)
        assert new.keys() == {expected["query"]}
