"""The source of the releases in CHANGELOG.md."""

import re
import subprocess
from pathlib import Path

from tests.fakes.checkout import ROOT

RELEASES = dict(
    re.findall(r"^## (\S+) - .*?Its source is commit (\w+)\.", (ROOT / "CHANGELOG.md").read_text(), re.DOTALL | re.M)
)


def source(version: str, folder: Path, checkout: Path) -> Path:
    """Unpack a release, with the settings and the Python of a checkout."""
    folder.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", RELEASES[version]], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    (folder / "Pulumi.local.yaml").write_text((checkout / "Pulumi.local.yaml").read_text())
    (folder / ".venv").symlink_to((checkout / ".venv").resolve())
    return folder
