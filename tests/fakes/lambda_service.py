"""Lambda's side of a process: the Extensions API, and how an environment ends.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Lambda's is half a second, which a busy machine may need to wake a process.
PATIENCE_SECONDS = 60


class LambdaService:
    """Registers internal extensions, which may register for the event Invoke only, and lets them wait."""

    def __init__(self) -> None:
        self.registered: list[tuple[str, list[str]]] = []
        self.waits = threading.Event()
        self._ended = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                is_allowed = self.path == "/2020-01-01/extension/register" and set(body["events"]) <= {"INVOKE"}
                self.send_response(200 if is_allowed else 403)
                if is_allowed:
                    service.registered.append((self.headers["Lambda-Extension-Name"], body["events"]))
                    self.send_header("Lambda-Extension-Identifier", "identifier")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def do_GET(self) -> None:
                assert (self.path, self.headers["Lambda-Extension-Identifier"]) == (
                    "/2020-01-01/extension/event/next",
                    "identifier",
                )
                service.waits.set()
                service._ended.wait()  # no event was registered for

            def log_message(self, format: str, *_: Any) -> None: ...  # noqa: A002

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["LambdaService"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def end(self, process: "subprocess.Popen[str]") -> None:
        """End the environment: with SIGTERM, and some time, if an extension is registered; else at once."""
        if self.registered:
            # Without this, Lambda would not have invoked the function.
            assert self.waits.wait(PATIENCE_SECONDS)
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)
        process.kill()
