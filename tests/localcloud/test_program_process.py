"""The process of a program, which is started before it is told what to run."""

import signal
from pathlib import Path

from localcloud.deployer.program import ProgramProcess
from tests.fakes.waiting import HANG_SECONDS


def test_process_that_is_told_nothing_ends_with_its_parent():
    with ProgramProcess({}) as process:
        child = process._child
        assert child.stdin is not None
        child.stdin.close()  # as the end of the parent does
        assert child.wait(HANG_SECONDS) == 1


def test_process_that_has_ended_before_it_is_told_is_reported(tmp_path: Path):
    with ProgramProcess({}) as process:
        process._child.send_signal(signal.SIGKILL)
        process._child.wait(HANG_SECONDS)
        ended = process.run({"directory": str(tmp_path)}, print, HANG_SECONDS)
    assert (ended.returncode, ended.expired) == (-signal.SIGKILL, False)
