"""Reads a stack's configuration as the Pulumi CLI does, and rejects what the CLI rejects.

The stack's values replace the project's defaults. The program receives what the CLI would pass: strings, with objects
and arrays as JSON. Rejects also misspelt and doubled keys, which the CLI ignores.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.settings.keys import unknown_keys
from localcloud.deployer import stack_files
from localcloud.deployer.stack_files import ConfigError, full_key, project_name

__all__ = ["ConfigError", "StackConfig", "project_name", "read"]

TYPES = ("string", "integer", "boolean", "array", "object")
ATTRIBUTES = ("type", "description", "items", "default", "value", "secret")


@dataclass(frozen=True)
class StackConfig:
    """What the program receives: values by full key (`project:key`), and which of the keys are secret."""

    project: str
    stack: str
    values: dict[str, str]
    secret_keys: frozenset[str]

    @property
    def disabled_default_providers(self) -> set[str]:
        """The packages whose resources need an explicit provider; `*` is all of them."""
        return set(json.loads(self.values.get("pulumi:disable-default-providers", "[]")))


def read(
    project: Path,
    stack: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    stacks: Path | None = None,
) -> StackConfig:
    """Return the configuration of `stack` with `overrides` over its values, or raise ConfigError.

    `stack` can be `ORGANIZATION/STACK` or `ORGANIZATION/PROJECT/STACK`, as for the CLI. Keys of `overrides` without a
    namespace belong to the project. Encrypted values need the passphrase in the environment, unless they are
    overridden. `name` and `stacks` replace the project's name and the folder of its stack files.
    """
    stack_files.check_path(project)
    name = name or project_name(project)
    stack = stack_files.stack_name(stack, name)
    declared = {
        full_key(key, name): _declaration(key, declaration, name)
        for key, declaration in stack_files.project_config(project).items()
    }
    replaced = {full_key(key, name): value for key, value in (overrides or {}).items()}
    file = stack_files.StackFile(stacks or project, stack)
    given = file.values(name)
    _check_keys(file.path.name, given, declared, name)
    encrypted = {key for key, value in given.items() if key not in replaced and stack_files.has_encrypted(value)}
    given |= file.decrypt({key: given[key] for key in sorted(encrypted)})
    defaults = {key: declaration.get("default", declaration.get("value")) for key, declaration in declared.items()}
    values = {key: value for key, value in (defaults | given | replaced).items() if value is not None}
    if missing := [key for key in declared if key not in values]:
        raise ConfigError(
            f"Stack {stack} has no value for {', '.join(sorted(missing))}, declared in Pulumi.yaml without a default. "
            f"Run: pulumi config set --stack {stack} {min(missing)} VALUE"
        )
    secret = {key for key in values if key in encrypted or declared.get(key, {}).get("secret")}
    for key, value in values.items():
        declaration = declared.get(key, {})
        if "type" not in declaration:
            continue
        if key in secret - encrypted - replaced.keys():
            raise ConfigError(
                f"{key} of stack {stack} is declared secret, but its value is plain. "
                f"Run: pulumi config set --secret --stack {stack} {key} VALUE"
            )
        if not _fits(value, declaration):
            found = "a secret that is not" if key in secret else _text(value)
            raise ConfigError(f"{key} of stack {stack} must be of type {declaration['type']}, found {found}.")
    return StackConfig(name, stack, {key: _text(value) for key, value in values.items()}, frozenset(secret))


def _check_keys(file: str, given: Iterable[str], declared: Collection[str], name: str) -> None:
    """Raise ConfigError for a key that is not declared in Pulumi.yaml and is, or seems to be, of this project."""
    for unknown in unknown_keys(given, declared, {name}):
        hint = f"did you mean {unknown.nearest}?" if unknown.nearest else "Pulumi.yaml lists the keys."
        raise ConfigError(f"{file}: there is no key {unknown.key}; {hint}")


def _declaration(key: str, declaration: Any, name: str) -> dict[str, Any]:
    """Return a key's declaration in its long form, or raise ConfigError as the CLI does when it loads a project."""
    ours = full_key(key, name).startswith(f"{name}:")
    if not isinstance(declaration, dict):
        declaration = {"default" if ours else "value": declaration}
    type_, default, value = (declaration.get(attribute) for attribute in ("type", "default", "value"))
    unknown = {str(key) for key in declaration.keys() - set(ATTRIBUTES)}
    faults = {
        f"has attributes other than {', '.join(ATTRIBUTES)}: {', '.join(sorted(unknown))}": unknown,
        "has both a default and a value; keep one": default is not None and value is not None,
        f"is not in namespace {name}, so it must have `value`, and neither `type` nor `default`": not ours
        and (value is None or default is not None or type_ is not None),
        f"has type {type_}; use {', '.join(TYPES)}": type_ not in (None, *TYPES),
        "is an array without the type of its `items`": type_ == "array" and "items" not in declaration,
    }
    for fault, found in faults.items():
        if found:
            raise ConfigError(f"Pulumi.yaml: {key} {fault}.")
    if type_ is not None and default is not None and not _fits(default, declaration):
        raise ConfigError(f"Pulumi.yaml: the default of {key}, {_text(default)}, is not of type {type_}.")
    return declaration


def _fits(value: Any, declaration: Mapping[str, Any]) -> bool:
    """Whether the CLI accepts the value for the declared type; integers and booleans may be strings."""
    match declaration["type"]:
        case "string":
            return isinstance(value, str)
        case "integer":
            whole = isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value)
            return bool(whole) or (isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0)
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "object":
            return isinstance(value, dict)
    return isinstance(value, list) and all(_fits(item, declaration["items"]) for item in value)


def _text(value: Any) -> str:
    """Return a value as the program receives it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
