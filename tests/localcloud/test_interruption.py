"""However and whenever make, the demo, its drill or the server ends, nothing of it is left soon afterwards."""

import random
import signal
import sys
from pathlib import Path

import pytest

from tests.fakes.runs import Run
from tests.fakes.waiting import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find processes")

COMMANDS = {
    "make": ["make", "-o", ".venv/.installed-demo", "demo"],  # no test installs anything
    "demo": [sys.executable, "-m", "localcloud", "demo"],
    "drill": [sys.executable, "-m", "localcloud", "drill", "consumer-stopped", "--out", "{scratch}/boards"],
    "simulated drill": [sys.executable, "-m", "simulation.drill"],
    "server": [sys.executable, "-m", "localcloud", "up", "--outputs", "{scratch}/outputs.json"],
}
KEPT_WHEN_KILLED = {"server": ("outputs.json", ".outputs.json.lock"), "drill": ("boards",)}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


def start(command: str, checkout: Path, scratch: Path) -> Run:
    return Run([word.format(scratch=scratch) for word in COMMANDS[command]], checkout, scratch)


@pytest.mark.parametrize(
    ("command", "number", "moment"),
    [
        ("make", signal.SIGINT, "Deploy stack"),
        ("make", signal.SIGKILL, "Wait until"),
        ("drill", signal.SIGINT, "Send events until"),
        pytest.param("drill", signal.SIGINT, "Wait for a page", marks=pytest.mark.soak),  # half a minute later
        ("simulated drill", signal.SIGTERM, "Record the program"),
        ("server", signal.SIGHUP, "ready"),
    ],
)
def test_nothing_survives_at_critical_moments(
    command: str, number: signal.Signals, moment: str, checkout: Path, tmp_path: Path
):
    with start(command, checkout, tmp_path) as run:
        assert moment in run.watch(until=moment)
        assert run.processes(), "the control: running processes are found"
        run.process.send_signal(number)
        eventually(run.left_over, lambda found: not found)
        output = run.watch()
        assert "As expected" not in output, "the drill was interrupted before its end"
        assert "As the simulation expects" not in output, "the drill was interrupted before its end"
        assert "All checks passed" not in output, "the demo was interrupted before its end"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_survives_at_random_moments(command: str, seed: int, checkout: Path, tmp_path: Path):
    number = SIGNALS[seed % len(SIGNALS)]
    with start(command, checkout, tmp_path) as run:
        run.watch(random.Random(f"{command} {seed}").uniform(0, 10))
        run.process.send_signal(number)
        # What is killed cannot remove what it has claimed.
        claimed = KEPT_WHEN_KILLED.get(command, ()) if number == signal.SIGKILL else ()
        kept = {str(tmp_path / name) for name in claimed}
        eventually(run.left_over, lambda found: set(found) <= kept)
