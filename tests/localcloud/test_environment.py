"""A terminal that evaluates what `localcloud env` prints uses the running cloud, with SDKs or with the Pulumi CLI."""

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


def run_env(
    checkout: Path, outputs: Path, *options: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*LOCALCLOUD, "env", *options, "--outputs", str(outputs)]
    environment = os.environ | (variables or {})
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def evaluated(commands: str, program: str, variables: dict[str, str] | None = None) -> str:
    """Return what a Python program prints in a shell that has evaluated the commands."""
    shell = ["sh", "-c", 'eval "$1" && exec "$2" -c "$3"', "sh", commands, sys.executable, program]
    return subprocess.run(shell, env=os.environ | (variables or {}), capture_output=True, text=True, check=True).stdout


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
    commands = run_env(checkout, outputs, "--pulumi").stdout
    return json.loads(evaluated(commands, "import json, os; print(json.dumps(dict(os.environ)))"))


def test_sdk_uses_the_running_cloud_whatever_the_terminal_had(checkout: Path, outputs: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile work]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:1\n")
    elsewhere = {
        "AWS_PROFILE": "work",
        "AWS_CONFIG_FILE": str(config),
        "AWS_SESSION_TOKEN": "of-another-account",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "NO_PROXY": "internal.example.com",
        "AWS_MAX_ATTEMPTS": "1",  # so that the controls fail at once
    }
    program = (
        "import boto3; url = boto3.client('sqs').create_queue(QueueName='made-by-an-sdk')['QueueUrl'];"
        "print(url); print(boto3.client('sts').get_caller_identity()['Account'], boto3.session.Session().region_name)"
    )
    commands = run_env(checkout, outputs, variables=elsewhere).stdout
    url, account_and_region = evaluated(commands, program, elsewhere).splitlines()
    assert urlsplit(url).port == urlsplit(json.loads(outputs.read_text())["endpoint"]).port
    assert account_and_region == f"{ACCOUNT_ID} eu-west-1"
    for kept in ("unset", "export no_proxy"):
        without = "\n".join(line for line in commands.splitlines() if not line.lower().startswith(kept))
        with pytest.raises(subprocess.CalledProcessError):  # the control
            evaluated(without, program, elsewhere)


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


def test_without_a_running_cloud_there_is_no_environment(checkout: Path, tmp_path: Path):
    file = tmp_path / "outputs.json"
    for content in ("[]", '{"endpoint": "http://127.0.0.1:1"}'):
        file.write_text(content)
        for options, command in ((["--pulumi"], "localcloud up --empty"), ([], "localcloud up")):
            missing = run_env(checkout, file, *options)
            assert (missing.returncode, missing.stdout) == (1, "")
            assert missing.stderr.endswith(f"python -m {command}\n")


def test_stack_file_is_that_of_the_embedded_cloud_only():
    settings: dict[str, Any] = yaml.safe_load((samples.FOLDER / "Pulumi.local.yaml").read_text())
    assert settings["config"]["aws:allowedAccountIds"] == [ACCOUNT_ID]
    assert settings["encryptionsalt"].startswith("v1:"), "otherwise the CLI changes the checkout"
    assert samples.read(ROOT, "local").values["aws:region"] == "eu-west-1"
