"""`python -m localcloud up` as people and scripts use it, and how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.fakes.processes import living, with_command, with_environment
from tests.fakes.waiting import HANG_SECONDS, eventually

KEYS = {
    "queueUrl", "deadLetterQueueUrl", "tableName", "apiUrl", "tokenUrl", "apiScope", "apiClients", "functions",
    "alarmTopics", "dashboardUrls", "endpoint", "region", "accessKeyId", "secretAccessKey",
}  # fmt: skip


class Command:
    """A run of `python -m localcloud`, whose processes are found by its temporary directory."""

    def __init__(self, checkout: Path, scratch: Path):
        self.checkout = checkout
        self.scratch = scratch
        self.outputs = scratch.parent / f"{scratch.name}-outputs" / "outputs.json"
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "localcloud", *arguments],
            cwd=self.checkout,
            env=os.environ | {"TMPDIR": str(self.scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=HANG_SECONDS)
        return process.returncode, out, err

    def up(self) -> str:
        """Start the cloud and return what it printed until it was ready."""
        printed, process = "", self.start("up", "--outputs", str(self.outputs))
        assert process.stdout is not None
        while not re.search(r"^ready ", printed, re.MULTILINE):
            line = process.stdout.readline()
            assert line, f"the cloud ended before it was ready: {printed}"
            printed += line
        return printed

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(HANG_SECONDS)

    def survivors(self) -> list[int]:
        """Return the living processes of this run, which have its directory in their environment."""
        return living(with_environment(str(self.scratch)))

    def leftovers(self) -> list[str]:
        return [str(path.relative_to(self.scratch)) for path in self.scratch.rglob("*")]


@pytest.fixture
def command(checkout: Path, tmp_path: Path) -> Iterator[Command]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = Command(checkout, scratch)
    yield command
    if command.process is not None:
        command.process.kill()
        command.process.communicate()


def is_open(endpoint: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(endpoint.rpartition(":")[2]))) == 0


def test_up_reports_progress_and_leaves_nothing_after_sigterm(command: Command):
    printed = command.up()
    outputs = json.loads(command.outputs.read_text())
    assert outputs.keys() == KEYS
    assert command.outputs.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in command.outputs.parent.iterdir()] == ["outputs.json"]
    assert outputs["apiUrl"] in printed
    client = outputs["apiClients"]["example-client"]
    assert client["clientSecret"] not in printed
    assert outputs["secretAccessKey"] not in printed
    assert re.search(r"\[1/2\] .* done in [\d.]+ s", printed)
    assert requests.get(f"{outputs['apiUrl']}/users/anybody/services", timeout=HANG_SECONDS).status_code == 401
    assert len(command.survivors()) >= 2, "the command and the emulator"
    second = Command(command.checkout, command.scratch)
    status, printed, error = second.run("up", "--outputs", str(command.outputs))
    assert (status, printed) == (1, ""), "the second cloud does not start"
    assert re.fullmatch(rf".* already running at {outputs['endpoint']}\. .* --outputs\.", error.strip()), error
    assert json.loads(command.outputs.read_text()) == outputs

    assert command.end(signal.SIGTERM) == 0
    assert command.process is not None
    assert command.process.stderr is not None
    assert command.process.stderr.read() == ""
    assert not command.outputs.exists()
    eventually(command.survivors, lambda found: not found)
    assert command.leftovers() == []
    assert not is_open(outputs["endpoint"])


def test_dead_emulator_is_reported(command: Command):
    command.up()
    (emulator,) = living(with_command("localcloud.emulator.server", str(command.scratch)))
    os.kill(emulator, signal.SIGKILL)
    assert command.process is not None
    _, error = command.process.communicate(timeout=HANG_SECONDS)
    assert command.process.returncode == 1
    assert error.strip().splitlines() == [error.strip()]
    assert "ended unexpectedly" in error
    assert command.leftovers() == []


def test_help_names_options_and_next_commands(command: Command):
    status, printed, _ = command.run("up", "--help")
    assert status == 0
    for word in ("--stack", "--outputs", "--port", "ops", "Ctrl-C"):
        assert word in printed


def test_user_errors_print_one_sentence(command: Command):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for arguments, expected in {
            ("--port", port): rf"Port {port} on 127\.0\.0\.1 cannot be used: .*",
            ("--stack", "nowhere"): r"Stack nowhere does not exist: .*",
            ("--outputs", str(command.scratch.parent)): r".* cannot be written: .* --outputs\.",
        }.items():
            status, printed, error = command.run("up", "--outputs", str(command.outputs), *arguments)
            assert status == 1
            assert not printed or "--outputs" not in arguments, "before anything was started"
            assert re.fullmatch(expected, error.strip()), error
    assert command.leftovers() == []


def test_failed_deployment_says_why_and_leaves_nothing(command: Command):
    status, _, error = command.run("up", "--stack", "prod", "--outputs", str(command.outputs))
    assert status == 1
    assert "apiClients" in error
    assert "Traceback" not in error
    eventually(command.survivors, lambda found: not found)
    assert command.leftovers() == []
