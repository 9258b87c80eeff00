"""Stack local is read through the Pulumi CLI and reached at the running cloud."""

import json
import shlex
from pathlib import Path

import pytest

from localcloud.plugin import environment
from ops import local_stack
from ops.errors import OperatorError
from ops.stack import load_outputs, parse_outputs
from tests.fakes import pulumi_cli
from tests.fakes.outputs import OUTPUTS

CLOUD = {
    "endpoint": "http://127.0.0.1:4566",
    "region": "eu-north-1",
    "tokenUrl": "http://127.0.0.1:4566/oauth2/token",
    "accessKeyId": "k",
    "secretAccessKey": "s",
    "pulumiStack": "local",
    "directory": "/tmp/cloud",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without a cloud, whatever runs in this checkout."""
    monkeypatch.setattr("ops.stack.PROJECT", tmp_path)
    monkeypatch.delenv(local_stack.OUTPUTS_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.chdir(tmp_path)


def test_stack_local_uses_the_running_cloud(tmp_path: Path):
    pulumi_cli.install(tmp_path, {"stack output --json --show-secrets --stack local": json.dumps(OUTPUTS)})
    with pytest.raises(OperatorError, match="python -m localcloud up --empty"):
        load_outputs("local", None)
    pulumi_cli.install(tmp_path, {})
    with pytest.raises(OperatorError, match="python -m localcloud up --empty"):
        load_outputs("local", None)  # the cloud that stopped took the CLI's state with it
    pulumi_cli.install(tmp_path, {"stack output --json --show-secrets --stack local": json.dumps(OUTPUTS)})
    (tmp_path / ".localcloud").mkdir()
    (tmp_path / ".localcloud" / "outputs.json").write_text(json.dumps(CLOUD))
    outputs = load_outputs("local", None)
    assert (outputs.endpoint, outputs.token_url, outputs.region) == (
        CLOUD["endpoint"],
        CLOUD["tokenUrl"],
        CLOUD["region"],
    )
    assert outputs.table_name == OUTPUTS["tableName"]


def test_terminal_without_the_environment_of_the_cloud_names_it(tmp_path: Path):
    pulumi_cli.install(tmp_path, {})
    (tmp_path / ".localcloud").mkdir()
    (tmp_path / ".localcloud" / "outputs.json").write_text(json.dumps(CLOUD))
    with pytest.raises(OperatorError) as raised:
        load_outputs("local", None)
    assert 'eval "$(python -m localcloud env --pulumi)"' in str(raised.value)
    with pytest.raises(OperatorError, match="use --outputs FILE"):
        load_outputs("dev", None)


def test_terminal_of_another_cloud_uses_that_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pulumi_cli.install(tmp_path, {"stack output --json --show-secrets --stack local": json.dumps(OUTPUTS)})
    (tmp_path / ".localcloud").mkdir()
    (tmp_path / ".localcloud" / "outputs.json").write_text(json.dumps(CLOUD))
    another = tmp_path / "another cloud.json"
    another.write_text(json.dumps(CLOUD | {"endpoint": "http://127.0.0.1:4567"}))
    for line in environment.exports(tmp_path, another).splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        if name != "PATH":
            monkeypatch.setenv(name, shlex.split(value)[0])
    assert load_outputs("local", None).endpoint == "http://127.0.0.1:4567"
    another.unlink()
    with pytest.raises(OperatorError, match="none is running"):
        load_outputs("local", None)
    monkeypatch.delenv(local_stack.OUTPUTS_VARIABLE)
    assert load_outputs("local", None).endpoint == CLOUD["endpoint"], "the control"


def test_outputs_of_an_empty_cloud_name_the_option():
    with pytest.raises(OperatorError, match="Use --stack local"):
        parse_outputs(json.dumps(CLOUD), "a file")
