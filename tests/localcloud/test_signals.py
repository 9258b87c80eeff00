"""A signal ends a command wherever it arrives: in a finalizer, or in the search for a folder of temporary files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.checkout import ROOT
from tests.fakes.waiting import HANG_SECONDS

COMMAND = """
import os, signal, sys, time

class Pool:  # as that of an HTTP client, which closes its connections when it is finalized
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
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
    assert ended.returncode == 128 + signal.SIGTERM
    assert ended.stderr.startswith("Interrupted (SIGTERM).")


@pytest.mark.parametrize("program", PROGRAMS)
def test_control_finalizer_drops_what_the_handler_raises(program: str):
    assert run(program, "control").returncode == 1


SEARCH = """
import os, signal, sys, tempfile
from localcloud import command_line

make = os.open

def make_and_be_stopped(*arguments, **options):
    made = make(*arguments, **options)
    os.kill(os.getpid(), signal.SIGTERM)
    return made

os.open = make_and_be_stopped
if "control" in sys.argv:
    command_line.find_temporary_folder = int
command_line.ends_cleanly(tempfile.gettempdir)()
"""


@pytest.mark.parametrize(("arguments", "left"), [([], 0), (["control"], 1)], ids=["held back", "control"])
def test_signal_leaves_no_file_of_the_search_for_a_folder(arguments: list[str], left: int, tmp_path: Path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", SEARCH, *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr[:24]) == (128 + signal.SIGTERM, "Interrupted (SIGTERM). N")
    assert len(list(tmp_path.iterdir())) == left
