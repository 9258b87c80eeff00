"""Stack files that belong to nobody, so that a setting of yours changes no test, no simulation and no document.

The keys, their types and their defaults are those of the real Pulumi.yaml. Only its name is replaced.
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
    """Return the configuration of the sample of `stack`, under `overrides`; raises as `stack_config.read` does."""
    return stack_config.read(project, stack, overrides, name=PROJECT, stacks=FOLDER)


def write(project: Path, folder: Path) -> None:
    """Write the project file and the stack files that a copy of `project` in `folder` is deployed with."""
    declared = (project / "Pulumi.yaml").read_text()
    (folder / "Pulumi.yaml").write_text(re.sub(r"^name:.*$", f"name: {PROJECT}", declared, count=1, flags=re.MULTILINE))
    for file in FOLDER.glob("Pulumi.*.yaml"):
        (folder / file.name).write_text(file.read_text())
