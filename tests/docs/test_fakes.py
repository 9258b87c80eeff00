"""What tests wait for is seen: a thread at work, a process that lives, and neither where there is none."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fakes.processes import in_group, living, with_command, with_environment
from tests.fakes.threads import at_work
from tests.fakes.waiting import eventually

LEADER_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes through /proc")


def test_a_thread_is_at_work_until_it_has_ended_or_waits_for_more():
    before, release = threading.enumerate(), threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="writer") as pool:
        done = pool.submit(release.wait)
        try:
            assert at_work(besides=before) == ["writer_0"]
        finally:
            release.set()
        done.result()
        eventually(lambda: at_work(besides=before), lambda threads: not threads)
        assert len(threading.enumerate()) == len(before) + 1, "it is still there"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", LEADER_ENDS], start_new_session=True)
    yield child
    child.kill()
    child.wait()


@linux
def test_a_process_lives_as_long_as_one_of_its_threads(child: subprocess.Popen[bytes]):
    def state() -> str:
        return Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2][0]

    eventually(state, lambda found: found == "Z")
    assert living(in_group(child.pid)) == [child.pid], "its first thread alone has ended"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays as a zombie until it is asked for
    assert state() == "Z"
    assert living(in_group(child.pid)) == []


@linux
def test_processes_are_found_by_what_they_were_started_with(tmp_path: Path):
    mark = str(tmp_path)
    command = [sys.executable, "-c", "input()", "a word"]
    with subprocess.Popen(command, env=os.environ | {"MARK": mark}, stdin=subprocess.PIPE) as started:
        eventually(lambda: living(with_environment(mark)), lambda found: found == [started.pid])
        assert started.pid in living(with_command("input()", "a word"))
        assert started.pid not in living(with_command("input()", "another word"))
        started.communicate(b"\n")
    assert living(with_environment(mark)) == []
