"""A closed standard stream becomes /dev/null, before a file or socket can take its number; a full one is no crash."""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from tests.fakes.checkout import ROOT

STREAMS = ("<&-", ">&-", "2>&-")
PROGRAM = """
import json, os, subprocess, sys
if sys.argv[2] == "prepared":
    from localcloud.standard_streams import prepare
    prepare()
with open(sys.argv[1], "w") as report:
    print("caf\\xe9 \\udcff", sys.stdin.read() if sys.stdin else "")
    print("no text", file=sys.stderr)
    child = subprocess.run(["sh", "-c", "true <&0 >&1 2>&2"], stdout=None).returncode
    seen = [os.path.realpath(f"/proc/self/fd/{number}") for number in range(3)]
    json.dump([report.fileno() > 2, child, [seen[number] == "/dev/null" for number in range(3)]], report)
"""


def run(closed: tuple[str, ...], tmp_path: Path, *, prepared: str = "prepared") -> tuple[int, list[object]]:
    report = tmp_path / "report"
    command = ["sh", "-c", f'exec "$@" {" ".join(closed)}', "sh", sys.executable, "-c", PROGRAM, str(report), prepared]
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "/bin:/usr/bin"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, input=b"", capture_output=True, check=False)
    return ended.returncode, json.loads(report.read_text() or "[]")


@pytest.mark.parametrize(
    "closed", [tuple(filter(None, choice)) for choice in product(*(("", stream) for stream in STREAMS))]
)
def test_closed_streams_become_the_null_device(closed: tuple[str, ...], tmp_path: Path):
    assert run(closed, tmp_path) == (0, [True, 0, [stream in closed for stream in STREAMS]])


STOPPED = """
import signal, sys
from localcloud import command_line, standard_streams
if sys.argv[1] == "prepared":
    standard_streams.prepare()
command_line.ends_cleanly(lambda: signal.raise_signal(signal.SIGTERM))()
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
# Without, Python ends with 1, since 3.13 with 120.
@pytest.mark.parametrize(("prepared", "codes"), [("prepared", {143}), ("unprepared: the control", {1, 120})])
def test_error_that_cannot_be_printed_does_not_change_the_exit_code(prepared: str, codes: set[int]):
    command = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh", sys.executable, "-c", STOPPED, prepared]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode in codes


def test_control_a_file_takes_the_number_of_a_closed_stream(tmp_path: Path):
    code, report = run(("<&-",), tmp_path, prepared="unprepared")
    assert code != 0 or report[0] is False
