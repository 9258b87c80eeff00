"""Sample stack files, so that your own settings change no test, simulation or document.

The keys, types and defaults are those of the real Pulumi.yaml; only the project's name is replaced.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.deployer import stack_config
from localcloud.deployer.stack_config import StackConfig

FOLDER = Path(__file__).parent
PROJECT = "event-processing"


def read(project: Path, stack: str, overrides: Mapping[str, Any] | None = None) -> StackConfig:
    """Return the sample configuration of `stack` with `overrides`; raises as `stack_config.read` does."""
    return stack_config.read(project, stack, overrides, name=PROJECT, stacks=FOLDER)


def write(project: Path, folder: Path) -> None:
    """Write into `folder` the project file and stack files with which a copy of `project` is deployed."""
    declared = (project / "Pulumi.yaml").read_text()
    (folder / "Pulumi.yaml").write_text(re.sub(r"^name:.*$", f"name: {PROJECT}", declared, count=1, flags=re.MULTILINE))
    for file in FOLDER.glob("Pulumi.*.yaml"):
        (folder / file.name).write_text(file.read_text())
