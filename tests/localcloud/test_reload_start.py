"""Edited sources are started in a process of their own; what stops them is said with its file and line."""

import os
import signal
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localcloud.reload import reloader, sources
from localcloud.reload.check import Problem, Start, find_problems, unpack_layer
from localcloud.reload.reloader import Notice
from localcloud.signals import Stopped
from tests.fakes.processes import living, with_environment
from tests.fakes.waiting import HANG_SECONDS, eventually

FINE = "import helper\ndef handler(event, context): return helper.VALUE\n"
START = Start(handler="handlers.entry.handler", environment={"TABLE": "table"})
SECONDS = 30
BROKEN = {
    "syntax": (
        "x = 1\ndef (:\n",
        Problem(error="SyntaxError: invalid syntax", where="handlers/entry.py:2", line="def (:"),
    ),
    "raised": (
        "def read():\n    return {}['key']\n\nread()\n",
        Problem(error="KeyError: 'key'", where="handlers/entry.py:2", line="return {}['key']"),
    ),
    "other name": (
        "from handlers import absent\n",
        Problem(
            error="ImportError: cannot import name 'absent' from 'handlers' (unknown location)",
            where="handlers/entry.py:1",
            line="from handlers import absent",
        ),
    ),
    "not in the layer": (
        "import pytest.raises\n",
        Problem(
            error="ModuleNotFoundError: No module named 'pytest'",
            where="handlers/entry.py:1",
            line="import pytest.raises",
            missing="pytest",
        ),
    ),
    "this project": (
        "import localcloud\n",
        Problem(
            error="ModuleNotFoundError: No module named 'localcloud'",
            where="handlers/entry.py:1",
            line="import localcloud",
            missing="localcloud",
        ),
    ),
    "variable": (
        "import os\nos.environ['ABSENT']\n",
        Problem(error="KeyError: 'ABSENT'", where="handlers/entry.py:2", line="os.environ['ABSENT']"),
    ),
    "exit": (
        "raise SystemExit(3)\n",
        Problem(error="SystemExit: 3", where="handlers/entry.py:1", line="raise SystemExit(3)"),
    ),
    "no function": ("handler = 1\n", Problem(error="handlers.entry has no function handler")),
    "ends the process": ("import os\nos._exit(3)\n", Problem(error="the start ended its process with exit code 3")),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with an entry point that starts, and an unpacked layer."""
    (tmp_path / "project" / "handlers").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "layer.zip", "w") as archive:
        archive.writestr("python/helper.py", "VALUE = 1\n")
    unpack_layer(tmp_path / "layer.zip", tmp_path)
    return tmp_path


def problems_of(folder: Path, entry: str, *starts: Start, seconds: float = SECONDS) -> list[Problem]:
    (folder / "project" / "handlers" / "entry.py").write_text(entry)
    stopped = threading.Event()
    return find_problems(starts or (START,), folder / "project", folder / "layer", seconds, stopped=stopped)


def test_what_starts_has_no_problem_and_leaves_nothing(folder: Path):
    said = "print('anything'); import sys, subprocess; sys.stderr.write('x'); print(1)\n"
    assert problems_of(folder, f"{said}{FINE}") == []
    assert {path.name for path in folder.iterdir()} == {"project", "layer", "layer.zip"}
    assert {path.name for path in (folder / "project").rglob("*")} == {"handlers", "entry.py"}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_edit_is_said_with_its_place(folder: Path, name: str):
    text, expected = BROKEN[name]
    assert problems_of(folder, text) == [expected]


def test_file_that_nothing_imports_must_compile(folder: Path):
    (folder / "project" / "handlers" / "other.py").write_text("def (:\n")
    assert [problem.where for problem in problems_of(folder, FINE)] == ["handlers/other.py:1"]


def test_same_problem_of_two_functions_is_said_once(folder: Path):
    other = Start(handler="handlers.entry.handler", environment={"TABLE": "other"})
    text = f"import os\nif os.environ['TABLE'] == 'other': raise ValueError('other')\n{FINE}"
    assert [problem.error for problem in problems_of(folder, text, START, other)] == ["ValueError: other"]
    assert len(problems_of(folder, "1 / 0\n", START, other)) == 1


def test_start_that_hangs_is_ended_and_said(folder: Path):
    mark = f"MARK-{os.getpid()}"
    start = Start(handler=START.handler, environment={"MARK": mark})
    sleeping = "import subprocess, time\nsubprocess.Popen(['sleep', '1000'])\ntime.sleep(1000)\n"
    [problem] = problems_of(folder, sleeping, start, seconds=1)
    assert (problem.where, problem.line) == ("handlers/entry.py:3", "time.sleep(1000)")
    assert problem.error == "still not started after 1 s"
    eventually(lambda: living(with_environment(mark)), lambda left: not left)


def test_start_that_cannot_say_that_it_hangs_is_ended(folder: Path):
    [problem] = problems_of(folder, "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", seconds=0.2)
    assert "nothing was heard of it within 0.2 s" in problem.error


def test_missing_package_is_explained(folder: Path):
    [problem] = problems_of(folder, BROKEN["not in the layer"][0])
    assert problem.lines()[0] == "handlers/entry.py:1: ModuleNotFoundError: No module named 'pytest'"
    assert "pytest is not in the layer" in problem.lines()[2]


def test_only_what_ships_is_read(tmp_path: Path):
    handlers = tmp_path / "handlers"
    (handlers / "__pycache__").mkdir(parents=True)
    for name in ("entry.py", "requirements.txt"):
        (handlers / name).write_text("")
    before = sources.read(tmp_path)
    for name in ("entry.py~", ".entry.py.swp", ".entry.py", "4913", "__pycache__/entry.cpython-313.pyc"):
        (handlers / name).write_text("anything")
    (handlers / ".#entry.py").symlink_to("user@host.1")  # Emacs's lock
    (handlers / "entry.py").touch()
    assert before == sources.read(tmp_path) == {"handlers/entry.py": b"", "handlers/requirements.txt": b""}
    (handlers / "entry.py").rename(handlers / "renamed.py")
    assert sources.changed(before, sources.read(tmp_path)) == ["handlers/entry.py", "handlers/renamed.py"]
    (handlers / "requirements.txt").unlink()
    with pytest.raises(OSError, match=r"requirements\.txt"):  # in the middle of a checkout
        sources.read(tmp_path)


def test_file_that_cannot_be_read_is_reported_once_and_edits_load_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "requirements.txt").write_text("")
    pipe, notices = tmp_path / "handlers" / "pipe.py", list[Notice]()
    monkeypatch.setattr(reloader, "LOOK_SECONDS", 0.001)
    edits = SimpleNamespace(loaded=sources.read(tmp_path), load=loaded)
    monkeypatch.setattr(reloader, "Edits", lambda *_, **__: edits)
    releases: Any = SimpleNamespace(moves_alias=True)
    with reloader.Reloader(tmp_path, releases, tmp_path, notices.append):
        os.mkfifo(pipe)
        eventually(lambda: notices)
        pipe.unlink()
        eventually(lambda: len(notices) == 2)
        (tmp_path / "handlers" / "new.py").write_text("")
        eventually(lambda: len(notices) == 3)
    assert [notice.sentence for notice in notices] == [
        "handlers/: not loaded; the code before it keeps running.",
        "Fixed. handlers/ can be read again.",
        "handlers/new.py: loaded as query version 2 (VERSION v) in 0.0 s.",
    ]
    assert notices[0].details == (f"{pipe} cannot be read: It is not a regular file. Restore, rename or remove it.",)


def loaded(_: sources.Sources) -> tuple[str, dict[str, str]]:
    return "v", {"query": "2"}


@pytest.mark.parametrize("runs", [False, True], ids=["before the thread runs", "while it runs"])
def test_signal_during_its_start_ends_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool):
    def edits(*_: object, **__: object) -> SimpleNamespace:
        began.set()
        return SimpleNamespace(loaded={}, load=loaded)

    def start() -> None:
        if runs:
            threading.Thread.start(thread)
            began.wait(HANG_SECONDS)
        raise Stopped(signal.SIGHUP)

    began, releases = threading.Event(), SimpleNamespace(moves_alias=True)
    monkeypatch.setattr(reloader, "Edits", edits)
    interrupted: Any = reloader.Reloader(tmp_path, cast("Any", releases), tmp_path, lambda notice: None)
    thread = interrupted._thread
    monkeypatch.setattr(thread, "start", start)
    with pytest.raises(Stopped), interrupted:
        pytest.fail("it was entered")
    if not runs:
        # The system may start the thread later; it must not work in a folder that is being removed.
        threading.Thread.start(thread)
        thread.join(HANG_SECONDS)
    assert (thread.is_alive(), began.is_set()) == (False, runs)


def test_edit_counts_when_two_looks_find_the_same():
    old, half, new = ({"a.py": text} for text in (b"old", b"ne", b"new"))
    looks = [old, old, half, None, half, new, new, new, None, None, new, new, old, old, new, old, old]
    assert list(sources.settled(looks, old)) == [(old, new), (new, old)]
