"""The source of the release that stacks are upgraded from."""

import subprocess
from pathlib import Path

from tests.fakes.checkout import ROOT
from tools import changelog

BASE = changelog.upgraded_from(changelog.CHANGELOG.read_text())


def source(folder: Path, checkout: Path) -> Path:
    """Unpack the release, with the settings and the Python of a checkout."""
    folder.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", str(BASE.commit)], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    (folder / "Pulumi.local.yaml").write_text((checkout / "Pulumi.local.yaml").read_text())
    (folder / ".venv").symlink_to((checkout / ".venv").resolve())
    return folder
