"""The report, which takes many minutes, can be stopped, and leaves no worker behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.checkout import ROOT
from tests.fakes.processes import heard, in_group, living
from tests.fakes.waiting import HANG_SECONDS, eventually

ENDLESS = """
import functools, os, signal
from simulation import report

def work(*_):
    os.write(1, b"w")
    signal.pause()

if __name__ == "__main__":
    report._judge_and_prove = report._normal_days = work
    report.ProcessPoolExecutor = functools.partial(report.ProcessPoolExecutor, 2)
    report.simulated(1)
"""


@pytest.fixture
def report(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A report with two workers, both at work that never ends."""
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    with (
        heard(signal.SIGINT),
        subprocess.Popen(
            [sys.executable, str(script)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            start_new_session=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        assert process.stdout
        try:
            assert process.stdout.read(2) == "ww"
            yield process
        finally:
            for left in living(in_group(process.pid)):
                os.kill(left, signal.SIGKILL)


def test_killed_report_leaves_no_worker(report: subprocess.Popen[str]):
    report.kill()
    assert eventually(lambda: not living(in_group(report.pid)))


def test_interrupted_report_waits_for_no_work(report: subprocess.Popen[str]):
    os.killpg(report.pid, signal.SIGINT)
    assert report.wait(HANG_SECONDS) == -signal.SIGINT
    assert not living(in_group(report.pid))
