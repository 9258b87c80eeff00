"""Calls of AWS as data: a service, an operation, and parameters taken from a resource's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.emulator.connection import Account

State = Mapping[str, Any]
"""The inputs and outputs of a resource, and its `id`."""


@dataclass(frozen=True)
class Call:
    """A call of an API; see `call`."""

    service: str
    operation: str
    parameters: dict[str, Any]

    def run(self, cloud: Account, state: State) -> Any:
        """Make the call for the resource with that state and return the response."""
        return getattr(cloud.client(self.service), self.operation)(**_filled(self.parameters, state))


def call(service: str, operation: str, /, **parameters: Any) -> Call:
    """Return a call whose parameters name keys of the state.

    `?key` may be absent from the state, `#key` becomes a number, `/key` a path, and `=text` is the text itself.
    Lists and objects are filled likewise.
    """
    return Call(service, operation, parameters)


def _filled(parameter: Any, state: State) -> Any:
    if isinstance(parameter, Mapping):
        left_out = {name for name, key in parameter.items() if str(key).startswith("?") and state.get(key[1:]) is None}
        return {name: _filled(key, state) for name, key in parameter.items() if name not in left_out}
    if isinstance(parameter, list):
        return [_filled(key, state) for key in parameter]
    match parameter[0], parameter[1:]:
        case "=", text:
            return text
        case "#", key:
            return int(state[key])
        case "?", key:
            return state[key]
        case "/", key:
            return f"/{state[key]}"
    return state[parameter]
