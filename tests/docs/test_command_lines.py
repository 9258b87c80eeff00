"""Both command lines report an error during their slow imports in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NO_TYPER = "This Python has no typer. Run `make install`, then use .venv/bin/python.\n"
# The source of a fake typer, the first third-party import, with the exit code and the message it leads to.
FAKES = {
    "raise KeyboardInterrupt": (130, "Interrupted.\n"),
    "raise ModuleNotFoundError('', name='typer')": (1, NO_TYPER),
}


def run(module: str, folder: Path, fake: str) -> subprocess.CompletedProcess[str]:
    (folder / "typer.py").write_text(fake)
    command, environment = [sys.executable, "-m", module, "--help"], {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("fake", FAKES)
@pytest.mark.parametrize("module", ["ops", "localcloud"])
def test_failed_import_ends_in_one_sentence(module: str, fake: str, tmp_path: Path):
    ended = run(module, tmp_path, fake)
    assert (ended.returncode, ended.stdout, ended.stderr) == (*FAKES[fake][:1], "", FAKES[fake][1])


@pytest.mark.parametrize("module", ["ops", "localcloud"])
def test_missing_module_of_ours_shows_a_traceback(module: str, tmp_path: Path):
    ended = run(module, tmp_path, f"raise ModuleNotFoundError('', name='{module}.gone')")
    assert "Traceback" in ended.stderr
