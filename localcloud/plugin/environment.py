"""What a terminal needs so that `pulumi up --stack local` deploys into a running cloud.

Everything is in the cloud's own directory and ends with it: the plugin's command, the engine's state, the connection.
"""

import json
import shlex
import sys
from pathlib import Path

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud.emulator.process import Emulator
from localcloud.plugin import STACK

PLUGIN = "pulumi-resource-aws"
OUTPUTS_VARIABLE = "EVENT_PROCESSING_LOCAL_OUTPUTS"
"""Where `python -m ops --stack local` finds the cloud of the terminal."""
# It protects nothing: the state is in a private directory and ends with the cloud. Pulumi.local.yaml has its salt.
PASSPHRASE = "local"  # noqa: S105


def prepare(emulator: Emulator, project: Path, project_name: str) -> None:
    """Write the plugin's command, the connection that it uses, and a state with an empty stack `local`."""
    connection = emulator.directory / "connection.json"
    connection.touch(mode=0o600)
    connection.write_text(json.dumps(emulator.connection.as_dict()))
    command = _commands(emulator.directory) / PLUGIN
    command.parent.mkdir()
    words = [sys.executable, "-m", "localcloud.plugin", str(connection), str(project)]
    command.write_text(f'#!/bin/sh\ncd {shlex.quote(str(project))} && exec {shlex.join(words)} "$@"\n')
    command.chmod(0o700)
    # What `pulumi stack init` would write, which would also ask for a passphrase and change the checkout.
    stack = _state(emulator.directory) / ".pulumi" / "stacks" / project_name / f"{STACK}.json"
    stack.parent.mkdir(parents=True)
    name = f"organization/{project_name}/{STACK}"
    stack.write_text(json.dumps({"version": 3, "checkpoint": {"stack": name, "latest": None}}))
    (_state(emulator.directory) / ".pulumi" / "meta.yaml").write_text("version: 1\n")


def exports(directory: Path, outputs: Path) -> str:
    """Return shell commands that make a terminal use the cloud with that directory and outputs file."""
    variables = {
        "PULUMI_BACKEND_URL": _state(directory).as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        # Functions run on this machine, so their layer is built for it.
        TARGET_VARIABLE: HOST,
        OUTPUTS_VARIABLE: str(outputs.absolute()),
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([f'export PATH={shlex.quote(str(_commands(directory)))}:"$PATH"', *lines])


def _commands(directory: Path) -> Path:
    return directory / "bin"


def _state(directory: Path) -> Path:
    return directory / "pulumi"
