"""The process in which a Pulumi program runs. It imports Pulumi before the caller knows what the program needs."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import lifetime

STOP_SECONDS = 5
# Of the user's environment, the program gets nothing that is meant for the Pulumi CLI or for AWS.
FOREIGN_VARIABLES = ("PULUMI_", "AWS_")
# gRPC obeys proxies. This exception is gRPC's own: pip, which the program runs, may need the proxies.
OWN_VARIABLES = {"no_grpc_proxy": "127.0.0.1", "PYTHONSAFEPATH": ""}


@dataclass(frozen=True)
class Ended:
    """How the program ended."""

    returncode: int
    stderr: str
    expired: bool


class ProgramProcess:
    """A process that runs one program, once it is told which, and that never outlives this process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it with `environment` and the variables of this process, except Pulumi's own and those of AWS."""
        variables = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN_VARIABLES)}
        self._stderr = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (`stop` closes it)
        self._child = lifetime.spawn(
            [sys.executable, "-u", "-m", "localcloud.deployer.language_host"],
            cwd=Path(__file__).parents[2],
            env=variables | OWN_VARIABLES | dict(environment),
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            errors="replace",
        )

    def __enter__(self) -> "ProgramProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it, whether it runs a program or not. May be called twice."""
        lifetime.stop(self._child, seconds=STOP_SECONDS)
        for stream in (self._child.stdout, self._stderr):
            if stream is not None:
                stream.close()

    def run(self, request: Mapping[str, Any], on_line: Callable[[str], None], deadline_seconds: float) -> Ended:
        """Run the program to its end or the deadline; each line of its standard output goes to `on_line`."""
        child, expired = self._child, threading.Event()

        def expire() -> None:
            expired.set()
            lifetime.stop(child, seconds=STOP_SECONDS)

        deadline = threading.Timer(deadline_seconds, expire)
        deadline.daemon = True  # a signal can arrive before it can be cancelled, and this process then ends
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            deadline.start()
            with suppress(BrokenPipeError):  # it has ended already; its exit code tells
                _write(child.stdin.fileno(), f"{json.dumps(request)}\n".encode())
            for line in child.stdout:
                on_line(line.rstrip("\n"))
            exit_code = child.wait()
        finally:
            deadline.cancel()
            if deadline.is_alive():
                deadline.join()
            lifetime.stop(child, seconds=STOP_SECONDS)
        self._stderr.seek(0)
        return Ended(exit_code, self._stderr.read().strip(), expired.is_set())


def _write(descriptor: int, content: bytes) -> None:
    """Write everything, past Python's buffer, which would try once more when it is closed."""
    while content:
        content = content[os.write(descriptor, content) :]
