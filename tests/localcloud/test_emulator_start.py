"""The emulator's start looks for no garbage among its imports, and serves with a search that leaves them out."""

import json
import subprocess
import sys
from pathlib import Path

from localcloud.emulator.process import _scrubbed_environment
from tests.fakes.checkout import ROOT

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
    print(json.dumps([gc.isenabled(), gc.get_freeze_count() > 0, searches() - before]), flush=True)

uvicorn.Server.run = run
if sys.argv[2] == "control":
    server.gc = SimpleNamespace(disable=int, freeze=int, enable=int)
before = searches()
server._serve(socket.socket().detach(), Path(sys.argv[1]), ["--paused"])
"""


def at_start(scratch: Path, kind: str) -> tuple[bool, bool, int]:
    """Whether garbage is looked for when requests are served, whether without the imports, and searches until then."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(scratch), kind],
        cwd=ROOT,
        env=_scrubbed_environment(1, "eu-west-1", scratch),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
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
