"""What a provider is given, and the table in which providers are found by type token."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulator.process import Emulator

Made = tuple[str, dict[str, Any]]
"""The id and the outputs of a resource."""
Provider = Callable[[Emulator, "Inputs"], Made]
Invoke = Callable[[Emulator, dict[str, Any]], dict[str, Any]]

PROVIDERS: dict[str, tuple[Provider, frozenset[str]]] = {}
INVOKES: dict[str, Invoke] = {}

# Of no effect on what runs here: nothing reads tags, and the emulator is one region.
IGNORED_EVERYWHERE = frozenset({"tags", "region"})


def provides(token: str, *, ignoring: str = "") -> Callable[[Provider], Provider]:
    """Register the function that makes resources of a type, and the inputs it knowingly does nothing with."""

    def register(provider: Provider) -> Provider:
        PROVIDERS[token] = provider, IGNORED_EVERYWHERE | frozenset(ignoring.split())
        return provider

    return register


def answers(token: str) -> Callable[[Invoke], Invoke]:
    """Register the function that answers an invoke."""

    def register(invoke: Invoke) -> Invoke:
        INVOKES[token] = invoke
        return invoke

    return register


class Inputs:
    """The inputs of one resource. Each is taken once; one that nobody takes is a setting about to be lost."""

    def __init__(self, resource_name: str, inputs: Mapping[str, Any], ignoring: frozenset[str] = frozenset()):
        self._resource_name = resource_name
        self._left = {name: value for name, value in inputs.items() if value is not None and name not in ignoring}

    def take(self, name: str, default: Any = None) -> Any:
        """Answer an input that may be absent."""
        return self._left.pop(name, default)

    def take_name(self, key: str = "name") -> str:
        """Answer the physical name; without one, the resource's own with a random suffix, as the real provider does."""
        prefix = self._left.pop("namePrefix", f"{self._resource_name}-")
        return self._left.pop(key, None) or f"{prefix}{secrets.token_hex(4)}"

    def take_mapped(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Answer the inputs that are present of those named, under the names AWS has for them."""
        return {theirs: self._left.pop(ours) for ours, theirs in names.items() if ours in self._left}

    def take_rest(self, case: Callable[[str], str] = str, **renamed: str) -> dict[str, Any]:
        """Answer all that is left as parameters of an API call: boto3 itself refuses one that the call does not have.

        Nested keys are recased too, so take what holds free keys (variables, dimensions) beforehand.
        """
        left, self._left = self._left, {}
        return {renamed.get(name) or case(name): _recased(value, case) for name, value in left.items()}

    @property
    def left(self) -> list[str]:
        """The names of what was not taken."""
        return sorted(self._left)


def pascal(name: str) -> str:
    """`memorySize` as most of AWS's APIs write it: `MemorySize`."""
    return name[:1].upper() + name[1:]


def as_attributes(values: Mapping[str, Any]) -> dict[str, str]:
    """SQS and SNS take every attribute as a string."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def _recased(value: Any, case: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {case(name): _recased(inner, case) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_recased(inner, case) for inner in value]
    return value
