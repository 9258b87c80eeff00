import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud import lifetime
from tests.fakes.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
SLEEP = "import time; time.sleep(600)"

# A parent spawns a child, which has a child of its own. Each of them holds the write end of the pipe `alive`, to which
# nothing is written, so its reader sees the end of the pipe when all three have ended, and not before.
PARENT = """
import subprocess, sys
from localcloud import lifetime
child = lifetime.spawn([sys.executable, "-c", {child!r}], pass_fds=[{alive}])
child.wait()
"""
CHILD = """
import subprocess, sys, time
from localcloud import lifetime
{watch}
grandchild = subprocess.Popen([sys.executable, "-c", "print('ready', flush=True); import time; time.sleep(600)"],
                              pass_fds=[{alive}])
time.sleep(600)
"""


class Family:
    """A parent, its child and its grandchild, until the block ends."""

    def __init__(self, watch: str) -> None:
        self._alive, write_end = os.pipe()
        child = CHILD.format(watch=watch, alive=write_end)
        command = [sys.executable, "-c", PARENT.format(child=child, alive=write_end)]
        self.parent = subprocess.Popen(
            command, pass_fds=[write_end], stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
        )
        os.close(write_end)
        assert self.parent.stdout is not None
        assert self.parent.stdout.readline() == b"ready\n"

    def __enter__(self) -> "Family":
        return self

    def __exit__(self, *raised: Any) -> None:
        self.parent.kill()
        self.parent.__exit__(*raised)
        os.close(self._alive)

    def all_gone(self, within_seconds: float = HANG_SECONDS) -> bool:
        return bool(select.select([self._alive], [], [], within_seconds)[0])


@pytest.mark.parametrize(
    "cleanup",
    ["", "lambda: time.sleep(600), cleanup_seconds=0.2", "lambda: 1 / 0, cleanup_seconds=0.2"],
    ids=["no cleanup", "hanging cleanup", "failing cleanup"],
)
def test_child_and_grandchild_die_with_a_killed_parent(cleanup: str):
    with Family(f"lifetime.watch_parent({cleanup})") as family:
        assert not family.all_gone(within_seconds=0)
        family.parent.kill()
        assert family.all_gone()


def test_control_without_watch_parent_they_survive(tmp_path: Path):
    pids = tmp_path / "pids"
    with Family(f"import os, pathlib; pathlib.Path({str(pids)!r}).write_text(str(os.getpid()))") as family:
        family.parent.kill()
        family.parent.wait()
        try:
            assert not family.all_gone(within_seconds=1)
        finally:
            os.killpg(int(pids.read_text()), signal.SIGKILL)


def test_cleanup_runs_first(tmp_path: Path):
    mark = tmp_path / "cleaned"
    watch = f"import pathlib; lifetime.watch_parent(pathlib.Path({str(mark)!r}).touch, cleanup_seconds=600)"
    with Family(watch) as family:
        family.parent.kill()
        assert family.all_gone()
    assert mark.exists()


def test_stop_kills_a_child_that_ignores_the_pipe_and_can_be_called_twice():
    child = lifetime.spawn([sys.executable, "-c", SLEEP])
    lifetime.stop(child, seconds=0.1)
    assert child.returncode == -signal.SIGKILL
    lifetime.stop(child, seconds=0.1)


def test_stop_kills_processes_that_a_dead_child_left():
    alive, write_end = os.pipe()
    sleeper = f"subprocess.Popen([{sys.executable!r}, '-c', {SLEEP!r}], pass_fds=[{write_end}])"
    child = lifetime.spawn([sys.executable, "-c", f"import subprocess; {sleeper}"], pass_fds=[write_end])
    os.close(write_end)
    child.wait()
    assert not select.select([alive], [], [], 0)[0]
    lifetime.stop(child, seconds=1)
    assert select.select([alive], [], [], HANG_SECONDS)[0]
    os.close(alive)


def test_watch_parent_rejects_a_shared_process_group():
    # It would kill the shell, make and everything else in its group.
    code = "from localcloud import lifetime; lifetime.watch_parent()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "call it only in a child made by `spawn`" in done.stderr


UNDER_MAKE = """
demo:
\t@LOCALCLOUD_PARENT=$$PPID exec $(PYTHON) -c "$$CODE"
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to read make's signals")
@pytest.mark.parametrize("ignored", ["", "HUP", "INT HUP"])
def test_signals_that_make_ignores_do_not_interrupt(ignored: str, tmp_path: Path):
    (tmp_path / "Makefile").write_text(UNDER_MAKE)
    looks_twice = "time.sleep(2 * lifetime.ORPHAN_POLL_SECONDS)"
    code = f"import time; from localcloud import lifetime; lifetime.stop_when_orphaned(); {looks_twice}; print('alive')"
    make = f"trap '' {ignored or 'USR1'}; exec make -s -f {tmp_path}/Makefile PYTHON={sys.executable}"
    done = subprocess.run(
        ["sh", "-c", make], cwd=ROOT, env=os.environ | {"CODE": code}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
