"""What `pulumi config` stores for a command, as sdk/go/common/resource/config of the Pulumi CLI does."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from localcloud import samples
from localcloud.deployer import stack_config

ROOT = Path(__file__).parents[2]
TYPED = "a1" * 12
"""A secret that the user types when the CLI asks for it."""


def run(command: str, config: dict[str, Any]) -> None:
    """Change a stack's values, by key as in its file, as the command does; raises where the CLI fails."""
    words = shlex.split(command.partition(" <")[0])
    assert words[:2] == ["pulumi", "config"], command
    parser = argparse.ArgumentParser(exit_on_error=False)
    for option in ("--path", "--secret"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("--stack")
    parser.add_argument("action", choices=["set", "rm"])
    parser.add_argument("key")
    parser.add_argument("value", nargs="?")
    arguments = parser.parse_args(words[2:])
    if arguments.secret and arguments.value is None:
        arguments.value = TYPED  # or read from standard input, so that no history of a shell keeps it
    assert (arguments.value is None) == (arguments.action == "rm"), command
    first = re.split(r"[.\[]", arguments.key)[0]
    key = arguments.key if ":" in first else f"{samples.PROJECT}:{arguments.key}"
    path = property_path(key) if arguments.path else [key]
    if arguments.action == "rm":
        container: Any = config
        for step in path[:-1]:
            container = container[step]
        del container[path[-1]]
    elif len(path) == 1:
        config[key] = arguments.value
    else:
        put(config, path, coerced(arguments.value))


def property_path(key: str) -> list[Any]:
    """Return the steps of `project:name.member[0]["any member"]`."""
    namespace, _, rest = key.partition(":")
    assert re.fullmatch(r'[^.\[]+(\.[^.\["]+|\[\d+\]|\["[^"]*"\])*', rest), key
    steps = re.findall(r'\.?([^.\["\]]+)|\["([^"]*)"\]', re.sub(r"\[(\d+)\]", r".#\1", rest))
    first, *others = [plain or quoted for plain, quoted in steps]
    return [f"{namespace}:{first}", *(int(step[1:]) if step.startswith("#") else step for step in others)]


def coerced(value: str) -> str | int | bool:
    """Return what a value on a path becomes: a truth value or number, but a number with a leading 0 stays a string."""
    if value in ("true", "false"):
        return value == "true"
    return int(value) if re.fullmatch(r"[+-]?\d+", value) and not re.match(r"0.", value) else value


def put(config: Any, path: list[Any], value: Any) -> None:
    """Set a value on a path: containers are created, and a plain value of the first level is overwritten."""
    for depth, step in enumerate(path):
        assert issubclass(type(config), list if type(step) is int else dict), "a list needs an index, and a map a name"
        if type(step) is int:
            assert step <= len(config), "array index out of range"
            config += [None] * (step == len(config))
        if depth + 1 == len(path):
            config[step] = value
            return
        found = config[step] if type(step) is int else config.get(step)
        if found is None or (depth == 0 and type(found) not in (list, dict)):
            config[step] = [] if type(path[depth + 1]) is int else {}
        config = config[step]


def passed_to_program(config: dict[str, Any], folder: Path, stack: str = "dev") -> dict[str, str]:
    """Return what the program receives for a stack with these values; raises ConfigError where the CLI rejects them."""
    (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
    values = stack_config.read(ROOT, stack, name=samples.PROJECT, stacks=folder).values
    return {key.removeprefix(f"{samples.PROJECT}:"): value for key, value in values.items()}
