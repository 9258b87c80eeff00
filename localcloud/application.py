"""An application of commands whose help shows a type only where a value is expected, and whose reader may leave."""

import os
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

_Base = TyperCommand if TYPE_CHECKING else object


class _Helped(_Base):
    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments; a flag has no type, and Typer would call it a <bool>."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if getattr(parameter, "is_flag", False):
                parameter.metavar = ""
        return parameters

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """Parse the arguments; help and version are printed here, and are complete for a reader who has left."""
        try:
            return super().make_context(*arguments, **settings)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still buffered
            sys.exit(0)
        except SystemExit:
            # Rich ends with 1 when the pipe is closed. Everything else that ends here ends with 0.
            sys.exit(0)


class _Command(_Helped, TyperCommand):
    pass


class _Group(_Helped, TyperGroup):
    pass


class Application(typer.Typer):
    """A Typer application with the settings that every command has here."""

    def __init__(self, **settings: Any) -> None:
        shared = {"no_args_is_help": True, "pretty_exceptions_enable": False, "rich_markup_mode": "markdown"}
        super().__init__(cls=_Group, **(shared | settings))

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """Register a function as a command, as `typer.Typer.command` does."""
        return super().command(name, cls=_Command, **settings)
