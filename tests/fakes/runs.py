"""A command as people run it, with a scratch directory by which its processes and files are found."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.processes import heard, living, with_environment
from tests.fakes.waiting import HANG_SECONDS


class Run:
    """A running command. Every process of it has the scratch directory in its environment, which Linux shows."""

    def __init__(self, command: Sequence[str], checkout: Path, scratch: Path) -> None:
        self.scratch = scratch
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        with heard(signal.SIGINT, signal.SIGHUP):
            self.process = subprocess.Popen(
                command,
                cwd=checkout,
                env=environment | {"TMPDIR": str(scratch)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        """Kill this run's processes even when the test fails."""
        for number in self.processes():
            os.kill(number, signal.SIGKILL)
        self.process.__exit__(None, None, None)

    def processes(self) -> list[int]:
        """Return the IDs of the living processes of this run."""
        return living(with_environment(f"TMPDIR={self.scratch}"))

    def watch(self, seconds: float = HANG_SECONDS, until: str | None = None) -> str:
        """Return what the run prints within the time, or until it has printed a text."""
        assert self.process.stdout is not None
        output = b""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and (until is None or until.encode() not in output):
                if selector.select(left):
                    chunk = os.read(self.process.stdout.fileno(), 65536)
                    if not chunk:
                        break
                    output += chunk
        return output.decode(errors="replace")  # it can end within a character

    def end(self) -> tuple[int, str, str]:
        """Wait for the end, and return the exit code, what was still unread, and the errors."""
        output, errors = self.process.communicate(timeout=HANG_SECONDS)
        return self.process.returncode, output.decode(), errors.decode()

    def left_over(self) -> list[str]:
        """Return the processes and files that are left."""
        self.process.poll()  # otherwise it stays as a zombie
        return [f"process {number}" for number in self.processes()] + [str(file) for file in self.scratch.iterdir()]
