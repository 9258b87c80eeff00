"""The operator's command line, run inside the test: a process of its own would only cost a second each time."""

from pathlib import Path

from typer.testing import CliRunner, Result

from ops.__main__ import app
from tests.e2e.conftest import Stack


class Operator:
    """Somebody with the outputs of a stack at a prompt."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.outputs = folder / "outputs.json"
        stack.cloud.write_outputs(self.outputs)

    def run(self, *arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(app, [*arguments, "--outputs", str(self.outputs)], input=stdin)
