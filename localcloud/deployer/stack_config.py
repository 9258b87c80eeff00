"""Reads a stack's configuration as the Pulumi CLI does, and rejects what the CLI rejects.

The stack's values replace the project's defaults. The program receives what the CLI would pass: strings, with objects
and arrays as JSON.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TYPES = ("string", "integer", "boolean", "array", "object")
ATTRIBUTES = ("type", "description", "items", "default", "value", "secret")


class ConfigError(Exception):
    """Names the key, what is wrong with it, and how to fix it."""


class _Loader(yaml.SafeLoader):
    """YAML as the CLI reads it: `on`, `no` and dates are strings."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as the base class declares it)
        first: [(tag, regex) for tag, regex in resolvers if not tag.endswith((":bool", ":timestamp"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))


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


def project_name(project: Path) -> str:
    """Return the name in Pulumi.yaml."""
    name = _load(project / "Pulumi.yaml").get("name")
    if not name:
        raise ConfigError(f"{project / 'Pulumi.yaml'} has no `name`. Add one.")
    return name


def read(
    project: Path,
    stack: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    stacks: Path | None = None,
) -> StackConfig:
    """Return the configuration of `stack` with `overrides` over its values, or raise ConfigError.

    Keys of `overrides` without a namespace belong to the project. An override can replace a value that is encrypted in
    the stack file, which cannot be read here. `name` and `stacks` replace the project's name and the folder of its
    stack files.
    """
    name = name or project_name(project)
    declared = {
        _full(key, name): _declaration(key, declaration, name)
        for key, declaration in (_load(project / "Pulumi.yaml").get("config") or {}).items()
    }
    replaced = {_full(key, name): value for key, value in (overrides or {}).items()}
    given = _stack_values(stacks or project, stack, name)
    defaults = {key: declaration.get("default", declaration.get("value")) for key, declaration in declared.items()}
    values = {key: value for key, value in (defaults | given | replaced).items() if value is not None}
    if missing := [key for key in declared if key not in values]:
        raise ConfigError(
            f"Stack {stack} has no value for {', '.join(sorted(missing))}, declared in Pulumi.yaml without a default. "
            f"Run: pulumi config set --stack {stack} {min(missing)} VALUE"
        )
    for key, value in values.items():
        _check(key, value, declared.get(key, {}), stack, replaced=key in replaced)
    return StackConfig(
        name,
        stack,
        {key: _text(value) for key, value in values.items()},
        frozenset(key for key in values if declared.get(key, {}).get("secret")),
    )


def _load(file: Path, loader: Any = _Loader) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text(), loader)  # noqa: S506 (both loaders are safe)
    except FileNotFoundError:
        raise ConfigError(f"{file.parent} has no {file.name}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content or {}, dict):
        raise ConfigError(f"{file} is not a mapping of keys to values.")
    return content or {}


def _stack_values(folder: Path, stack: str, name: str) -> dict[str, Any]:
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.exists():
        known = sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in folder.glob("Pulumi.*.yaml"))
        raise ConfigError(
            f"Stack {stack} does not exist: {file.name} is missing. Existing stacks: {', '.join(known) or 'none'}."
        )
    # The CLI reads a scalar as it is written: an unquoted 3.10 is the string "3.10".
    written = _load(file, yaml.BaseLoader).get("config") or {}
    return {
        _full(key, name): written[key] if isinstance(written[key], str) else value
        for key, value in (_load(file).get("config") or {}).items()
    }


def _full(key: str, name: str) -> str:
    return key if ":" in key else f"{name}:{key}"


def _declaration(key: str, declaration: Any, name: str) -> dict[str, Any]:
    """Return a key's declaration in its long form, or raise ConfigError as the CLI does when it loads a project."""
    ours = _full(key, name).startswith(f"{name}:")
    if not isinstance(declaration, dict):
        declaration = {"default" if ours else "value": declaration}
    type_, default, value = (declaration.get(attribute) for attribute in ("type", "default", "value"))
    faults = {
        f"has an attribute other than {', '.join(ATTRIBUTES)}": declaration.keys() - set(ATTRIBUTES),
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


def _check(key: str, value: Any, declaration: Mapping[str, Any], stack: str, *, replaced: bool) -> None:
    if _has_encrypted(value):
        raise ConfigError(
            f"{key} of stack {stack} is encrypted (`secure:`), and the embedded cloud has no passphrase. "
            "Deploy a stack whose values are plain, or use the Pulumi CLI."
        )
    if "type" not in declaration:
        return
    if declaration.get("secret") and not replaced:
        raise ConfigError(
            f"{key} of stack {stack} is declared secret, but its value is plain. "
            f"Run: pulumi config set --secret --stack {stack} {key} VALUE"
        )
    if not _fits(value, declaration):
        found = "a secret that is not" if declaration.get("secret") else _text(value)
        raise ConfigError(f"{key} of stack {stack} must be of type {declaration['type']}, found {found}.")


def _has_encrypted(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"secure"} or any(_has_encrypted(item) for item in value.values())
    return isinstance(value, list) and any(_has_encrypted(item) for item in value)


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
