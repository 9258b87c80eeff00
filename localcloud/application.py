"""An application of commands whose help shows a type only where a value is expected, and whose reader may leave."""

import errno
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from localcloud.plain_values import PlainValues

CANNOT_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_Base = TyperCommand if TYPE_CHECKING else object
_SHARED: dict[str, Any] = {"no_args_is_help": True, "pretty_exceptions_enable": False, "rich_markup_mode": "markdown"}


def end_unwritten(error: OSError) -> NoReturn:
    """End with 1 and a sentence where there is no space for the output; raise every other error."""
    if error.errno not in CANNOT_BE_WRITTEN:
        raise error
    _abandon_stdout()
    print(f"The output could not be written: {error.strerror}.", file=sys.stderr)
    sys.exit(1)


def _abandon_stdout() -> None:
    """Discard what is still buffered, so that Python does not report the same error at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """Parse the arguments; help and version are printed here, and are complete for a reader who has left."""
        try:
            return super().make_context(*arguments, **settings)
        except BrokenPipeError:
            _abandon_stdout()
            sys.exit(0)
        except OSError as error:
            end_unwritten(error)
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
        super().__init__(cls=_Group, **(_SHARED | settings))

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """Register a function as a command, as `typer.Typer.command` does."""
        return super().command(name, cls=_Command, **settings)
