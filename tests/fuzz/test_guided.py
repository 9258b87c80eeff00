"""The soak form: a coverage-guided search for inputs that no strategy generates."""

import importlib.util
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HAS_WHEELS = (sys.platform, platform.machine()) == ("linux", "x86_64")
SEEDS = {
    "body": [
        '{"user_id": "u", "service_id": "s", "service_name": "S", "timestamp": "2022-08-04T08:50:39Z"}',
        '{"a": [1.5e3, null, true, "\\ud800"], "a": NaN}',
    ],
    "path": ["u", "auth0%7Ca", "%C3%A9", "%252F", "%ff", "a+b"],
}

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not HAS_WHEELS, reason="atheris has wheels for Linux on x86-64 alone"),
]


def search(target: str, seeds: list[str], scratch: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    assert importlib.util.find_spec("atheris"), "atheris is missing: `make soak` installs it"
    corpus = scratch / "corpus"
    corpus.mkdir()
    for index, text in enumerate(seeds):
        (corpus / str(index)).write_text(text)
    options = ["-seed=1", f"-max_total_time={seconds}", "-max_len=2000", f"-artifact_prefix={scratch}/", str(corpus)]
    command = [sys.executable, "-m", "tests.fuzz.guided", target, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("target", SEEDS)
def test_guided_search_finds_no_failing_input(target: str, tmp_path: Path):
    finished = search(target, SEEDS[target], tmp_path, 300)
    assert finished.returncode == 0, f"{finished.stdout[-3000:]}{finished.stderr[-3000:]}"
    [runs] = re.findall(r"Done (\d+) runs", finished.stderr)
    assert int(runs) > 100_000


def test_control_guided_search_breaks_a_broken_function(tmp_path: Path):
    finished = search("control", SEEDS["path"], tmp_path, 60)
    assert finished.returncode != 0
    assert "Uncaught Python exception" in finished.stdout + finished.stderr
