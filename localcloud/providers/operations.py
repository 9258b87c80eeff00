"""Updates, deletes, reads and imports resources, each as the table of lifecycles says."""

import re
from typing import Any

from botocore.exceptions import ClientError

from localcloud.deployer.engine import Created, ResourceFailed
from localcloud.emulator.connection import Account
from localcloud.providers.calls import State
from localcloud.providers.lifecycle import LIFECYCLES, Lifecycle
from localcloud.providers.updates import Change

# Codes of AWS for a resource that does not exist.
GONE = re.compile(r"NotFound|NonExistent|NoSuchEntity|DoesNotExist|NoSuch")
# X-Ray has one code for every error.
GONE_TEXT = re.compile(r"InvalidRequestException: \w[\w ]* not found", re.IGNORECASE)


def update(cloud: Account, type_: str, change: Change) -> dict[str, Any]:
    """Apply a change and return the outputs that it changed. An input that no branch handles is an error."""
    lifecycle = of_type(type_)
    if not change.changed:
        return {}
    if lifecycle.update is None:
        raise ResourceFailed(f"{', '.join(sorted(change.changed))} cannot be changed in place")
    change.clear(lifecycle.cleared)
    outputs = lifecycle.update(cloud, change)
    if change.unhandled:
        raise ResourceFailed(
            f"the embedded cloud cannot change {', '.join(change.unhandled)} in place; "
            "implement it in localcloud/providers/updates.py"
        )
    return outputs


def delete(cloud: Account, type_: str, state: State) -> None:
    """Delete a resource; a resource that is gone already is a success."""
    lifecycle = of_type(type_)
    if state.get(lifecycle.skip_if):
        return
    try:
        lifecycle.delete.run(cloud, state)
    except ClientError as error:
        if not is_gone(error):
            raise


def read(cloud: Account, type_: str, state: State) -> dict[str, Any] | None:
    """Return the compared inputs with the values they have in the account, or None when the resource is gone."""
    try:
        return of_type(type_).read(cloud, state)
    except ClientError as error:
        if is_gone(error):
            return None
        raise


def adopt(cloud: Account, type_: str, id_: str) -> tuple[dict[str, Any], Created] | None:
    """Return the inputs and outputs of a resource that exists, or None."""
    adopter = of_type(type_).adopt
    if adopter is None:
        raise ResourceFailed("the embedded cloud cannot import this type; add it to localcloud/providers/adoption.py")
    try:
        return adopter(cloud, id_)
    except ClientError as error:
        if is_gone(error):
            return None
        raise


def of_type(type_: str) -> Lifecycle:
    """Return the lifecycle of a type, or raise ResourceFailed."""
    if type_ not in LIFECYCLES:
        raise ResourceFailed("the embedded cloud cannot change this type; add it to localcloud/providers/lifecycle.py")
    return LIFECYCLES[type_]


def is_gone(error: ClientError) -> bool:
    """Return whether the error says that the resource does not exist."""
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return bool(GONE.search(code) or GONE_TEXT.match(f"{code}: {text}"))
