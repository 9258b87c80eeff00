"""The Pulumi CLI, run in the project's folder."""

import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


class PulumiError(Exception):
    """Why the Pulumi CLI could not be run, or what it reported last; a clause without a full stop."""


def run_pulumi(*arguments: str) -> str:
    """Return what `pulumi ARGUMENTS` printed; raises PulumiError when the CLI is missing or fails."""
    cli = shutil.which("pulumi")
    if cli is None:
        raise PulumiError("the Pulumi CLI is not on PATH")
    command = [cli, *arguments, "--non-interactive"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PulumiError(f"`pulumi {arguments[0]}` failed: {reason}")
    return result.stdout
