"""The import contracts of pyproject.toml hold, and they are contracts that can be broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("components", "handlers", "localcloud", "ops")


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([command, "--no-cache"], cwd=project, capture_output=True, text=True, check=False)


def test_contracts_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("components/queue.py", "import handlers.store"),
        ("handlers/store.py", "import components.queue"),
        ("handlers/quarantine.py", "import handlers.store"),
        ("handlers/query.py", "import botocore.session"),
        ("handlers/in_no_layer.py", "import json"),
        ("components/queue.py", "import localcloud"),
        ("localcloud/demo.py", "import ops.smoke"),
    ],
)
def test_a_broken_contract_is_found(module: str, line: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / module
    with file.open("a") as source:
        source.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout
