"""How the faults of the drills are made: by the API that AWS has for it, by what is sent, or where requests arrive.

No fault sets the state of an alarm or publishes a metric.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handlers.vocabulary import EVENT_HANDLER_SERVICE, LIVE_ALIAS, Environment
from localcloud.drills.stack import PAGER, DrilledStack
from localcloud.observatory.faults import Faults
from localcloud.reload.canary_alarm import canary_alarm, follow_version

SLOW_SECONDS = 0.15
POISON_MESSAGES, BROKEN_EVENTS, ATTACKS = 60, 30, 30
CANARY_SHARE = 0.1
WAIT = {"Delay": 0.05, "MaxAttempts": 600}


@contextmanager
def nothing_else(_: DrilledStack) -> Iterator[None]:
    """The whole fault is what is sent in each minute."""
    yield


# The consumer and the functions


@contextmanager
def consumer_stopped(stack: DrilledStack) -> Iterator[None]:
    """The event source mapping is disabled, as an operator could do by mistake."""
    enable_consumer(stack, enabled=False)
    try:
        yield
    finally:
        enable_consumer(stack, enabled=True)


def enable_consumer(stack: DrilledStack, *, enabled: bool) -> None:
    """Enable or disable the event source mapping."""
    client = stack.cloud.client("lambda")
    mappings = client.list_event_source_mappings()["EventSourceMappings"]
    name = stack.functions[EVENT_HANDLER_SERVICE]
    [mapping] = [found["UUID"] for found in mappings if f":function:{name}" in found["FunctionArn"]]
    client.update_event_source_mapping(UUID=mapping, Enabled=enabled)


@contextmanager
def function_broken(stack: DrilledStack) -> Iterator[None]:
    """The alias of the event handler names a version whose entry point does not exist."""
    client, name = stack.cloud.client("lambda"), stack.functions[EVENT_HANDLER_SERVICE]
    before = client.get_alias(FunctionName=name, Name=LIVE_ALIAS)["FunctionVersion"]
    broken = _publish_broken(client, name, "function-broken")
    client.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion=broken)
    try:
        yield
    finally:
        client.update_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion=before)


@contextmanager
def bad_release(stack: DrilledStack) -> Iterator[None]:
    """Both aliases name a release whose entry points do not exist; the operator goes back with one command."""
    client = stack.cloud.client("lambda")
    versions = _publish_bad_release(stack, "bad-release")
    try:
        for role, version in versions.items():
            client.update_alias(FunctionName=stack.functions[role], Name=LIVE_ALIAS, FunctionVersion=version)
        yield
    finally:
        stack.note(stack.operate("rollback"))


@contextmanager
def bad_canary(stack: DrilledStack) -> Iterator[None]:
    """Both aliases give a tenth of the requests to a release whose entry points do not exist."""
    client = stack.cloud.client("lambda")
    versions = _publish_bad_release(stack, "bad-canary")
    try:
        for role, version in versions.items():
            weights = {"AdditionalVersionWeights": {version: CANARY_SHARE}}
            client.update_alias(FunctionName=stack.functions[role], Name=LIVE_ALIAS, RoutingConfig=weights)
        yield
    finally:
        stack.note(stack.operate("rollback"))


def _publish_bad_release(stack: DrilledStack, release: str) -> dict[str, str]:
    """Publish both functions as a deployment does, and let the alarms on the newest version follow."""
    client = stack.cloud.client("lambda")
    versions = {role: _publish_broken(client, name, release) for role, name in stack.functions.items()}
    for role, version in versions.items():
        follow_version(stack.cloud.client("cloudwatch"), canary_alarm(role, stack.functions[role]), version)
    return versions


def _publish_broken(client: Any, name: str, release: str) -> str:
    """Publish a version of a function that cannot start, as part of a release of its own; return its number.

    The function's own configuration is whole afterwards.
    """
    before = client.get_function_configuration(FunctionName=name)
    environment = before["Environment"]["Variables"]
    broken = {**environment, Environment.RELEASE: release, Environment.VERSION: release}
    try:
        _configure(client, name, Handler="absent.handler", Environment={"Variables": broken})
        return client.publish_version(FunctionName=name)["Version"]
    finally:
        _configure(client, name, Handler=before["Handler"], Environment={"Variables": environment})


def _configure(client: Any, name: str, **changes: Any) -> None:
    client.update_function_configuration(FunctionName=name, **changes)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)


# What others do to the stack


@contextmanager
def table_throttled(stack: DrilledStack) -> Iterator[None]:
    """DynamoDB answers every write as it does above the maximum throughput of the table."""
    with _injected(stack, Faults(throttled=("UpdateItem",))):
        yield


@contextmanager
def table_slow(stack: DrilledStack) -> Iterator[None]:
    """DynamoDB takes longer for each request."""
    with _injected(stack, Faults(table_delay_seconds=SLOW_SECONDS)):
        yield


@contextmanager
def pager_down(stack: DrilledStack) -> Iterator[None]:
    """The endpoint of those who are paged accepts nothing, while something happens of which they must be told."""
    with _injected(stack, Faults(unreachable=(PAGER,))), consumer_stopped(stack):
        yield


@contextmanager
def token_endpoint_down(stack: DrilledStack) -> Iterator[None]:
    """Cognito issues no tokens. Clients that have a token go on, and nobody else sends a request."""
    with _injected(stack, Faults(token_endpoint_fails=True)):
        yield


@contextmanager
def _injected(stack: DrilledStack, faults: Faults) -> Iterator[None]:
    stack.cloud.inject(faults)
    try:
        yield
    finally:
        stack.cloud.inject(Faults())


# What is sent in each minute


def send_poison(stack: DrilledStack) -> None:
    """Send messages that are not JSON."""
    stack.send_malformed(["{poison" for _ in range(POISON_MESSAGES)])


def send_broken_events(stack: DrilledStack) -> None:
    """Send events without a timestamp."""
    event = json.dumps({"user_id": "drill", "service_id": "mail", "service_name": "Web mail"})
    stack.send_malformed([event] * BROKEN_EVENTS)


def attack(stack: DrilledStack) -> None:
    """Send requests with tokens that nobody issued."""
    for number in range(ATTACKS):
        stack.query(token=f"invented-{number}")
