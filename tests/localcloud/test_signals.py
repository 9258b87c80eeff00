"""A signal ends a command also while it is in a finalizer, where Python drops what a handler of the signal raises."""

import signal
import subprocess
import sys

import pytest

from tests.fakes.checkout import ROOT
from tests.fakes.waiting import HANG_SECONDS

COMMAND = """
import os, signal, sys, time

class Pool:  # as that of an HTTP client, which closes its connections when it is finalized
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        sum(number for number in range(2))  # a handler runs between instructions: here, at the latest

def command():
    if "control" in sys.argv:
        sys.unraisablehook = lambda lost: os._exit(isinstance(lost.exc_value, Stopped))
    Pool()
    time.sleep({seconds})

"""
PROGRAMS = {
    "localcloud": "from localcloud.command_line import Stopped, ends_cleanly as ends\n",
    "ops": "from ops.commands.command import Stopped, handle_errors as ends\n",
}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    source = f"{PROGRAMS[program]}{COMMAND.format(seconds=HANG_SECONDS)}ends(command)()"
    return subprocess.run([sys.executable, "-c", source, *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("program", PROGRAMS)
def test_signal_in_a_finalizer_ends_a_command(program: str):
    ended = run(program)
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr.startswith("Interrupted (SIGINT).")


@pytest.mark.parametrize("program", PROGRAMS)
def test_control_finalizer_drops_what_the_handler_raises(program: str):
    assert run(program, "control").returncode == 1
