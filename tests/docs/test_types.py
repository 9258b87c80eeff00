"""pyrefly reports errors in every folder, and more in the strict ones. `make lint` checks that there is none."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

CONFIGURATION = (Path(__file__).parents[2] / "pyproject.toml").read_text()
SETTINGS = tomllib.loads(CONFIGURATION)["tool"]
STRICT = {"components", "handlers"}
FOLDERS = set(SETTINGS["importlinter"]["root_packages"])
# The first import exists in Python 3.12 only, the second in the project's environment.
MODULE = """
from itertools import batched
import pulumi

number: int = "text"
text = "text"  # pyrefly: ignore

def count(items):
    return len(items)
"""
EVERYWHERE = {"missing-module-attribute", "bad-assignment", "unused-ignore"}
ONLY_STRICT = {"implicit-any-parameter", "unannotated-return", "unknown-argument-type"}


def reported(project: Path, configuration: str) -> dict[str, set[str]]:
    """The kinds of errors that each folder of a project has, with the module above in every folder."""
    (project / "pyproject.toml").write_text(configuration)
    (project / ".venv").symlink_to(sys.prefix)
    for module in ("__main__.py", *(f"{folder}/module.py" for folder in FOLDERS)):
        (project / module).parent.mkdir(exist_ok=True)
        (project / module).write_text(MODULE)
    command = [Path(sys.executable).with_name("pyrefly"), "check", "--output-format", "json"]
    checked = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    found: dict[str, set[str]] = {}
    for error in json.loads(checked.stdout)["errors"]:
        found.setdefault(Path(error["path"]).parts[0], set()).add(error["name"])
    return found


def test_every_folder_is_checked_and_two_of_them_strictly(tmp_path: Path) -> None:
    lenient = {"__main__.py", *FOLDERS - STRICT}
    expected = dict.fromkeys(lenient, EVERYWHERE) | dict.fromkeys(STRICT, EVERYWHERE | ONLY_STRICT)
    assert reported(tmp_path, CONFIGURATION) == expected


def test_control_a_pattern_that_matches_nothing_is_no_error(tmp_path: Path) -> None:
    found = reported(tmp_path, CONFIGURATION.replace('"[ch]*/**"', '"{components,handlers}/**"'))
    assert found == dict.fromkeys({"__main__.py", *FOLDERS}, EVERYWHERE)
