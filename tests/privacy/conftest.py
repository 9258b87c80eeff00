import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.emf import read_output
from tests.fakes.events import TRACE
from tests.fakes.lambda_variables import LEARNED
from tests.privacy.wire import MARK

ROOT = Path(__file__).parents[2]
END = b"end"
# Controls that break one process together.
LOUD_AND_OPEN = ("logs at the level of the runtime", "leaves running calls open")
SIDETRACKED = ("forgets the trace in threads", "measures by user")


class Daemon:
    """Listens on the X-Ray daemon's port, and keeps every datagram: the kernel's buffer alone would overflow."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._heard: list[bytes] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while (datagram := self._socket.recv(65536)) != END:
            self._heard.append(datagram)

    def close(self) -> list[dict[str, Any]]:
        """Every segment sent before the call: datagrams over the loopback arrive in order."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(END, self._socket.getsockname())
        self._thread.join()
        self._socket.close()
        return [json.loads(datagram.split(b"\n", 1)[1]) for datagram in self._heard]


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Runs a function through every path, once, in its own process; named controls break the function first."""
    known: dict[tuple[str, ...], SimpleNamespace] = {}

    def run_once(function: str, *controls: str) -> SimpleNamespace:
        if (function, *controls) not in known:
            known[function, *controls] = _run(function, controls, tmp_path_factory.mktemp(function))
        return known[function, *controls]

    return run_once


def _run(function: str, controls: Sequence[str], scratch: Path) -> SimpleNamespace:
    """Everything that the function's process put out."""
    daemon = Daemon()
    result = scratch / "result.json"
    environment = {
        "PATH": os.environ["PATH"],
        "TABLE_NAME": "t",
        "MAX_RECEIVE_COUNT": "5",
        "STACK": "dev",
        "VERSION": "1",
        # An operator can set it while looking for a fault; the functions are deployed at INFO.
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": f"{MARK}-secret",
        "AWS_SESSION_TOKEN": f"{MARK}-session",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_XRAY_DAEMON_ADDRESS": daemon.address,
        "LAMBDA_TASK_ROOT": str(scratch),
        # One function starts with botocore, which logs what it signs, and the other one without.
        **(LEARNED if function == "event-handler" else {}),
    }
    command = [sys.executable, "-W", "error", "-m", "tests.privacy.paths", function, str(result), *controls]
    try:
        finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    finally:
        segments = daemon.close()
    assert finished.returncode == 0, finished.stderr
    assert {segment["trace_id"] for segment in segments} <= {TRACE[5:40]}
    out, seen = read_output(finished.stdout), json.loads(result.read_text())
    return SimpleNamespace(out=out, err=finished.stderr, segments=segments, **seen)
