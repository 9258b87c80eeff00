"""The suite reads no stack file of the checkout, so the settings of its owner cannot fail a test."""

import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import samples
from localcloud.deployer import stack_config
from localcloud.deployer.stack_config import ConfigError
from tests.fakes.checkout import ROOT, link_checkout
from tests.fakes.stack_files import StackFileReadError

# The settings the README tells its reader to change, and more that a reader may change.
THEIRS = """
config:
  aws:region: us-west-2
  login-events:owner: identity-team
  login-events:runbookUrl: https://wiki.example.org/runbook
  login-events:alarmEmail: team@example.org
  login-events:pageEndpoint: {secure: AAABAGNhbm5vdCBiZSBkZWNyeXB0ZWQ=}
  login-events:tableMaxWriteUnits: 777
"""


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_reading_a_stack_file_of_the_checkout_fails(stack: str) -> None:
    with pytest.raises(StackFileReadError, match=f"Pulumi.{stack}.yaml is its owner's"):
        stack_config.read(ROOT, stack)


@pytest.mark.parametrize("command", [["make", "demo"], [sys.executable, "-m", "localcloud", "up", "--stack", "dev"]])
def test_deploying_a_stack_of_the_checkout_fails(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StackFileReadError, match="run it in the fixture checkout"):
        subprocess.run(command, cwd=ROOT, check=False)
    monkeypatch.chdir(ROOT)
    with pytest.raises(StackFileReadError, match="run it in the fixture checkout"):
        subprocess.run(command, check=False)


def test_owner_settings_do_not_change_the_samples(tmp_path: Path) -> None:
    declared = (ROOT / "Pulumi.yaml").read_text()
    theirs, copy = tmp_path / "theirs", tmp_path / "copy"
    for folder in (theirs, copy):
        folder.mkdir()
    name = stack_config.project_name(ROOT)
    (theirs / "Pulumi.yaml").write_text(declared.replace(f"name: {name}\n", "name: login-events\n", 1))
    (theirs / "Pulumi.dev.yaml").write_text(THEIRS)
    samples.write(theirs, copy)
    for read in (samples.read(theirs, "dev"), stack_config.read(copy, "dev")):
        assert read == samples.read(ROOT, "dev")
        assert (read.project, read.values["aws:region"]) == ("event-processing", "eu-west-1")
    with pytest.raises(ConfigError, match="pageEndpoint of stack dev is encrypted"):  # the control
        stack_config.read(theirs, "dev")


def test_fixture_checkout_differs_only_in_its_stack_files(tmp_path: Path) -> None:
    checkout = link_checkout(tmp_path)  # one of its own: in the session's, other tests run stacks, which write there
    assert stack_config.read(checkout, "prod") == samples.read(ROOT, "prod")
    others = [entry for entry in checkout.iterdir() if not entry.name.startswith("Pulumi.")]
    names = {entry.name for entry in others}
    assert {"__main__.py", "components", "handlers", "localcloud", "ops", "Makefile"} <= names
    assert all(entry.resolve() == (ROOT / entry.name).resolve() for entry in others)
