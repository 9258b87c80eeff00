"""However and whenever make, the demo, its drill or the server ends, nothing of it is left soon afterwards."""

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

# Every process of a run has the scratch directory in its environment, which Linux shows.
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find processes")

COMMANDS = {
    "make": ["make", "-o", ".venv/.installed-demo", "demo"],  # no test installs anything
    "demo": [sys.executable, "-m", "localcloud", "demo"],
    "drill": [sys.executable, "-m", "simulation.drill"],
    "server": [sys.executable, "-m", "localcloud", "up"],
}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


class Run:
    """A running command with a scratch directory of its own."""

    def __init__(self, command: str, checkout: Path, scratch: Path) -> None:
        self.scratch = scratch
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        outputs = ["--outputs", str(scratch / "outputs.json")] if command == "server" else []
        with heard(signal.SIGINT, signal.SIGHUP):
            self.process = subprocess.Popen(
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
        """Kill this run's processes even when the test fails."""
        for number in self.processes():
            os.kill(number, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def processes(self) -> list[int]:
        """Return the IDs of the living processes of this run."""
        return living(with_environment(f"TMPDIR={self.scratch}"))

    def watch(self, seconds: float = HANG_SECONDS, until: bytes | None = None) -> bytes:
        """Return what the run prints within the time, or until it has printed a text."""
        assert self.process.stdout is not None
        output = b""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and (until is None or until not in output):
                if selector.select(left):
                    chunk = os.read(self.process.stdout.fileno(), 65536)
                    if not chunk:
                        break
                    output += chunk
        return output

    def left_over(self) -> list[str]:
        """Return the processes and files that are left."""
        self.process.poll()  # otherwise it stays as a zombie
        return [f"process {number}" for number in self.processes()] + [str(file) for file in self.scratch.iterdir()]


@pytest.mark.parametrize(
    ("command", "number", "moment"),
    [
        ("make", signal.SIGINT, b"Deploy stack"),
        ("make", signal.SIGKILL, b"Wait until"),
        ("drill", signal.SIGTERM, b"Record the program"),
        ("server", signal.SIGHUP, b"ready"),
    ],
)
def test_nothing_survives_at_critical_moments(
    command: str, number: signal.Signals, moment: bytes, checkout: Path, tmp_path: Path
):
    with Run(command, checkout, tmp_path) as run:
        assert moment in run.watch(until=moment)
        assert run.processes(), "the control: running processes are found"
        run.process.send_signal(number)
        eventually(run.left_over, lambda found: not found)
        output = run.watch()
        assert b"As expected" not in output, "the drill was interrupted before its end"
        assert b"All checks passed" not in output, "the demo was interrupted before its end"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_survives_at_random_moments(command: str, seed: int, checkout: Path, tmp_path: Path):
    number = SIGNALS[seed % len(SIGNALS)]
    with Run(command, checkout, tmp_path) as run:
        run.watch(random.Random(f"{command} {seed}").uniform(0, 10))
        run.process.send_signal(number)
        # A killed server cannot remove the outputs file.
        kept = {str(tmp_path / "outputs.json")} if (command, number) == ("server", signal.SIGKILL) else set()
        eventually(run.left_over, lambda found: set(found) <= kept)
