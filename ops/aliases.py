"""The aliases of both functions, moved together or not at all."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.vocabulary import LIVE_ALIAS, PROBE_SERVICE, Environment
from ops.errors import OperatorError, code_of, explain
from ops.releases import LATEST, LATEST_NUMBER, Fleet, Function, Route, Version
from ops.stack import StackOutputs

CHANGED_CODES = ("PreconditionFailedException", "ResourceConflictException")
Warn = Callable[[str], None]


class NotMovedError(OperatorError):
    """The aliases were not moved; the sentence says whether both are as before."""


def read_fleet(outputs: StackOutputs, client: Any) -> Fleet:
    """Return both functions with their published versions and aliases."""
    return Fleet(tuple(read_function(client, role, name) for role, name in sorted(outputs.functions.items())))


def read_probe(outputs: StackOutputs, client: Any) -> tuple[Function, ...]:
    """Return the probe with its published versions and alias, which belong to no release; nothing without a probe."""
    return (read_function(client, PROBE_SERVICE, outputs.probe_function),) if outputs.probe_function else ()


def read_function(client: Any, role: str, name: str) -> Function:
    """Return a function with its published versions and alias."""
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    found = [entry for page in pages for entry in page["Versions"] if entry["Version"] != LATEST]
    route, revision = _read_alias(client, name)
    return Function(
        role=role,
        name=name,
        versions=tuple(sorted(map(_version, found), key=lambda version: version.number)),
        route=route,
        revision=revision,
    )


def _version(entry: Mapping[str, Any]) -> Version:
    # Without permission to use the stack's key, Lambda returns an error instead of the variables.
    variables = entry.get("Environment", {}).get("Variables", {})
    return Version(
        number=int(entry["Version"]),
        release=variables.get(Environment.RELEASE, ""),
        artifact=variables.get(Environment.VERSION, ""),
        published=entry["LastModified"],
    )


def _read_alias(client: Any, name: str) -> tuple[Route, str]:
    try:
        alias = client.get_alias(FunctionName=name, Name=LIVE_ALIAS)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            raise OperatorError(
                f"Function {name} has no alias {LIVE_ALIAS}. Deploy the stack with this version of the program."
            ) from None
        raise
    return _route(alias), alias["RevisionId"]


def _route(alias: Mapping[str, Any]) -> Route:
    if alias["FunctionVersion"] == LATEST:
        # Lambda rejects weights beside it.
        return Route(LATEST_NUMBER)
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    # Lambda accepts one additional version.
    canary = next(iter(weights), None)
    if canary is None:
        return Route(int(alias["FunctionVersion"]))
    return Route(int(alias["FunctionVersion"]), int(canary), float(weights[canary]))


def move(client: Any, fleet: Fleet, routes: Mapping[str, Route], warn: Warn) -> list[str]:
    """Move both aliases, or put back what was moved; return what Lambda did differently.

    An alias is moved only if it has not changed since it was read, and also where it needs no change: that makes it
    fail for an operator who read it before. Raises NotMovedError for every error that it can explain.
    """
    tried: list[Function] = []
    notes = []
    try:
        for function in fleet.functions:
            tried.append(function)
            notes += _move_one(client, function, routes[function.role])
    except BaseException as error:
        result = _undo(client, tried, routes)
        if isinstance(error, Exception):
            raise NotMovedError(f"{_why(error, tried[-1])} {result}") from None
        warn(result)
        raise
    return notes


def _why(error: Exception, function: Function) -> str:
    if isinstance(error, ClientError) and code_of(error) in CHANGED_CODES:
        return (
            f"The alias of {function.role} was changed meanwhile, by another engineer, `pulumi up`, or Lambda while it "
            "prepares provisioned concurrency."
        )
    sentence = explain(error)
    if sentence is None:
        raise error
    return sentence


def _move_one(client: Any, function: Function, route: Route) -> list[str]:
    try:
        response = _update(client, function.name, route, function.revision)
    except ClientError as error:
        # After a response that was lost, botocore's second attempt finds the alias moved by the first.
        if code_of(error) not in CHANGED_CODES or _read_alias(client, function.name)[0] != route:
            raise
        return []
    if (reached := _route(response)) == route:
        return []
    return [
        f"Lambda points {function.role} to {reached} until the provisioned concurrency of version {route.version} is "
        "ready."
    ]


def _update(client: Any, name: str, route: Route, revision: str) -> Any:
    weights = {} if route.canary is None else {str(route.canary): route.weight}
    return client.update_alias(
        FunctionName=name,
        Name=LIVE_ALIAS,
        FunctionVersion=str(route.version or LATEST),
        # Without it, Lambda would keep the weights that there are.
        RoutingConfig={"AdditionalVersionWeights": weights},
        RevisionId=revision,
    )


def _undo(client: Any, tried: list[Function], routes: Mapping[str, Route]) -> str:
    """Put back every alias that is where this command put it; return a sentence about the result."""
    moved_back, lost = [], []
    for function in reversed(tried):
        try:
            route, revision = _read_alias(client, function.name)
            if route == routes[function.role] and route != function.route:
                _update(client, function.name, function.route, revision)
                moved_back.append(function)
        except (ClientError, BotoCoreError, OperatorError):
            lost.append(function)
    if lost:
        names = " and ".join(function.role for function in lost)
        return (
            f"Whether {names} was moved is unknown, and it could not be moved back. See `python -m ops status`; then "
            "run the command again, or `python -m ops rollback`."
        )
    if moved_back:
        shown = " and ".join(f"{function.role} was moved back to {function.route}" for function in moved_back)
        return f"Nothing was changed: {shown}."
    return "Nothing was changed."


def delete_versions(
    client: Any, functions: Iterable[Function], numbers: Mapping[str, tuple[int, ...]]
) -> dict[str, list[int]]:
    """Delete these versions of the functions; return those that were deleted, by role.

    A version that an alias names meanwhile is kept: Lambda itself refuses to delete it.
    """
    deleted: dict[str, list[int]] = {}
    for function in functions:
        deleted[function.role] = []
        for number in numbers[function.role]:
            try:
                # Without a qualifier, this would delete the function.
                client.delete_function(FunctionName=function.name, Qualifier=str(number))
            except ClientError as error:
                if code_of(error) == "ResourceConflictException":
                    continue
                raise
            deleted[function.role].append(number)
    return deleted
