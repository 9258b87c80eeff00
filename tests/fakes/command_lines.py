"""Every command of `python -m ops` and `python -m localcloud`, found by walking them, with arguments it accepts.

A test that walks these covers a command added later: without an entry in ARGUMENTS the walk fails.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from localcloud.__main__ import app as localcloud
from ops.__main__ import app as ops

APPS = {"ops": ops, "localcloud": localcloud}
# The fewest arguments with which each command starts its work.
ARGUMENTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("ops", "send"): ("--user-id", "ada", "--service-id", "mail"),
    ("ops", "query"): ("ada",),
    ("ops", "token"): (),
    ("ops", "logs"): (),
    ("ops", "status"): (),
    ("ops", "smoke"): (),
    ("ops", "preflight"): ("--stack", "dev"),
    ("ops", "versions"): (),
    ("ops", "release"): (),
    ("ops", "rollback"): (),
    ("ops", "erase"): ("ada", "--yes"),
    ("ops", "restore"): ("--from", "restored", "--yes"),
    ("ops", "rotate"): ("example",),
    ("ops", "dead-letters", "list"): (),
    ("ops", "dead-letters", "show"): ("--all",),
    ("ops", "dead-letters", "export"): ("--all",),
    ("ops", "dead-letters", "edit"): ("--message-id", "id", "--body", "-"),
    ("ops", "dead-letters", "redrive"): ("--all", "--yes"),
    ("ops", "dead-letters", "discard"): ("--all", "--yes"),
    ("localcloud", "up"): (),
    ("localcloud", "demo"): (),
    ("localcloud", "drill"): ("consumer-stopped",),
    ("localcloud", "env"): (),
}


@dataclass(frozen=True)
class CommandLine:
    """A command, by its module and its name there."""

    module: str
    names: tuple[str, ...]
    command: Any
    """What click makes of it, with its parameters."""

    def __str__(self) -> str:
        return " ".join((self.module, *self.names))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The fewest arguments with which it starts its work."""
        return ARGUMENTS[(self.module, *self.names)]

    @property
    def options(self) -> set[str]:
        """The long options it takes."""
        return {name for parameter in self.command.params for name in parameter.opts if name.startswith("--")}

    def words(self, *options: str) -> list[str]:
        """Return what follows `python -m`: module, names, the fewest arguments, and `options`."""
        return [self.module, *self.names, *self.arguments, *options]


def walk(*modules: str) -> list[CommandLine]:
    """Return every command of these modules (by default of both); KeyError for one without an entry in ARGUMENTS."""
    found = [line for module in modules or APPS for line in _lines(module)]
    assert all(line.words() for line in found)
    return found


@functools.cache  # a dozen files walk the commands when they are imported
def _lines(module: str) -> tuple[CommandLine, ...]:
    return tuple(_walk(module, (), typer.main.get_command(APPS[module])))


def _walk(module: str, names: tuple[str, ...], command: Any) -> Iterator[CommandLine]:
    if not hasattr(command, "commands"):
        yield CommandLine(module, names, command)
        return
    for name, child in command.commands.items():
        yield from _walk(module, (*names, name), child)
