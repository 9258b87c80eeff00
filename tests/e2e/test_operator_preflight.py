"""`python -m ops preflight` against an account in which the stack is deployed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from localcloud.deployer import stack_config
from ops import preflight
from ops.__main__ import app
from tests.e2e.conftest import Stack
from tests.fakes import pulumi_cli


@pytest.fixture
def cli(stack: Stack, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake Pulumi CLI that returns the settings of stack dev, and credentials of the account."""
    values = stack_config.read(checkout, "dev").values
    monkeypatch.setattr("ops.stack.PROJECT", checkout)
    # The interpreters of this machine are not part of this test.
    monkeypatch.setattr(preflight, "find_interpreter", lambda version: "python")
    config = json.dumps({key: {"value": value, "secret": False} for key, value in values.items()})
    pulumi_cli.install(tmp_path, {"version": "v3.219.0", "config --json --show-secrets --stack dev": config})
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.outputs["endpoint"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack.outputs["accessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stack.outputs["secretAccessKey"])


@pytest.mark.usefixtures("cli")
def test_preflight_checks_the_account():
    answer = CliRunner().invoke(app, ["preflight", "--stack", "dev", "--json"])
    assert answer.stderr == ""
    states = {check["name"]: (check["state"], check["found"]) for check in json.loads(answer.stdout)["checks"]}
    # Like a new AWS account, the emulator's has no role for API Gateway's logs.
    assert [name for name, (state, _) in states.items() if state != "ok"] == ["API Gateway"]
    assert "belongs to this stack's pool" in states["domain"][1]
    assert answer.exit_code == 1
