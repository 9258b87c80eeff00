"""Whatever ends make, the demo, its drill or the server, and whenever: soon nothing of it is left."""

import os
import random
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.processes import heard, living, with_environment
from tests.fakes.waiting import HANG_SECONDS, eventually

# Every process of a run has its scratch directory in its environment, so it can be found; Linux shows environments.
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes through /proc")

COMMANDS = {
    "make": ["make", "-o", ".venv/.installed", "demo"],  # no test installs anything
    "demo": [sys.executable, "-m", "localcloud", "demo"],
    "drill": [sys.executable, "-m", "tools.drill"],
    "server": [sys.executable, "-m", "localcloud", "up"],
}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


class Run:
    """A command under way in a scratch directory of its own."""

    def __init__(self, command: str, checkout: Path, scratch: Path) -> None:
        self.scratch = scratch
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        outputs = ["--outputs", str(scratch / "outputs.json")] if command == "server" else []
        with heard(signal.SIGINT, signal.SIGHUP):
            self._process = subprocess.Popen(
                [*COMMANDS[command], *outputs],
                cwd=checkout,
                env=environment | {"TMPDIR": str(scratch)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind even when the test fails: only what carries this run's own mark."""
        for process in self.processes():
            os.kill(process, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def processes(self) -> list[int]:
        """The ids of the living processes of this run."""
        return living(with_environment(f"TMPDIR={self.scratch}"))

    def watch(self, seconds: float = HANG_SECONDS, until: bytes | None = None) -> bytes:
        """Read what the run prints for so long, or until it has said something."""
        assert self._process.stdout is not None
        said = b""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and (until is None or until not in said):
                if selector.select(left):
                    chunk = os.read(self._process.stdout.fileno(), 65536)
                    if not chunk:
                        break
                    said += chunk
        return said

    def end(self, number: signal.Signals) -> None:
        """Send the command, and it alone, a signal."""
        self._process.send_signal(number)

    def left_over(self) -> list[str]:
        """What is still there, processes and files."""
        self._process.poll()  # or it would stay as a zombie
        return [f"process {number}" for number in self.processes()] + [str(file) for file in self.scratch.iterdir()]


def files_may_stay(command: str, number: signal.Signals) -> bool:
    """A killed server cannot remove the outputs file it wrote for its user; everything else goes with the emulator."""
    return command == "server" and number == signal.SIGKILL


@pytest.mark.parametrize(
    ("command", "number", "moment"),
    [
        ("make", signal.SIGINT, b"Deploy stack"),
        ("make", signal.SIGKILL, b"Wait until"),
        ("drill", signal.SIGTERM, b"Record the program"),
        ("server", signal.SIGHUP, b"ready"),
    ],
)
def test_nothing_survives_at_moments_that_matter(
    command: str, number: signal.Signals, moment: bytes, checkout: Path, tmp_path: Path
):
    with Run(command, checkout, tmp_path) as run:
        assert moment in run.watch(until=moment)
        assert run.processes(), "the control: a run that is under way is found"
        run.end(number)
        eventually(run.left_over, lambda found: not found)
        assert b"s expected" not in run.watch(), "it was interrupted, and did not come to its end"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_survives_at_random_moments(command: str, seed: int, checkout: Path, tmp_path: Path):
    number = SIGNALS[seed % len(SIGNALS)]
    with Run(command, checkout, tmp_path) as run:
        run.watch(random.Random(f"{command} {seed}").uniform(0, 10))
        run.end(number)
        kept = {str(tmp_path / "outputs.json")} if files_may_stay(command, number) else set()
        eventually(run.left_over, lambda found: set(found) <= kept)
