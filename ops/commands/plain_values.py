"""Converts the usual values of a command line without pydantic, which Typer takes for all and which imports slowly."""

import re
from pathlib import Path
from typing import Any

from typer._param_types import coerce_cli_path

NUMBER = re.compile(r"[0-9]{1,9}")


class PlainValues:
    """What a parameter converts its value with: texts, numbers and paths here, anything else and all errors in Typer.

    Replaces `get_runtime_param` of a parameter and what that returns.
    """

    def __init__(self, parameter: Any) -> None:
        self._convert_by_typer = parameter.get_runtime_param

    def __call__(self) -> "PlainValues":
        """Return what converts the values."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value as the parameter's type, or raise Typer's error."""
        wanted, info = param.type_descriptor.annotation, param.type_descriptor.parameter_info
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if info.parser is None:
            if wanted in (str, bool, int) and type(value) is wanted:
                return value
            if wanted is float and type(value) in (int, float):
                return float(value)
            if wanted == list[str] and isinstance(value, list | tuple) and all(type(text) is str for text in value):
                return list(value)
            if wanted is int and isinstance(value, str) and NUMBER.fullmatch(value):
                number = int(value)
                if (info.min is None or number >= info.min) and (info.max is None or number <= info.max):
                    return number
            if wanted is Path and isinstance(value, str | Path):
                return coerce_cli_path(Path(value), info, path_type=Path, param=param, ctx=ctx)
        return self._convert_by_typer().coerce(value, param=param, ctx=ctx)
