"""The operator's command line, run in the test's own process, which saves a second per command."""

from pathlib import Path

from typer.testing import CliRunner, Result

from ops.__main__ import app
from tests.e2e.conftest import Stack


class Operator:
    """A person at a prompt with the outputs of a stack."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.outputs = folder / "outputs.json"
        stack.cloud.write_outputs(self.outputs)

    def run(self, *arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(app, [*arguments, "--outputs", str(self.outputs)], input=stdin)
