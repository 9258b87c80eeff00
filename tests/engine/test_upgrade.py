"""An upgrade from a release replaces nothing that holds data or that clients know."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.engine.kept import lost
from tests.fakes.checkout import ROOT
from tools.terminal import Terminal

RELEASES = dict(
    re.findall(r"^## (\S+) - .*?Its source is commit (\w+)\.", (ROOT / "CHANGELOG.md").read_text(), re.DOTALL | re.M)
)


def source(commit: str, folder: Path, checkout: Path) -> Path:
    """Unpack a commit, with the settings and the Python of a checkout."""
    folder.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", commit], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    (folder / "Pulumi.local.yaml").write_text((checkout / "Pulumi.local.yaml").read_text())
    (folder / ".venv").symlink_to((checkout / ".venv").resolve())
    return folder


@pytest.mark.parametrize("version", RELEASES)
def test_upgrade_replaces_nothing_that_is_kept(version: str, terminal: Terminal, tmp_path: Path) -> None:
    old = terminal.in_checkout(source(RELEASES[version], tmp_path / version, terminal.checkout))
    old.pulumi("up", "--yes", "--skip-preview")
    planned = terminal.plan()
    assert planned, "the upgrade changes at least the code"
    assert lost(planned) == []
    with terminal.edited("__main__.py", 'UserServicesTable("user-services"', 'UserServicesTable("renamed"'):
        assert lost(terminal.plan()), "the control: a renamed component loses its table"
    terminal.up()
    assert terminal.plan() == []


def test_every_release_is_known() -> None:
    assert set(RELEASES) == {folder.name for folder in Path(ROOT, "tests/engine/releases").iterdir()}
