"""Converts the usual values of a command line without pydantic, which Typer takes for all and which imports slowly.

`ops.commands.plain_values` is its like, with numbers, for the operator's commands, which do not import this room.
"""

from pathlib import Path
from typing import Any

from typer._param_types import coerce_cli_path


class PlainValues:
    """Takes the place of a parameter's `get_runtime_param` and of what that returns; Typer converts the rest."""

    def __init__(self, parameter: Any) -> None:
        self._convert_by_typer = parameter.get_runtime_param

    def __call__(self) -> "PlainValues":
        """Return what converts the values."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value as the parameter's type, or raise Typer's error."""
        wanted, info = param.type_descriptor.annotation, param.type_descriptor.parameter_info
        if value is None and not param.multiple and param.nargs == 1:
            return None
        if wanted in (str, bool, int) and type(value) is wanted and info.parser is None:
            return value
        if wanted is Path and isinstance(value, str | Path) and info.parser is None:
            return coerce_cli_path(Path(value), info, path_type=Path, param=param, ctx=ctx)
        return self._convert_by_typer().coerce(value, param=param, ctx=ctx)
