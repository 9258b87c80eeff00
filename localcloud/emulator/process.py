"""The AWS emulator, as a child process that ends with this one.

`Emulator.start()` runs `localcloud.emulator.server` on 127.0.0.1 with IAM enforced. When the parent stops it or is
killed, the child ends its function workers, removes its directory and exits.

The emulator differs from AWS in two ways, so no local run can prove these points:
- Functions run on this machine's interpreter and inherit the emulator's environment and its site-packages. A
  dependency that is missing from the artifact may import here and fail on AWS.
- The administrator's signature is not verified, and a request without credentials has the administrator's rights, so
  every process that reaches the port has them. Sessions of execution roles are verified and restricted to their
  policies.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import lifetime
from localcloud.emulator.connection import Account, Connection
from localcloud.observatory.faults import Faults
from localcloud.observatory.paths import ADVANCE, CODE, FAULTS, KEY_HEADER, STACK

ACCOUNT_ID = "123456789012"
DIRECTORY_PREFIX = "event-processing-cloud-"
KEY_ID_PREFIX = "LOCAL"
# Twice what the demo needs. With too little space, functions never start and nothing reports why.
SPACE_MEGABYTES = 120
START_SECONDS = 120  # on a busy machine; an emulator that ends is noticed at once
ENDED = "The emulator ended unexpectedly, and its contents are lost. Start it again."
ENDING_SECONDS = 0.2
STOP_SECONDS = 5


class EmulatorError(Exception):
    """Why there is no emulator, and how to fix it."""


class Emulator(Account):
    """An empty AWS account on 127.0.0.1 that ends with this process, however this process ends."""

    def __init__(self, environment: dict[str, str], scratch: "_Scratch", process: subprocess.Popen[bytes]):
        super().__init__(
            Connection(
                endpoint=f"http://127.0.0.1:{environment['GATEWAY_PORT']}",
                region=environment["MINISTACK_REGION"],
                account_id=environment["MINISTACK_ACCOUNT_ID"],
                access_key_id=environment["AWS_ACCESS_KEY_ID"],
                secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            )
        )
        self.directory = scratch.path
        self._scratch = scratch
        self._process = process

    @classmethod
    def start(
        cls,
        port: int | None = None,
        *,
        usual_port: int | None = None,
        region: str = "eu-west-1",
        options: Sequence[str] = (),
    ) -> "Emulator":
        """Return a running, empty emulator on `port`, or raise EmulatorError.

        Without a port, it runs on the usual port if there is one and it is free, and otherwise on any free port.
        `localcloud.emulator.observed.observatory_for` describes the options.
        """
        emulator = cls.starting(port, usual_port=usual_port, region=region, options=options)
        try:
            emulator.wait_until_ready()
        except BaseException:
            emulator.stop()
            raise
        return emulator

    @classmethod
    def starting(
        cls, port: int | None, *, usual_port: int | None, region: str, options: Sequence[str] = ()
    ) -> "Emulator":
        """Return an emulator that is not ready yet, for a caller that prepares something meanwhile and then waits."""
        with _listen_at(port, usual_port) as listener:
            scratch = _claim_scratch()
            environment = _scrubbed_environment(listener.getsockname()[1], region, scratch.path)
            with (scratch.path / "emulator.log").open("wb") as log:
                process = lifetime.spawn(
                    [
                        *(sys.executable, "-m", "localcloud.emulator.server"),
                        *(str(listener.fileno()), str(scratch.path), *options),
                    ],
                    cwd=Path(__file__).parents[2],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    # The child inherits the lock: no other emulator clears the directory while either process lives.
                    pass_fds=[listener.fileno(), scratch.lock],
                )
        return cls(environment, scratch, process)

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # An error inside the block was caused by the end of the emulator.
        ended = kind is not None and issubclass(kind, Exception) and self._has_ended()
        self.stop()
        if ended:
            raise EmulatorError(ENDED) from None

    def _has_ended(self) -> bool:
        """Whether the process has ended by itself. Its port closes a moment before it ends, hence the wait."""
        try:
            self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self) -> None:
        """Return when the emulator's process has ended."""
        self._process.wait()

    def advance(self, seconds: float) -> None:
        """Let time pass on a stepped clock; when this returns, every minute that has ended is observed."""
        self._post(f"{ADVANCE}?seconds={seconds:g}")

    def inject(self, faults: Faults) -> None:
        """Let these faults happen from now on, and no others."""
        self._post(FAULTS, faults.to_json())

    def show_code_notice(self, notice: Mapping[str, Any]) -> None:
        """Let the console show what became of an edit of the functions' code; raises OSError."""
        self._post(CODE, json.dumps(notice).encode())

    def show_stack(self, project: Path, outputs: Mapping[str, Any]) -> None:
        """Let the console use the stack that was deployed: its API, and the operator's commands; raises OSError."""
        self._post(STACK, json.dumps({"project": str(project), "outputs": outputs}).encode())

    def _post(self, path: str, body: bytes = b"") -> None:
        headers = {KEY_HEADER: self.secret_access_key}
        request = urllib.request.Request(f"{self.endpoint}{path}", body, headers)  # noqa: S310 - its own endpoint
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=START_SECONDS).close()

    def stop(self) -> None:
        """Stop the emulator and its function workers and remove their files. May be called twice."""
        lifetime.stop(self._process, seconds=STOP_SECONDS)
        self._scratch.remove()

    def wait_until_ready(self) -> None:
        """Return when it answers, or raise EmulatorError if it ends or takes too long."""
        # The listener was open before the child started, so the first request waits in its queue.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                opener.open(f"{self.endpoint}/_ministack/ready", timeout=deadline - time.monotonic())
                return
            time.sleep(0.02)
        lines = (self.directory / "emulator.log").read_text(errors="replace").strip().splitlines()
        raise EmulatorError(f"The emulator did not start: {lines[-1] if lines else 'it logged nothing'}.")


def _listen_at(port: int | None, usual_port: int | None) -> socket.socket:
    """Listen on the port, or, without one, on the usual port if that is free."""
    if port is None and usual_port is not None:
        with contextlib.suppress(EmulatorError):
            return _listen(usual_port)
    return _listen(port)


def _listen(port: int | None) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port or 0))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or "it is not between 0 and 65535"
        raise EmulatorError(
            f"Port {port} on 127.0.0.1 cannot be used: {reason}. Choose a free port with --port, or omit --port."
        ) from None
    listener.listen()
    return listener


@dataclass
class _Scratch:
    """A private directory and the lock that marks it as used."""

    path: Path
    lock: int

    def remove(self) -> None:
        """Remove the directory and release its lock. May be called twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1


def _claim_scratch() -> _Scratch:
    """Remove the directories of dead emulators, then create and lock a directory."""
    root = Path(tempfile.gettempdir())
    for stale in root.glob(f"{DIRECTORY_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(stale, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(stale, ignore_errors=True)
            finally:
                os.close(lock)
    free = shutil.disk_usage(root).free // 1_000_000
    if free < SPACE_MEGABYTES:
        raise EmulatorError(
            f"{root} has {free} MB of free space, but {SPACE_MEGABYTES} MB are needed. "
            "Free some space, or set TMPDIR to another folder."
        )
    while True:
        directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX))
        with contextlib.suppress(OSError):
            lock = os.open(directory, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Before it was locked, another emulator may have removed it as stale.
            if directory.exists():
                return _Scratch(directory, lock)
            os.close(lock)


def _scrubbed_environment(port: int, region: str, directory: Path) -> dict[str, str]:
    """Return the child's whole environment. Function workers inherit it, so it contains nothing of the caller's."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return environment | {
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "s3"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "localhost",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": region,
        "LOG_LEVEL": "ERROR",
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",  # otherwise it listens on every interface
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nowhere",  # otherwise it looks for containers to remove
        "AWS_ACCESS_KEY_ID": f"{KEY_ID_PREFIX}{secrets.token_hex(8).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
