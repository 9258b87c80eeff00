"""A command whose standard streams the shell has closed prints no traceback and lets no socket take their numbers."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from tests.fakes.checkout import ROOT
from tests.fakes.command_lines import CommandLine, walk
from tests.fakes.strangers import granting, outputs_at, recording

CRASHED = 99
ALL = "<&- >&- 2>&-"
# The streams are opened before a command is chosen, so commands that read, send, change and prepare stand for all.
SAMPLE = {("query",), ("send",), ("dead-letters", "redrive"), ("preflight",)}
LINES = [line if line.names in SAMPLE else pytest.param(line, marks=pytest.mark.soak) for line in walk("ops")]
PLAIN = "import sys; from ops.command_line import app; app(sys.argv[1:])"


@dataclass
class Caller:
    """Runs commands against a cloud that looks at the caller's descriptors whenever it is asked something."""

    environment: dict[str, str]
    seen: list[list[str]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def look(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if self.process:
            self.seen.append([str(Path(f"/proc/{self.process.pid}/fd/{n}").resolve()) for n in range(3)])
        return granting(path)

    def run(self, closed: str, *words: str) -> int:
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, *words]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment)
        try:
            return self.process.wait()
        finally:
            self.process = None


@pytest.fixture
def caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    # A traceback cannot be read where standard error is closed; it gets an exit code of its own.
    (tmp_path / "sitecustomize.py").write_text(f"import os, sys\nsys.excepthook = lambda *_: os._exit({CRASHED})\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    environment = {"PATH": "/bin:/usr/bin", "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    caller = Caller(environment)
    with recording(caller.look) as cloud:
        (tmp_path / "outputs.json").write_text(json.dumps(outputs_at(cloud.url)))
        yield caller


Options = Callable[[CommandLine], list[str]]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    named = ["--outputs", str(tmp_path / "outputs.json")]
    return lambda line: named if "--outputs" in line.options else []


@pytest.mark.parametrize("line", LINES, ids=str)
def test_closed_streams_change_no_exit_code_and_become_no_socket(line: CommandLine, caller: Caller, options: Options):
    expected = CliRunner().invoke(app, line.words(*options(line))[1:]).exit_code
    assert caller.run(ALL, "-m", *line.words(*options(line))) == expected
    assert caller.seen == [["/dev/null"] * 3] * len(caller.seen)
    assert caller.seen or line.names == ("preflight",)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_single_closed_stream_becomes_no_socket(closed: str, caller: Caller, options: Options):
    (line,) = (line for line in walk("ops") if line.names == ("query",))
    assert caller.run(closed, "-m", *line.words(*options(line))) == 0
    assert caller.seen
    assert "socket" not in str(caller.seen)


def test_closed_input_is_empty(caller: Caller, tmp_path: Path):
    assert caller.run("<&-", "-m", "ops", "send", "--file", "-", "--outputs", str(tmp_path / "outputs.json")) == 1
    assert caller.seen == []


def test_control_a_socket_takes_the_number_of_a_closed_stream(caller: Caller, options: Options):
    (line,) = (line for line in walk("ops") if line.names == ("query",))
    assert caller.run("<&-", "-c", PLAIN, *line.words(*options(line))[1:]) == 0
    assert any("socket:" in descriptors[0] for descriptors in caller.seen)
