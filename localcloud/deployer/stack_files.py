"""Pulumi.yaml and the stack files as they are on disk: their sections, keys and encrypted values."""

import functools
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from localcloud.deployer import passphrase

# What a misspelt section of each file can have meant.
PROJECT_SECTIONS = ("name", "description", "runtime", "config", "requiredPulumiVersion", "main", "backend", "options")
STACK_SECTIONS = ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")
STACK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class ConfigError(Exception):
    """Names the key, what is wrong with it, and how to fix it."""


class _UniqueKeys:
    """Rejects a mapping with the same key twice, of which PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        """Return the mapping, or raise ConstructorError."""
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"it has the key {key.value} twice", key.start_mark)
            keys |= {key.value} if isinstance(key, yaml.ScalarNode) else set()
        return super().construct_mapping(node, deep)  # pyrefly: ignore[missing-attribute]


# The parser in C is ten times as fast, and its errors do not quote the line, which can hold a secret value.
class _Written(_UniqueKeys, yaml.CBaseLoader):
    """Every scalar as it is written."""


class _Loader(_UniqueKeys, yaml.CSafeLoader):
    """YAML as the CLI reads it: `on`, `no` and dates are strings."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as the base class declares it)
        first: [(tag, regex) for tag, regex in resolvers if not tag.endswith((":bool", ":timestamp"))]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))


def check_path(project: Path) -> None:
    """Raise ConfigError for a folder that the program cannot be deployed from."""
    try:
        str(project.resolve()).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{project.resolve()} is not UTF-8, as Pulumi's protocol requires. Move the project to another folder."
        ) from None


def project_name(project: Path) -> str:
    """Return the name in Pulumi.yaml."""
    name = _load(project / "Pulumi.yaml", PROJECT_SECTIONS).get("name")
    if not name:
        raise ConfigError(f"{project / 'Pulumi.yaml'} has no `name`. Add one.")
    return name


def project_config(project: Path) -> dict[str, Any]:
    """Return the keys that Pulumi.yaml declares."""
    return _config(project / "Pulumi.yaml", PROJECT_SECTIONS)


def stack_name(given: str, project: str) -> str:
    """Return the last part of a name as the CLI writes it: STACK, ORGANIZATION/STACK or ORGANIZATION/PROJECT/STACK."""
    *owner, stack = given.split("/")
    if len(owner) > 2 or not all(STACK_NAME.fullmatch(part) for part in (*owner, stack)):
        raise ConfigError(
            f"{given!r} is not the name of a stack. Use STACK, such as dev, or ORGANIZATION/PROJECT/STACK."
        )
    if len(owner) == 2 and owner[1] != project:
        raise ConfigError(f"{given} is a stack of project {owner[1]}, but this project is {project}. Use {stack}.")
    return stack


def full_key(key: str, name: str) -> str:
    """Return a key with its namespace, by default the project's name."""
    return key if ":" in key else f"{name}:{key}"


class StackFile:
    """The stack's file in a folder; raises ConfigError when there is none."""

    def __init__(self, folder: Path, stack: str) -> None:
        self.path = folder / f"Pulumi.{stack}.yaml"
        self._stack = stack
        if not self.path.exists():
            known = sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in folder.glob("Pulumi.*.yaml"))
            raise ConfigError(
                f"Stack {stack} does not exist: {self.path.name} is missing. "
                f"Existing stacks: {', '.join(known) or 'none'}."
            )

    def values(self, name: str) -> dict[str, Any]:
        """Return the values by full key; `name` is the project's."""
        # The CLI reads a scalar as it is written: an unquoted 3.10 is the string "3.10".
        written = _config(self.path, STACK_SECTIONS, _Written)
        values = {}
        for key, value in _config(self.path, STACK_SECTIONS).items():
            if full_key(key, name) in values:
                raise ConfigError(f"{self.path.name} has {key} with and without its namespace. Keep one of them.")
            values[full_key(key, name)] = written[key] if isinstance(written[key], str) else value
        return values

    def decrypt(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return encrypted values as plain values, or raise ConfigError naming the key, and what to do."""
        if not values:
            return {}
        sections = _load(self.path, STACK_SECTIONS)
        subject = f"{min(values)} of stack {self._stack} is encrypted (`secure:`)"
        if not (salt := sections.get("encryptionsalt")):
            provider = str(sections.get("secretsprovider") or "Pulumi Cloud").partition("?")[0]
            raise ConfigError(
                f"{subject} by {provider}, which the embedded cloud does not use. Deploy a stack whose values are "
                f"plain, or run: pulumi stack change-secrets-provider passphrase --stack {self._stack}"
            )
        try:
            decrypt = passphrase.unlock(str(salt), os.environ)
        except passphrase.PassphraseError as error:
            raise ConfigError(f"{subject}. {error}") from None
        decrypted = {}
        for key, value in values.items():
            try:
                decrypted[key] = _plain(value, decrypt)
            except ValueError:
                raise ConfigError(
                    f"{key} of stack {self._stack} has a `secure:` value that its passphrase does not decrypt. "
                    f"Run: pulumi config set --secret --stack {self._stack} {key} VALUE"
                ) from None
        return decrypted


def has_encrypted(value: Any) -> bool:
    """Whether the value, or a value in it, is encrypted."""
    if isinstance(value, dict):
        return _is_encrypted(value) or any(has_encrypted(item) for item in value.values())
    return isinstance(value, list) and any(has_encrypted(item) for item in value)


def _is_encrypted(value: dict[str, Any]) -> bool:
    return value.keys() == {"secure"} and isinstance(value["secure"], str)


def _plain(value: Any, decrypt: passphrase.Decrypt) -> Any:
    if isinstance(value, list):
        return [_plain(item, decrypt) for item in value]
    if not isinstance(value, dict):
        return value
    return (
        decrypt(value["secure"])
        if _is_encrypted(value)
        else {key: _plain(item, decrypt) for key, item in value.items()}
    )


def _config(file: Path, sections: Iterable[str], loader: Any = _Loader) -> dict[str, Any]:
    config = _load(file, sections, loader).get("config") or {}
    if not isinstance(config, dict):
        raise ConfigError(f"{file.name}: config is not a mapping of keys to values.")
    return config


@functools.lru_cache(maxsize=8)
def _parsed(text: str, loader: Any) -> Any:
    """Return what YAML means, for reading only. A configuration needs each file twice, and parsing takes a while."""
    return yaml.load(text, loader)  # noqa: S506 (both loaders are safe)


def _load(file: Path, sections: Iterable[str], loader: Any = _Loader) -> dict[str, Any]:
    """Return the file's content, or raise ConfigError, also when a section seems misspelt."""
    try:
        content = _parsed(file.read_text(encoding="utf-8"), loader) or {}
    except FileNotFoundError:
        raise ConfigError(f"{file.parent} has no {file.name}.") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file} is not a mapping of keys to values.")
    for section in content.keys() - set(sections):
        if nearest := get_close_matches(str(section), sections, n=1, cutoff=0.75):
            raise ConfigError(f"{file.name}: there is no section {section}; did you mean {nearest[0]}?")
    return content
