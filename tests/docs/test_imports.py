"""Each import contract of pyproject.toml reports a violation. `make lint` checks that there is none."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LAYERS_OF_HANDLERS = "handlers: entry points, then one batch, then adapters, then the domain"
# One violation of each contract, in the order of the contracts.
VIOLATIONS = {
    "localcloud/demo.py": "import ops.smoke\nimport ministack.core",
    "components/monitoring/slo.py": "import components.signals.queue",
    "components/queue.py": "import handlers.store",
    "handlers/store.py": "import components.queue\nimport handlers.query\nimport botocore",
    "handlers/logins.py": "import botocore",
}


def broken(project: Path, violations: dict[str, str]) -> list[str]:
    """Names of the contracts that a copy of the project breaks."""
    shutil.copy(ROOT / "pyproject.toml", project)
    for package in SETTINGS["root_packages"]:
        shutil.copytree(ROOT / package, project / package, ignore=shutil.ignore_patterns("__pycache__"))
    for module, lines in violations.items():
        with (project / module).open("a") as source:
            source.write(f"\n{lines}\n")
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    linted = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return re.findall(r"^(.+?) BROKEN", linted.stdout, re.MULTILINE)


def test_every_contract_reports_a_violation(tmp_path: Path) -> None:
    assert broken(tmp_path, VIOLATIONS) == [contract["name"] for contract in SETTINGS["contracts"]]


def test_a_module_of_the_handlers_in_no_layer_is_reported(tmp_path: Path) -> None:
    assert broken(tmp_path, {"handlers/stray.py": ""}) == [LAYERS_OF_HANDLERS]
