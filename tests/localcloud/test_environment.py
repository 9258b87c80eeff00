"""A terminal that evaluates `localcloud env --pulumi` finds a plugin that serves the running cloud."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import yaml
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud import samples
from localcloud.emulator.process import ACCOUNT_ID
from tests.fakes.checkout import ROOT
from tests.fakes.waiting import HANG_SECONDS
from tests.localcloud.plugin_driver import Driver

LOCALCLOUD = [sys.executable, "-m", "localcloud"]


def run_env(checkout: Path, outputs: Path) -> subprocess.CompletedProcess[str]:
    command = [*LOCALCLOUD, "env", "--pulumi", "--outputs", str(outputs)]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def outputs(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The outputs file of an empty cloud that runs."""
    outputs = tmp_path_factory.mktemp("empty") / "outputs.json"
    command = [*LOCALCLOUD, "up", "--empty", "--outputs", str(outputs)]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True) as cloud:
        assert cloud.stdout is not None
        (second_terminal,) = (line for _, line in zip(range(3), cloud.stdout, strict=False) if "second" in line)
        assert f'env --pulumi --outputs {outputs})"' in second_terminal
        assert "pulumi up --stack local" in cloud.stdout.readline()
        yield outputs
        cloud.terminate()
        assert "Stopping." in cloud.stdout.read()
    assert cloud.returncode == 0
    assert not outputs.exists()


@pytest.fixture(scope="module")
def variables(checkout: Path, outputs: Path) -> dict[str, str]:
    """The variables of a shell that has evaluated what `env --pulumi` prints."""
    script = 'eval "$1" && exec "$2" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    command = ["sh", "-c", script, "sh", run_env(checkout, outputs).stdout, sys.executable]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(shown.stdout)


def test_plugin_on_path_serves_the_running_cloud(variables: dict[str, str], outputs: Path):
    plugin = Path(variables["PATH"].partition(":")[0]) / "pulumi-resource-aws"
    assert variables["PATH"].endswith(os.environ["PATH"])
    with subprocess.Popen([plugin, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        try:
            port = served.stdout.readline().strip()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                assert stub.GetPluginInfo(Empty()).version.startswith("7.")
                queue = Driver(stub).create("sqs/queue", {"name": "made-by-the-plugin"})
        finally:
            served.kill()
    assert urlsplit(queue.id).port == urlsplit(json.loads(outputs.read_text())["endpoint"]).port


def test_plugin_ends_when_its_engine_is_killed(variables: dict[str, str]):
    plugin = Path(variables["PATH"].partition(":")[0]) / "pulumi-resource-aws"
    command = ["/bin/sh", "-c", '"$1" & wait', "engine", plugin]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline().strip().isdecimal()
        engine.kill()
        # The plugin holds the other end of the pipe.
        assert engine.communicate(timeout=HANG_SECONDS)[0] == ""


def test_state_begins_with_an_empty_stack_in_the_clouds_own_directory(variables: dict[str, str], outputs: Path):
    state = Path(variables["PULUMI_BACKEND_URL"].removeprefix("file://"))
    assert state.is_relative_to(json.loads(outputs.read_text())["directory"])
    (stack,) = state.rglob("*.json")
    assert stack.relative_to(state).as_posix() == ".pulumi/stacks/event-processing/local.json"
    assert json.loads(stack.read_text())["checkpoint"]["latest"] is None
    assert stat.S_IMODE((state.parent / "connection.json").stat().st_mode) == 0o600


def test_without_a_running_empty_cloud_there_is_no_environment(checkout: Path, tmp_path: Path):
    missing = run_env(checkout, tmp_path / "outputs.json")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "python -m localcloud up --empty" in missing.stderr


def test_stack_file_is_that_of_the_embedded_cloud_only():
    settings: dict[str, Any] = yaml.safe_load((samples.FOLDER / "Pulumi.local.yaml").read_text())
    assert settings["config"]["aws:allowedAccountIds"] == [ACCOUNT_ID]
    assert settings["encryptionsalt"].startswith("v1:"), "otherwise the CLI changes the checkout"
    assert samples.read(ROOT, "local").values["aws:region"] == "eu-west-1"
