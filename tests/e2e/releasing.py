"""A second release of a deployed stack, as a deployment publishes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handlers.vocabulary import LIVE_ALIAS
from tests.e2e.conftest import Stack

NEW = "0123456789ab"


def configuration(stack: Stack, name: str) -> dict[str, Any]:
    return stack.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]


def publish(stack: Stack, **changes: str) -> dict[str, str]:
    """Publish a version of both functions with these variables, as a deployment does; return its numbers by role."""
    functions, numbers = stack.client("lambda"), {}
    for role, name in stack.outputs["functions"].items():
        variables = configuration(stack, name) | changes
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
        numbers[role] = functions.publish_version(FunctionName=name)["Version"]
    return numbers


def live(stack: Stack) -> list[str]:
    names = stack.outputs["functions"].values()
    aliases = [stack.client("lambda").get_alias(FunctionName=name, Name=LIVE_ALIAS) for name in names]
    return [alias["FunctionVersion"] for alias in aliases]


def live_releases(stack: Stack) -> set[str]:
    """Return the releases that are live. A release can be published under several numbers."""
    serving = zip(stack.outputs["functions"].values(), live(stack), strict=True)
    return {configuration(stack, f"{name}:{number}")["RELEASE"] for name, number in serving}


def restore(stack: Stack, numbers: list[str]) -> None:
    """Let the aliases name these versions again."""
    for version, name in zip(numbers, stack.outputs["functions"].values(), strict=True):
        stack.client("lambda").update_alias(
            FunctionName=name,
            Name=LIVE_ALIAS,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": {}},
        )


@contextmanager
def second_release(stack: Stack) -> Iterator[dict[str, str]]:
    """A second release, which is not live; afterwards the stack is as it was."""
    name = stack.outputs["functions"]["query"]
    before, number = configuration(stack, name), live(stack)
    numbers = publish(stack, RELEASE=NEW, VERSION=NEW)
    yield numbers
    publish(stack, RELEASE=before["RELEASE"], VERSION=before["VERSION"])
    restore(stack, number)
