"""docs/runbook.md: the commands of the Pulumi CLI run against the embedded cloud, as the runbook says.

The terminal has started the cloud and evaluated its variables with the commands that the runbook names.
tests/e2e/test_runbook.py runs the other commands.
"""

import json
import subprocess

from tests.fakes.runbook import RUNBOOK, WITH_PULUMI, Command, Program, commands
from tools.terminal import Terminal

COMMANDS = [command for command in commands(RUNBOOK) if command.program in WITH_PULUMI]


def run(terminal: Terminal, command: Command) -> str:
    line = command.line.replace("--stack dev", "--stack local").replace("HOST/PATH", "pager.example.com/in")
    ran = subprocess.run(
        ["sh", "-c", line],
        cwd=terminal.checkout,
        env=dict(terminal.variables),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def test_commands_of_the_pulumi_cli_run(deployed: Terminal) -> None:
    assert {command.program for command in COMMANDS} == set(WITH_PULUMI)
    lines = {command.line: command for command in COMMANDS if command.program is Program.PULUMI}
    settings = [command for line, command in lines.items() if line.startswith("pulumi config set ")]
    others = [command for command in lines.values() if command not in settings]
    assert len(settings) > 10
    assert len(others) >= 4
    for command in settings:
        run(deployed, command)
    # Every setting with one deployment, because each takes half a minute.
    printed = {command.line: run(deployed, command) for command in others}
    assert "git.head" in RUNBOOK
    assert "Status: succeeded" in printed["pulumi stack history --stack dev"]
    clients = json.loads(printed["pulumi stack output apiClients --show-secrets --stack dev"])
    assert all(client["clientSecret"] for client in clients.values())
    alarm = deployed.account.client("cloudwatch").describe_alarms(AlarmNames=["event-processing-local-queue-age"])
    assert alarm["MetricAlarms"][0]["Threshold"] == 600
