"""The options that name the stack of a command."""

from pathlib import Path
from typing import Annotated

import typer

StackOption = Annotated[str | None, typer.Option("--stack", help="A stack that the Pulumi CLI knows, such as dev.")]
OutputsOption = Annotated[Path | None, typer.Option("--outputs", help="A file of outputs that `localcloud up` wrote.")]
