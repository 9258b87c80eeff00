"""Servers on this machine that record what reaches them, and respond as a cloud, a proxy or a stranger would."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fakes.outputs import OUTPUTS

Respond = Callable[[str], tuple[int, dict[str, str], bytes]]
"""Status, headers and body of the response to a request of that path."""
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
NETRC = "default login a password b\n"
NETRC_AUTHORIZATION = "Basic YTpi"


@dataclass
class Received:
    """A request, with the header Authorization it had."""

    method: str
    path: str
    authorization: str


@dataclass
class Recorder:
    """The address of a server, and what reached it."""

    url: str
    received: list[Received] = field(default_factory=list)


def granting(path: str) -> tuple[int, dict[str, str], bytes]:
    """Respond as a cloud that grants tokens and knows no login, and whose other services deny access."""
    if path.startswith("/oauth2"):
        return 200, {}, json.dumps({"access_token": "granted", "expires_in": 3600}).encode()
    if path.startswith("/api"):
        return 200, {}, json.dumps({"user_id": "ada", "services": []}).encode()
    body = b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
    return 403, {"x-amzn-RequestId": "r", "x-amzn-ErrorType": "AccessDenied"}, body


def empty(path: str) -> tuple[int, dict[str, str], bytes]:
    """Respond with 200 and nothing in it, as another program on the port might."""
    return 200, {}, b"{}"


def bad_gateway(path: str) -> tuple[int, dict[str, str], bytes]:
    """Respond as a proxy whose server is gone."""
    return 502, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>"


@contextmanager
def recording(respond: Respond | None = granting) -> Iterator[Recorder]:
    """Serve on a free port of this machine until the block ends; without `respond`, never respond."""
    ended = Event()

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            recorder.received.append(Received(self.command, self.path, self.headers.get("Authorization", "")))
            if respond is None:
                self.close_connection = True
                ended.wait()
                return
            status, headers, body = respond(urlsplit(self.path).path)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_CONNECT = handle_request  # noqa: N815 (names of the base class)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorder = Recorder(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield recorder
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def outputs_at(url: str) -> dict[str, Any]:
    """Return the outputs of a stack in the embedded cloud at this address."""
    queues = {"queueUrl": f"{url}/0/events", "deadLetterQueueUrl": f"{url}/0/dead-letters"}
    api = {"apiUrl": f"{url}/api", "tokenUrl": f"{url}/oauth2/token"}
    account = {"endpoint": url, "region": "eu-west-1", "accessKeyId": "key", "secretAccessKey": "secret"}
    return OUTPUTS | queues | api | account


def make_hostile(home: Path, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process a user whose files and variables would break or redirect every request that obeys them."""
    (home / ".aws").mkdir(parents=True)
    (home / ".netrc").write_text(NETRC)
    (home / ".netrc").chmod(0o600)
    (home / ".aws" / "config").write_text("[not closed\n")
    (home / ".aws" / "credentials").write_text("neither is this")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    for name in PROXIES:
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.upper(), proxy)
    for name in ("no_proxy", "NO_PROXY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PROFILE", "DEFAULTS_MODE", "RETRY_MODE", "STS_REGIONAL_ENDPOINTS", "ACCOUNT_ID_ENDPOINT_MODE"):
        monkeypatch.setenv(f"AWS_{name}", "nope")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nope")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
