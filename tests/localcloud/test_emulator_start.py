"""The emulator's process: its start looks for no garbage among its imports, and its end leaves nothing behind."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.emulator.process import _scrubbed_environment
from tests.fakes.checkout import ROOT
from tests.fakes.waiting import HANG_SECONDS

# The server itself, up to what it would serve with. The control has a server that lets Python search as usual.
PROGRAM = """
import gc, json, socket, sys
from pathlib import Path
from types import SimpleNamespace
import uvicorn
from localcloud.emulator import server

def searches():
    return sum(generation["collections"] for generation in gc.get_stats())

def run(*_):
    print(json.dumps([gc.isenabled(), gc.get_freeze_count() > 1_000, searches() - before]), flush=True)

uvicorn.Server.run = run
if sys.argv[2] == "control":
    server.gc = SimpleNamespace(disable=int, freeze=int, enable=int)
before = searches()
server._serve(socket.socket().detach(), Path(sys.argv[1]), ["--paused"])
"""


def started(program: str, scratch: Path, kind: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, str(scratch), kind],
        cwd=ROOT,
        env=_scrubbed_environment(1, "eu-west-1", scratch),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def at_start(scratch: Path, kind: str) -> tuple[bool, bool, int]:
    """Whether garbage is looked for when requests are served, whether without the imports, and searches until then."""
    with started(PROGRAM, scratch, kind) as process:
        assert process.stdout is not None  # its standard input is open meanwhile; the server would end with it
        printed = process.stdout.readline()
    is_enabled, is_frozen, searches = json.loads(printed)
    return is_enabled, is_frozen, searches


def test_start_looks_for_no_garbage(tmp_path: Path):
    assert at_start(tmp_path, "as it is") == (True, True, 0)


def test_control_python_looks_for_garbage_among_imports(tmp_path: Path):
    is_enabled, is_frozen, searches = at_start(tmp_path, "control")
    assert (is_enabled, is_frozen) == (True, False)
    assert searches > 20


# A server whose threads write into the directory without end. The control removes the directory among them.
WRITING = """
import contextlib, os, shutil, signal, socket, sys, threading
from pathlib import Path
import uvicorn
from localcloud.emulator import server

directory = sys.argv[1]

def write():
    while True:
        with contextlib.suppress(OSError):  # what is above it was removed in between
            os.makedirs(f"{directory}/unpacked/here", exist_ok=True)

def run(*_):
    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    print("writing", flush=True)
    for thread in threads:
        thread.join()

def remove(*_):
    shutil.rmtree(directory, ignore_errors=True)
    while not Path(directory).exists():
        pass
    os.killpg(0, signal.SIGKILL)

uvicorn.Server.run = run
if sys.argv[2] == "control":
    os.execv = remove
server._serve(socket.socket().detach(), Path(directory), ["--paused"])
"""


@pytest.mark.parametrize(("kind", "is_left"), [("as it is", False), ("control", True)])
@pytest.mark.parametrize("by", [None, signal.SIGTERM], ids=["the end of its input", "signals"])
def test_end_leaves_nothing_although_threads_write(kind: str, is_left: bool, by: signal.Signals | None, tmp_path: Path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with started(WRITING, scratch, kind) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        if by is None:
            process.stdin.close()
        while by and process.poll() is None:
            process.send_signal(by)  # an impatient user, or a terminal that closes
        assert process.wait(HANG_SECONDS) == -signal.SIGKILL
    assert scratch.exists() == is_left
