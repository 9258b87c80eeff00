"""Values of a command line are what Typer makes of them, with the same errors."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from localcloud.application import Application as LocalcloudApplication
from ops.commands.application import Application

LINES = [
    "",
    "--text 5 --path a/b --number 7 --many x --many y",
    *("--number 0", "--number 101", "--number 1_0", "--number ٣", "--number 5.0", "--number x", "--number -1"),
    *("--number 00000000000000000000000000000000005", "--seconds 3", "--seconds 1.5", "--seconds x", "--path ."),
]


def show(
    text: str = "t",
    path: Path | None = None,
    number: Annotated[int, typer.Option(min=1, max=100)] = 10,
    seconds: float = 2,
    many: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Print the values with their types."""
    typer.echo([text, path, number, seconds, many])


@pytest.mark.parametrize("application", [Application, LocalcloudApplication])
@pytest.mark.parametrize("line", LINES)
def test_values_and_errors_are_those_of_typer(application: type[typer.Typer], line: str):
    results = []
    for make in (application, typer.Typer):
        app = make(add_completion=False)
        app.command()(show)
        results.append(CliRunner().invoke(app, line.split() or ["--text", "t"]))
    ours, theirs = results
    assert (ours.exit_code, ours.output) == (theirs.exit_code, theirs.output)
