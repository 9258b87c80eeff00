"""The emulator as a process: it starts empty, enforces policies, and leaves nothing behind."""

import fcntl
import io
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError

from localcloud.emulator import process
from localcloud.emulator.process import DIRECTORY_PREFIX, Emulator, EmulatorError
from tests.fakes.processes import in_group, living
from tests.fakes.strangers import make_hostile, recording
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.localcloud.provided import TRUST

COMMON = {"PATH", "LANG", "LC_ALL", "PYTHONDONTWRITEBYTECODE"}
"""What a function's environment may have in common with the caller's."""


def make_function(emulator: Emulator, name: str, source: str) -> None:
    role = emulator.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("code.py", source)
    emulator.client("lambda").create_function(
        FunctionName=name,
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="code.handler",
        Code={"ZipFile": archive.getvalue()},
    )


def call(emulator: Emulator, name: str) -> dict:
    return json.load(emulator.client("lambda").invoke(FunctionName=name)["Payload"])


def members(group: int) -> list[int]:
    """Return the living processes of a process group."""
    return living(in_group(group))


def port_of(emulator: Emulator) -> int:
    return int(emulator.endpoint.rpartition(":")[2])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_emulator_starts_empty_in_its_region_on_the_given_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Emulator.start(port, region="eu-central-1") as running:
        assert port_of(running) == port
        assert running.client("sts").get_caller_identity()["Account"] == running.account_id
        assert running.client("sqs").list_queues().get("QueueUrls", []) == []
        assert running.client("sqs").meta.region_name == "eu-central-1"


def test_occupied_port_is_reported():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EmulatorError, match=rf"^Port {port} on 127\.0\.0\.1 cannot be used: .*--port.*\.$"):
            Emulator.start(port)


@pytest.mark.parametrize("port", [70000, -1])
def test_invalid_port_is_reported(port: int):
    with pytest.raises(EmulatorError, match=rf"^Port {port} .*between 0 and 65535"):
        Emulator.start(port)


def test_configuration_of_the_caller_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("USE_SSL", "1")
    monkeypatch.setenv("MARKER_OF_THE_CALLER", "1")
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    with recording() as proxy:
        make_hostile(tmp_path, proxy.url, monkeypatch)
        with pytest.raises((BotoCoreError, ValueError)):  # the control
            boto3.client("sts")
        with Emulator.start() as running:
            make_function(running, "environment", source)
            seen = call(running, "environment")
        assert proxy.received == []
    assert seen["AWS_ENDPOINT_URL"] == running.endpoint
    assert {name for name, value in seen.items() if name in os.environ and os.environ[name] == value} <= COMMON
    assert not [name for name in seen if "proxy" in name.lower()]
    assert running.secret_access_key not in seen.values()


@pytest.mark.parametrize("ending", ["stop", "SIGTERM"])
def test_ended_emulator_leaves_no_process_port_or_file(monkeypatch: pytest.MonkeyPatch, ending: str):
    monkeypatch.setattr(process, "STOP_SECONDS", HANG_SECONDS)
    running = Emulator.start()
    make_function(running, "warm", "import time\ndef handler(event, context): time.sleep(event.get('seconds', 0))")
    call(running, "warm")
    running.client("lambda").invoke(FunctionName="warm", InvocationType="Event", Payload='{"seconds": 600}')
    group, port = running._process.pid, port_of(running)
    assert len(members(group)) >= 2, "the emulator and a function worker"
    assert group != os.getpgrp(), "otherwise Ctrl-C would reach it"
    assert is_open(port)
    started = time.monotonic()
    if ending == "SIGTERM":
        os.kill(group, signal.SIGTERM)
        running.wait()
        assert not running.directory.exists()
    running.stop()
    running.stop()
    assert time.monotonic() - started < HANG_SECONDS, "it ended by itself and was not killed"
    eventually(lambda: not members(group))
    eventually(lambda: not is_open(port))
    assert not running.directory.exists()


def test_start_fails_without_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(process, "SPACE_MEGABYTES", 10**9)
    with pytest.raises(EmulatorError, match=r"has \d+ MB of free space, but 1000000000 MB are needed\. Free some"):
        Emulator.start()
    assert list(tmp_path.iterdir()) == []


def test_error_caused_by_a_dead_emulator_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def use(running: Emulator, kill: Callable[[subprocess.Popen[bytes]], object]) -> None:
        with running:
            kill(running._process)
            raise KeyError

    def kill(process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    with pytest.raises(EmulatorError, match="ended unexpectedly"):
        use(Emulator.start(), kill)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError):  # the control: with a living emulator, the error is unchanged
        use(Emulator.start(), lambda process: None)


def test_directory_in_use_is_not_cleared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    abandoned, locked, linked = (tmp_path / f"{DIRECTORY_PREFIX}{name}" for name in ("abandoned", "locked", "linked"))
    precious = tmp_path / "precious"
    for directory in (abandoned, locked, precious):
        directory.mkdir()
    linked.symlink_to(precious)
    lock = os.open(locked, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        Emulator.start().stop()
    finally:
        os.close(lock)
    assert not abandoned.exists()
    assert locked.exists()
    assert precious.exists()


def test_usual_port_is_used_if_it_is_free():
    """The control of the test that finds it taken."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Emulator.start(usual_port=port) as emulator, Emulator.start(usual_port=port) as second:
        assert emulator.endpoint == f"http://127.0.0.1:{port}"
        assert second.endpoint != emulator.endpoint
