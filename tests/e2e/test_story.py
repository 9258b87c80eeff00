"""`make demo` as a whole."""

import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from localcloud import demo
from localcloud.progress import Progress
from tests.e2e.conftest import Operator, Stack, event
from tests.fakes import demo_environment
from tests.fakes.waiting import eventually


def test_demo_passes(checkout: Path, tmp_path: Path):
    # With the packages that `make demo` installs, and no others.
    command = [demo_environment.make(tmp_path), "-m", "localcloud", "demo"]
    ended = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert '"user_id": "ada"' in ended.stdout
    assert "All checks passed" in ended.stdout


def test_demo_notices_an_unexpected_record(stack: Stack, operator: Operator, monkeypatch: pytest.MonkeyPatch):
    """The control: the table of a stack that did not start empty contains more than the story expects."""
    stack.send(event("stranger", "s", "2024-01-01T00:00:00Z"))
    eventually(lambda: stack.record("stranger"), bool)
    monkeypatch.setattr(demo, "DEADLINE_SECONDS", 0)
    with pytest.raises(demo.UnexpectedAnswerError, match="the table"):
        demo.run_story(stack.cloud, operator.outputs, Progress(demo.STORY_STEPS, Console(quiet=True)))
