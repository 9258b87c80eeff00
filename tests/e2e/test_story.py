"""`make demo` as a whole."""

import re
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from components.packaging.artifact import Target, build_artifact
from localcloud import demo
from localcloud.progress import Progress
from tests.e2e.conftest import Operator, Stack, event
from tests.fakes import demo_environment
from tests.fakes.checkout import ROOT, link_checkout
from tests.fakes.strangers import make_hostile, recording
from tests.fakes.waiting import eventually


def test_demo_passes_whatever_the_user_has_configured(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    build_artifact(ROOT, Target.host())  # for which pip needs the user's proxy
    scratch = tmp_path / f"not UTF-8: \udcff {'and long ' * 15}"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("FORCE_COLOR", "1")
    # Only with the packages that `make demo` installs.
    command = [
        "sh",
        "-c",
        'exec "$@" <&-',
        "sh",
        demo_environment.make(tmp_path / "venv"),
        "-m",
        "localcloud",
        "demo",
    ]
    with recording() as proxy:
        make_hostile(tmp_path / "home", proxy.url, monkeypatch)
        demo_run = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert (demo_run.returncode, demo_run.stderr) == (0, "")
    assert '"user_id": "ada"' in demo_run.stdout
    assert "All checks passed" in demo_run.stdout
    assert proxy.received == []
    assert set(re.findall(r"\x1b[^m]*.", demo_run.stdout)) == {"\x1b[32m", "\x1b[0m"}, "colors, but no cursor controls"
    assert list(scratch.iterdir()) == []


def test_commands_of_the_demo_run_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "not UTF-8: \udcff"
    folder.mkdir()
    monkeypatch.setattr(demo, "PROJECT", link_checkout(folder))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    assert "dead-letters" in demo.run_ops("--help")


def test_demo_notices_an_unexpected_record(stack: Stack, operator: Operator, monkeypatch: pytest.MonkeyPatch):
    """The control: the table of a stack that did not start empty contains more than the story expects."""
    stack.send(event("stranger", "s", "2024-01-01T00:00:00Z"))
    eventually(lambda: stack.record("stranger"), bool)
    monkeypatch.setattr(demo, "DEADLINE_SECONDS", 0)
    with pytest.raises(demo.UnexpectedAnswerError, match="the table"):
        demo.run_story(stack.cloud, operator.outputs, Progress(demo.STORY_STEPS, Console(quiet=True)))
