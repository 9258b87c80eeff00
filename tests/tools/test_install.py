"""The installer says what it does, and never takes half an installation for a whole one."""

import ast
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.processes import heard
from tests.fakes.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "tools" / "install.py"


def start(folder: Path, requirements: str) -> subprocess.Popen[str]:
    (folder / "requirements.txt").write_text(requirements)
    command = [sys.executable, INSTALL, "environment", "requirements.txt", "stamp", "1"]
    with heard(signal.SIGINT):
        return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.soak  # every `make test` on a new machine shows it
def test_nothing_to_install_is_installed(tmp_path: Path):
    installing = start(tmp_path, "# nothing\n")
    said, _ = installing.communicate()
    assert installing.returncode == 0
    assert said.startswith("Installing 0 pinned packages into environment")
    assert (tmp_path / "stamp").exists()
    python = tmp_path / "environment" / "bin" / "python"
    assert subprocess.run([python, "-c", "import pip"], check=False).returncode == 0


def test_what_cannot_be_installed_is_not_marked_as_installed(tmp_path: Path):
    (tmp_path / "stamp").touch()  # of an earlier installation, which this one replaces
    installing = start(tmp_path, "./no-such-package\n")
    _, said = installing.communicate()
    assert installing.returncode == 1
    assert said.rstrip().endswith("Installation failed: pip ended with exit code 1, for the reason above.")
    assert not (tmp_path / "stamp").exists()


def test_an_environment_of_somebody_else_is_not_emptied(tmp_path: Path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "precious").touch()
    (tmp_path / "environment").symlink_to(theirs)
    installing = start(tmp_path, "# nothing\n")
    _, said = installing.communicate()
    assert installing.returncode == 1
    assert said == "environment is a link, and what it leads to would be emptied: remove the link.\n"
    assert (theirs / "precious").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.soak)])
def test_interrupted_it_says_so_and_is_not_marked_as_installed(number: signal.Signals, tmp_path: Path):
    # A package that takes for ever to install: its build reads from a pipe that nobody writes to.
    os.mkfifo(tmp_path / "never")
    package = tmp_path / "slow"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
    )
    (package / "slow.py").write_text("running = open('../running', 'w')\nopen('../never').read()\n")
    os.mkfifo(tmp_path / "running")
    installing = start(tmp_path, "./slow\n")
    with (tmp_path / "running").open() as build:  # returns when the build has opened its end
        installing.send_signal(number)
        _, said = installing.communicate(timeout=HANG_SECONDS)
        ended, _, _ = select.select([build], [], [], HANG_SECONDS)  # it ends when nobody holds the other end
    assert installing.returncode == 1
    assert said.rstrip().endswith("Installation interrupted; the next run starts it again.")
    assert not (tmp_path / "stamp").exists()
    assert ended, "the build that pip had started is left over"


def runs_on_old_pythons(source: str) -> bool:
    """Whether Python 3.7 gets as far as running it: no newer syntax, and no annotation is evaluated."""
    try:
        tree = ast.parse(source, feature_version=(3, 7))
    except SyntaxError:
        return False
    first = next(node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    return isinstance(first, ast.ImportFrom) and first.module == "__future__"


@pytest.mark.parametrize("file", ["tools/install.py", "localcloud/lifetime.py"])
def test_a_python_that_is_too_old_gets_as_far_as_being_told(file: str):
    source = (ROOT / file).read_text()
    assert runs_on_old_pythons(source)
    assert not runs_on_old_pythons(source.replace("from __future__", "from other"))
    assert not runs_on_old_pythons(source + "\nif (found := 1):\n    pass\n")
