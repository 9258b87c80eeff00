"""`make test` fails when a test leaves something in the working tree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.checkout import ROOT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / ".gitignore").write_text("ignored/\n")
    (tmp_path / "tracked").write_text("as it was")
    (tmp_path / "mine").write_text("not added yet")
    for arguments in (["init", "-q"], ["add", ".gitignore", "tracked"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    return tmp_path


def run(tree: Path, test: str) -> tuple[int, list[str]]:
    """What becomes of a run of a test with that body: the exit code, and the files that are complained about."""
    command = [sys.executable, "-m", "tools.unchanged", sys.executable, "-c", f"from pathlib import Path\n{test}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, [line.rpartition(": ")[2] for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    ("test", "changed"),
    [
        ("Path('left').touch()", ["left"]),
        ("Path('folder').mkdir(); Path('folder/left').touch()", ["folder/left"]),
        ("Path('tracked').write_text('other')", ["tracked"]),
        ("Path('mine').write_text('other')", ["mine"]),
        ("Path('tracked').unlink()", ["tracked"]),
    ],
)
def test_what_a_test_leaves_is_named(tree: Path, test: str, changed: list[str]):
    assert run(tree, test) == (1, changed)


def test_what_is_ignored_or_put_back_is_nothing(tree: Path):
    assert run(tree, "Path('ignored').mkdir(); Path('ignored/cache').touch()") == (0, [])
    assert run(tree, "text = Path('mine').read_text(); Path('mine').unlink(); Path('mine').write_text(text)") == (0, [])


def test_a_failure_of_the_command_stays_what_it_is(tree: Path):
    assert run(tree, "Path('left').touch(); raise SystemExit(3)") == (3, ["left"])


def test_without_a_repository_nothing_is_claimed(tmp_path: Path):
    status, said = run(tmp_path, "Path('left').touch()")
    assert status == 0
    assert said == ["This is no git repository, so nobody checked what was left in it."]


def test_make_test_is_run_under_it():
    assert "tools.unchanged $(BIN)/pytest -n 4 --dist loadfile\n" in (ROOT / "Makefile").read_text()
