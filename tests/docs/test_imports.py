"""Each import contract of pyproject.toml reports a violation. `make lint` checks that there is none."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
# One violation of each contract, in the order of the contracts.
BROKEN = (
    ("localcloud/demo.py", "import ops.smoke"),
    ("components/monitoring/slo.py", "import components.signals.queue"),
    ("components/queue.py", "import handlers.store"),
    ("handlers/store.py", "import components.queue"),
    ("localcloud/demo.py", "import ministack.core"),
    ("handlers/logins.py", "import botocore"),
    ("handlers/store.py", "import handlers.query"),
)


def test_every_contract_reports_a_violation(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in SETTINGS["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for module, line in BROKEN:
        with (tmp_path / module).open("a") as source:
            source.write(f"\n{line}\n")
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    linted = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = re.findall(r"^(.+?) BROKEN", linted.stdout, re.MULTILINE)
    assert found == [contract["name"] for contract in SETTINGS["contracts"]], linted.stdout
