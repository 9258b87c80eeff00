"""A command starts without the packages that it does not use, which take longer to import than most commands run.

Counted in modules: seconds depend on the machine.
"""

import subprocess
import sys

import pytest

SLOW = {"boto3", "botocore.client", "grpc", "moto", "pulumi", "requests", "urllib3", "yaml"}
RICH = {"rich"}
"""Only help and errors of Typer, tables and progress bars of a terminal need it."""
LINES = {
    "--help": SLOW,
    "status --help": SLOW,
    "nonsense": SLOW,
    "status --nonsense": SLOW,
    "--version": SLOW | RICH,
    "status --outputs missing.json": SLOW | RICH,
}


def imported(*arguments: str) -> set[str]:
    """Return the modules that `python ARGUMENTS` imports."""
    command = [sys.executable, "-X", "importtime", *arguments]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return {line.rpartition("|")[2].strip() for line in report.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize("line", LINES)
def test_command_imports_no_slow_package_that_it_does_not_use(line: str):
    found = imported("-m", "ops", *line.split())
    assert "ops.command_line" in found
    assert found & LINES[line] == set()


def test_embedded_cloud_is_started_before_pulumi_and_boto3_are_imported():
    assert imported("-c", "import localcloud.command_line") & (SLOW - {"yaml"}) == set()


def test_control_a_client_imports_what_the_commands_avoid():
    assert imported("-c", "import ops.clients, ops.api; import requests") >= {"boto3", "requests", "urllib3"}
