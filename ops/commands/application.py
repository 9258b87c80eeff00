"""An application of commands whose help shows a type only where a value is expected, and whose reader may leave."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from ops.commands.command import handle_errors
from ops.commands.late import LateCommands
from ops.commands.plain_values import PlainValues
from ops.errors import OperatorError

_Base = TyperCommand if TYPE_CHECKING else object
_SHARED: dict[str, Any] = {"no_args_is_help": True, "pretty_exceptions_enable": False, "rich_markup_mode": "markdown"}


class _Helped(_Base):
    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments; a flag has no type, and Typer would call it a <bool>."""
        parameters: list[Any] = super().get_params(ctx)
        for parameter in parameters:
            if getattr(parameter, "is_flag", False):
                parameter.metavar = ""
            if not isinstance(getattr(parameter, "get_runtime_param", None), PlainValues | None):
                parameter.get_runtime_param = PlainValues(parameter)
        return parameters

    @handle_errors
    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """Parse the arguments; help and version are printed here, and are complete for a reader who has left."""
        try:
            return super().make_context(*arguments, **settings)
        except SystemExit:
            # Rich ends with 1 when the pipe is closed. Everything else that ends here ends with 0.
            sys.exit(0)


class _Command(_Helped, TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; an empty path, which Python would take for the current folder, is an error."""
        given = self.make_parser(ctx).parse_args(list(args))[0]
        for parameter in self.get_params(ctx):
            if parameter.type_descriptor.annotation is Path and given.get(parameter.name) == "":
                raise OperatorError(f"{parameter.opts[0]} is empty. Name a file, or leave the option out.")
        return super().parse_args(ctx, args)


class _Group(_Helped, TyperGroup):
    places: ClassVar[Mapping[str, str]]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if self.places:
            self.commands = LateCommands(self.places, Application)  # pyrefly: ignore[bad-assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help, without importing the commands."""
        return list(self.commands)


class Application(typer.Typer):
    """A Typer application with the settings that every command and group of commands has here.

    `places` names where its commands are, as `module:name`; they are imported when they are used.
    """

    def __init__(self, *, places: Mapping[str, str] | None = None, **settings: Any) -> None:
        super().__init__(cls=type("_LateGroup", (_Group,), {"places": places or {}}), **(_SHARED | settings))

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """Register a function as a command, as `typer.Typer.command` does."""
        return super().command(name, cls=_Command, **settings)
