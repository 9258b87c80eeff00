"""The state of the functions, and the release that they run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.vocabulary import LIVE_ALIAS
from ops.aliases import read_fleet, read_probe
from ops.errors import OperatorError
from ops.releases import Fleet, Phase
from ops.releases import Function as PublishedFunction
from ops.stack import StackOutputs

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Function:
    """Which version of the artifact a function runs for all requests or most of them, and in which state it is."""

    role: str
    name: str
    version: str
    route: str
    """Where its alias points."""
    published: str
    state: str = UNKNOWN
    """What Lambda says of the version that the alias names: `Active`, or why it cannot run."""
    last_update: str = UNKNOWN
    reserved_concurrency: int | None = None
    """How many invocations are reserved for it; None for no reservation, 0 stops the function."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What both functions together run."""

    sentence: str
    """What runs, and what to do if the functions do not match."""
    is_sound: bool
    """Whether a command of this program leaves the aliases so."""


def read_functions(outputs: StackOutputs) -> tuple[tuple[Function, ...], Release]:
    """Return all functions, and the release of those that have one.

    A stack from before there were aliases has a state too.
    """
    client = outputs.client("lambda")
    try:
        fleet, probes = read_fleet(outputs, client), read_probe(outputs, client)
    except OperatorError as error:
        unknown = {"version": UNKNOWN, "route": UNKNOWN, "published": UNKNOWN}
        functions = [
            Function(role=role, name=name, **unknown, **_state(client, name, {}))
            for role, name in outputs.all_functions.items()
        ]
        return tuple(functions), Release(sentence=str(error), is_sound=False)
    functions = [_function(client, function) for function in (*fleet.functions, *probes)]
    return tuple(functions), Release(sentence=fleet.describe(), is_sound=_is_sound(fleet))


def _function(client: Any, function: PublishedFunction) -> Function:
    live = next((version for version in function.versions if version.number == function.route.version), None)
    return Function(
        role=function.role,
        name=function.name,
        version=(live.artifact if live else "") or UNKNOWN,
        route=str(function.route),
        published=live.published if live else UNKNOWN,
        **_state(client, function.name, {"Qualifier": LIVE_ALIAS}),
    )


def _state(client: Any, name: str, qualifier: Mapping[str, str]) -> dict[str, Any]:
    configuration = client.get_function_configuration(FunctionName=name, **qualifier)
    concurrency = client.get_function_concurrency(FunctionName=name)
    return {
        "state": _with_reason(configuration, "State"),
        "last_update": _with_reason(configuration, "LastUpdateStatus"),
        "reserved_concurrency": concurrency.get("ReservedConcurrentExecutions"),
    }


def _with_reason(configuration: Mapping[str, Any], name: str) -> str:
    value, reason = configuration.get(name) or UNKNOWN, configuration.get(f"{name}Reason")
    return f"{value}: {reason}" if reason else value


def _is_sound(fleet: Fleet) -> bool:
    try:
        return fleet.position().phase is not Phase.BETWEEN
    except OperatorError:
        return False
