"""The options by which every command finds its stack."""

from pathlib import Path
from typing import Annotated

import typer

StackOption = Annotated[str | None, typer.Option("--stack", help="A stack the Pulumi CLI knows, e.g. dev.")]
OutputsOption = Annotated[
    Path | None, typer.Option("--outputs", help="A file of outputs, as `localcloud up` writes it.")
]
