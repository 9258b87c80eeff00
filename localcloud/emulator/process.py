"""The AWS emulator the embedded cloud runs on, as a child process that ends with this one.

`Emulator.start()` runs `localcloud.emulator.server` on 127.0.0.1 with IAM enforced. When the parent stops it or is
killed, the child ends its function workers, removes its directory and exits.

What the emulator does not hold to, and what therefore no local run can prove:
- functions run on this machine's interpreter and inherit the emulator's environment and its site-packages, so a
  dependency missing from the artifact may import here and fail on AWS;
- the administrator's signature is not verified, and a request without any credentials is the administrator's:
  whoever can reach the port is. Execution roles' sessions are verified and held to their policies.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from localcloud import lifetime

ACCOUNT_ID = "123456789012"
DIRECTORY_PREFIX = "event-processing-cloud-"
API_PATH = "/_aws/execute-api/"
# Twice what the demo takes. Without it functions never start, and nobody says why.
SPACE_MEGABYTES = 120
START_SECONDS = 120  # on a busy machine; one that ends is noticed at once
ENDED = "The emulator ended by itself, and with it everything that was in it. Start it again."
ENDING_SECONDS = 0.2
STOP_SECONDS = 5


class EmulatorError(Exception):
    """One sentence saying why there is no emulator, and what mends it."""


class Emulator:
    """An empty AWS account on 127.0.0.1 that ends with this process, however this process ends."""

    def __init__(self, environment: dict[str, str], directory: Path, lock: int, process: subprocess.Popen[bytes]):
        self.endpoint = f"http://127.0.0.1:{environment['GATEWAY_PORT']}"
        self.region = environment["MINISTACK_REGION"]
        self.account_id = environment["MINISTACK_ACCOUNT_ID"]
        self.access_key_id = environment["AWS_ACCESS_KEY_ID"]
        self.secret_access_key = environment["AWS_SECRET_ACCESS_KEY"]
        self.directory = directory
        self._lock = lock
        self._process = process
        nowhere = dict.fromkeys(("profile", "config_file"), (None, None, None, None))
        self._session = boto3.Session(
            botocore_session=botocore.session.Session(session_vars=nowhere),
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
        )
        self._clients: dict[str, Any] = {}
        self._making_client = threading.Lock()

    @classmethod
    def start(cls, port: int | None = None, *, region: str = "eu-west-1") -> "Emulator":
        """Answer a running, empty emulator on `port` (None: any free one), or raise EmulatorError."""
        with _listen(port) as listener:
            directory, lock = _claim_directory()
            environment = _scrubbed_environment(listener.getsockname()[1], region, directory)
            with (directory / "emulator.log").open("wb") as log:
                process = lifetime.spawn(
                    [sys.executable, "-m", "localcloud.emulator.server", str(listener.fileno()), str(directory)],
                    cwd=Path(__file__).parents[2],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    # The child holds the lock too: nobody clears the directory while either of the two lives.
                    pass_fds=[listener.fileno(), lock],
                )
        emulator = cls(environment, directory, lock, process)
        try:
            emulator._wait_until_ready()
        except BaseException:
            emulator.stop()
            raise
        return emulator

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Whatever failed then, failed because of this.
        ended = kind is not None and issubclass(kind, Exception) and self._has_ended()
        self.stop()
        if ended:
            raise EmulatorError(ENDED) from None

    def _has_ended(self) -> bool:
        """Whether it is gone though nobody stopped it. Its port is closed a moment before that can be known."""
        try:
            self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self) -> None:
        """Return when the emulator's process has ended."""
        self._process.wait()

    def stop(self) -> None:
        """End the emulator and its function workers and remove their files. May be called twice."""
        lifetime.stop(self._process, seconds=STOP_SECONDS)
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def client(self, service: str) -> Any:
        """Answer a boto3 client of this emulator that ignores the profiles and proxies of whoever runs it."""
        with self._making_client:  # boto3 makes clients one at a time; a made one may be shared by threads
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service, endpoint_url=self.endpoint, config=Config(proxies={})
                )
            return self._clients[service]

    def api_url(self, api_id: str, stage: str) -> str:
        """Answer where a stage's REST API is served, as AWS's `invokeUrl` would say."""
        return f"{self.endpoint}{API_PATH}{api_id}/{stage}"

    def token_url(self) -> str:
        """Answer the OAuth token endpoint; the emulator tells the user pools apart by the client id."""
        return f"{self.endpoint}/oauth2/token"

    def _wait_until_ready(self) -> None:
        # The listener was open before the child began: the first request waits in its queue, no need to poll the port.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                opener.open(f"{self.endpoint}/_ministack/ready", timeout=deadline - time.monotonic())
                return
            time.sleep(0.02)
        said = (self.directory / "emulator.log").read_text(errors="replace").strip().splitlines()
        raise EmulatorError(f"The emulator did not start: {said[-1] if said else 'it said nothing'}.")


def _listen(port: int | None) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port or 0))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or "it is not between 0 and 65535"
        raise EmulatorError(
            f"Port {port} on 127.0.0.1 cannot be used: {reason}. Name a free one with --port, or none for any."
        ) from None
    listener.listen()
    return listener


def _claim_directory() -> tuple[Path, int]:
    """Clear what dead emulators left behind, then make a private directory and hold its lock."""
    root = Path(tempfile.gettempdir())
    for stale in root.glob(f"{DIRECTORY_PREFIX}*"):
        with contextlib.suppress(OSError), _opened(stale) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(stale, ignore_errors=True)
    left = shutil.disk_usage(root).free // 1_000_000
    if left < SPACE_MEGABYTES:
        raise EmulatorError(
            f"{root} has {left} MB left, and {SPACE_MEGABYTES} are needed: free some, or name another folder in TMPDIR."
        )
    while True:
        directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX))
        with contextlib.suppress(OSError):
            lock = os.open(directory, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Between its making and its locking, somebody else's clearing may have taken it for stale.
            if directory.exists():
                return directory, lock
            os.close(lock)


@contextlib.contextmanager
def _opened(directory: Path):
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _scrubbed_environment(port: int, region: str, directory: Path) -> dict[str, str]:
    """Answer the child's whole environment: function workers inherit it, so nothing of the caller's may be in it."""
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
        "IOT_MTLS_ENABLED": "0",  # or it listens on every interface
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nowhere",  # it would look for containers of its own to remove
        "AWS_ACCESS_KEY_ID": f"LOCAL{secrets.token_hex(8).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
