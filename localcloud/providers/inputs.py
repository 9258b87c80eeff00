"""The inputs of a resource, and the tables in which provider functions are found by type or invoke token."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.deployer.engine import Created
from localcloud.emulator.connection import Account

Create = Callable[[Account, "Inputs"], Created]
Invoke = Callable[[Account, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class ResourceType:
    """How resources of a type are created, and which of their inputs are ignored on purpose."""

    create: Create
    ignored: frozenset[str]


RESOURCE_TYPES: dict[str, ResourceType] = {}
INVOKES: dict[str, Invoke] = {}

# Without effect in the emulator: nothing reads tags, and there is one region.
IGNORED_EVERYWHERE = frozenset({"tags", "region"})


def creates(token: str, *, ignoring: str = "") -> Callable[[Create], Create]:
    """Register a function that creates resources of a type, and the inputs that it ignores on purpose."""

    def register(create: Create) -> Create:
        RESOURCE_TYPES[token] = ResourceType(create, IGNORED_EVERYWHERE | frozenset(ignoring.split()))
        return create

    return register


def invokes(token: str) -> Callable[[Invoke], Invoke]:
    """Register a function that serves an invoke, which is Pulumi's name for a function of a provider."""

    def register(invoke: Invoke) -> Invoke:
        INVOKES[token] = invoke
        return invoke

    return register


class Inputs:
    """The inputs of a resource, which its provider function takes; an input that is left would have no effect."""

    def __init__(self, resource_name: str, inputs: Mapping[str, Any], ignoring: frozenset[str] = frozenset()):
        self._resource_name = resource_name
        self._left = {name: value for name, value in inputs.items() if value is not None and name not in ignoring}

    def take(self, name: str, default: Any = None) -> Any:
        """Take an input that may be absent."""
        return self._left.pop(name, default)

    def take_name(self, key: str = "name") -> str:
        """Take the physical name, or return the resource's own with a random suffix, as the real provider does."""
        prefix = self._left.pop("namePrefix", f"{self._resource_name}-")
        return self._left.pop(key, None) or f"{prefix}{secrets.token_hex(4)}"

    def take_attributes(self, *names: str, **renamed: str) -> dict[str, str]:
        """Take the inputs that are present, and return them under AWS's names as strings, as SQS and SNS require."""
        theirs = {name: pascal(name) for name in names} | renamed
        return {theirs[name]: _attribute(self._left.pop(name)) for name in theirs if name in self._left}

    def take_texts(self, *names: str) -> dict[str, Any]:
        """Take the inputs that are present under their own names."""
        return {name: self._left.pop(name) for name in names if name in self._left}

    def take_rest(self, case: Callable[[str], str] = str, **renamed: str) -> dict[str, Any]:
        """Take everything that is left as parameters of an API call; boto3 rejects a parameter it does not know.

        Nested keys are recased too, so take inputs with free keys (variables, dimensions) before.
        """
        left, self._left = self._left, {}
        return {renamed.get(name) or case(name): _recased(value, case) for name, value in left.items()}

    @property
    def left(self) -> list[str]:
        """The names of the inputs that are left."""
        return sorted(self._left)


def pascal(name: str) -> str:
    """Return `memorySize` as most APIs of AWS spell it: `MemorySize`."""
    return name[:1].upper() + name[1:]


def _attribute(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _recased(value: Any, case: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {case(name): _recased(inner, case) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_recased(inner, case) for inner in value]
    return value
