"""The console runs the operator's command as a child process: one at a time, shown as it goes, and never for ever."""

import json
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from localcloud.console import operator
from localcloud.console.console import Console
from localcloud.console.http import HttpError
from localcloud.console.operator import Operator
from localcloud.emulator.process import Emulator
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.facts import DeployedStack
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.paths import CONSOLE, STACK
from tests.fakes.consoles import ask, post
from tests.fakes.processes import living, with_command
from tests.fakes.waiting import HANG_SECONDS, eventually

SECRET = "the secret of a client"
REDRIVE = ("dead-letters", "redrive", "--all", "--yes")
SHOWS = "import json, os, sys; print(json.dumps([sys.argv[1:], os.getcwd(), sorted(os.listdir(os.environ['TMPDIR']))]))"
PRINTS = "import sys; print('one'); print('two', file=sys.stderr)"
WAITS = "import time; print('waits', flush=True); time.sleep(600)"
ENDS_IN_ORDER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("released"))
print("waits", flush=True)
time.sleep(600)
"""
HANGS = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


@pytest.fixture
def observatory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observatory:
    folder = tmp_path / "emulator"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(operator.tempfile, "tempdir", None)
    observatory = Observatory(SteppedClock(1_767_225_600))
    observatory.stack = DeployedStack(project=tmp_path, outputs={"queueUrl": "q", "secret": SECRET})
    return observatory


@pytest.fixture
def run(observatory: Observatory) -> Callable[[str], Operator]:
    """Starts a program in place of `ops`, and returns what runs it."""

    def start(program: str) -> Operator:
        started = Operator(observatory, (sys.executable, "-c", program))
        started.start(REDRIVE)
        return started

    return start


def last(started: Operator) -> dict[str, Any]:
    found = started.last()
    assert found
    return found


def ended(started: Operator) -> dict[str, Any]:
    return eventually(lambda: last(started), lambda found: found["ended"])


def test_command_runs_in_the_project_with_outputs_that_only_it_can_read(run: Callable[[str], Operator], tmp_path: Path):
    found = ended(run(f"{SHOWS}; print(oct(os.stat(sys.argv[-1]).st_mode), open(sys.argv[-1]).read())"))
    arguments, folder, files = json.loads(found["lines"][0])
    assert arguments[:-1] == [*REDRIVE, "--outputs"]
    assert (folder, files) == (str(tmp_path), [Path(arguments[-1]).name])
    assert found["lines"][1].startswith(oct(stat.S_IFREG | 0o600))
    assert SECRET in found["lines"][1]
    assert (found["command"], found["end"], found["ok"]) == (
        "python -m ops dead-letters redrive --all --yes",
        "Done.",
        True,
    )
    assert list((tmp_path / "emulator").iterdir()) == [], "the file with secrets is gone"


def test_output_is_seen_as_it_comes_and_wakes_the_consoles(
    run: Callable[[str], Operator], observatory: Observatory, tmp_path: Path
):
    pipe = tmp_path / "go on"
    os.mkfifo(pipe)
    before = observatory.feed.version
    started = run(f"{PRINTS}; open({str(pipe)!r}).read()")
    found = eventually(lambda: last(started), lambda found: found["lines"] == ["one", "two"])
    assert (found["ended"], found["end"], observatory.feed.version > before) == (None, "", True)
    pipe.write_text("")
    assert ended(started)["ok"]


def test_second_command_is_refused_while_one_runs(run: Callable[[str], Operator]):
    started = run(WAITS)
    with pytest.raises(HttpError, match="Another command still runs: python -m ops dead-letters redrive"):
        started.start(REDRIVE)
    started.stop()
    ended(started)
    started.start(REDRIVE)  # the control
    started.stop()
    ended(started)


def test_failing_command_says_so(run: Callable[[str], Operator]):
    found = ended(run("import sys; sys.exit('There are none.')"))
    assert (found["lines"], found["end"], found["ok"]) == (["There are none."], "It failed with exit code 1.", False)


def test_killed_command_says_so(run: Callable[[str], Operator]):
    found = ended(run("import os, signal; print('began', flush=True); os.kill(os.getpid(), signal.SIGKILL)"))
    assert (found["lines"], found["ok"]) == (["began"], False)
    assert found["end"].startswith("It was ended by SIGKILL")


class Timers(list[Callable[[], object]]):
    """Timers that a test lets run out, and the seconds of each."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def make(self, seconds: float, end: Callable[[], object]) -> SimpleNamespace:
        self.seconds.append(seconds)
        self.append(end)
        return SimpleNamespace(start=lambda: None, cancel=lambda: None)


@pytest.mark.parametrize(("program", "end"), [(ENDS_IN_ORDER, "exit code 1."), (HANGS, "ended by SIGKILL")])
def test_command_that_takes_too_long_is_stopped_and_then_killed(
    run: Callable[[str], Operator], monkeypatch: pytest.MonkeyPatch, program: str, end: str
):
    timers = Timers()
    monkeypatch.setattr(operator.threading, "Timer", timers.make)
    started = run(program)
    eventually(lambda: last(started)["lines"])
    timers[0]()
    if program is HANGS:
        assert not last(started)["ended"], "it ignores SIGTERM"
        timers[1]()
    found = ended(started)
    assert found["end"].startswith("It did not end within 300 s, and was stopped.")
    assert (end in found["end"], found["ok"]) == (True, False)
    assert timers.seconds == [operator.RUN_SECONDS, operator.ENDING_SECONDS]


def test_command_is_stopped_on_request_in_order(run: Callable[[str], Operator]):
    started = run(ENDS_IN_ORDER)
    eventually(lambda: last(started)["lines"])
    started.stop()
    found = ended(started)
    assert (found["lines"], found["ok"]) == (["waits", "released"], False)
    assert found["end"] == "It was stopped here. It failed with exit code 1."
    with pytest.raises(HttpError, match="No command runs"):
        started.stop()


def test_output_is_bounded(run: Callable[[str], Operator]):
    found = ended(run("for number in range(700): print(number, 'x' * 2_000)"))
    assert (len(found["lines"]), {len(line) for line in found["lines"]}) == (operator.LINES_MAX, {operator.LINE_MAX})
    assert found["lines"][-1].startswith("699 ")


def test_program_that_cannot_be_started_says_so(observatory: Observatory, tmp_path: Path):
    with pytest.raises(HttpError, match="did not start: No such file"):
        Operator(observatory, (str(tmp_path / "absent"),)).start(REDRIVE)
    assert list((tmp_path / "emulator").iterdir()) == []


def test_page_starts_stops_and_shows_a_command(observatory: Observatory):
    console = Console(observatory)
    assert ask(console, "/queues").json()["run"] is None
    console._data.operator._program = (sys.executable, "-c", WAITS)
    letter = {"action": "discard", "id": "0-1"}
    assert post(console, "/dead-letters", letter).status == 200
    assert post(console, "/dead-letters", letter).status == 409
    assert ask(console, "/queues").json()["run"]["command"] == (
        "python -m ops dead-letters discard --message-id=0-1 --yes"
    )
    assert post(console, "/stop", {}).status == 200
    eventually(lambda: ask(console, "/queues").json()["run"]["ended"])


@pytest.mark.parametrize(
    ("value", "arguments"),
    [
        ({"action": "redrive", "all": True, "force": True}, "redrive --all --force --yes"),
        ({"action": "redrive", "reason": "gave-up"}, "redrive --reason=gave-up --yes"),
        ({"action": "discard", "all": True, "force": True}, "discard --all --yes"),
    ],
)
def test_choice_becomes_the_options_of_the_command(observatory: Observatory, value: object, arguments: str):
    console = Console(observatory)
    console._data.operator._program = (sys.executable, "-c", "")
    assert post(console, "/dead-letters", value).status == 200
    run = eventually(lambda: ask(console, "/queues").json()["run"], lambda found: found["ended"])
    assert run["command"] == f"python -m ops dead-letters {arguments}"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find processes")
def test_command_ends_with_the_cloud(tmp_path: Path):
    """Nothing is left running, and nobody without the administrator's key says what is deployed."""
    folder = tmp_path / "ops"
    folder.mkdir()
    (folder / "__main__.py").write_text(HANGS)
    with Emulator.start() as emulator:
        told = requests.post(f"{emulator.endpoint}{STACK}", json={}, timeout=HANG_SECONDS)
        assert told.status_code == 403
        emulator.show_stack(tmp_path, {"queueUrl": "q"})
        console = f"{emulator.endpoint}{CONSOLE}"
        token = re.search(r'token" content="([^"]+)"', requests.get(console, timeout=HANG_SECONDS).text)
        assert token
        started = requests.post(
            f"{console}/dead-letters",
            json={"action": "redrive", "all": True},
            headers={"X-Console-Token": token[1]},
            timeout=HANG_SECONDS,
        )
        assert started.status_code == 200, started.text
        eventually(lambda: requests.get(f"{console}/queues", timeout=HANG_SECONDS).json()["run"]["lines"])
        ours = with_command("ops", "dead-letters", str(emulator.directory))
        assert len(living(ours)) == 1  # the control
    eventually(lambda: living(ours), lambda found: not found)
