"""Commands whose modules are imported when they are used: all of them take longer to import than a command runs."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer

from ops.commands.command import handle_errors


class LateCommands(Mapping[str, Any]):
    """The commands of a group by name, each imported from its place when it is asked for."""

    def __init__(self, places: Mapping[str, Any], application: type[typer.Typer]) -> None:
        self._places, self._application = places, application
        self._imported: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> Any:
        if name not in self._imported:
            self._imported[name] = self._import(name)
        return self._imported[name]

    @handle_errors
    def _import(self, name: str) -> Any:
        module, _, attribute = self._places[name].partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)
        else:
            single = self._application(add_completion=False)
            single.command(name)(found)
            command = typer.main.get_command(single)
        command.name = name
        return command
