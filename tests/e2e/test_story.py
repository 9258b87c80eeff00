"""The newcomer's first command, as a whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from localcloud import demo
from localcloud.progress import Progress
from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


def test_the_demo_tells_its_story_and_ends_well(checkout: Path):
    command = [sys.executable, "-m", "localcloud", "demo"]
    told = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert '"user_id": "ada"' in told.stdout
    assert "All as expected" in told.stdout


def test_the_demo_notices_what_is_not_as_it_should_be(
    stack: Stack, operator: Operator, monkeypatch: pytest.MonkeyPatch
):
    """The control: a stack that did not begin empty holds more than the story says."""
    stack.send(event("stranger", "s", "2024-01-01T00:00:00Z"))
    eventually(lambda: stack.record("stranger"), bool)
    monkeypatch.setattr(demo, "DEADLINE_SECONDS", 0)
    with pytest.raises(demo.UnexpectedAnswerError, match="the table"):
        demo.tell(stack.cloud, operator.outputs, Progress(demo.STORY_STEPS, Console(quiet=True)))
