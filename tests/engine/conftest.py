"""Tests with the real Pulumi CLI. Without one they are not collected, and the run says so in its last lines."""

import shutil
from collections.abc import Iterator

import pytest

from tools.terminal import Terminal, a_terminal

collect_ignore_glob = [] if shutil.which("pulumi") else ["test_*.py"]


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal in a checkout of its own, beside an empty cloud."""
    with a_terminal(tmp_path_factory.mktemp("engine")) as terminal:
        yield terminal


@pytest.fixture(scope="module")
def deployed(terminal: Terminal) -> Terminal:
    """A terminal whose cloud has stack local."""
    terminal.pulumi("up", "--yes", "--skip-preview")
    return terminal
