"""The API through which Lambda and the functions of one execution environment talk: Runtime API and Extensions API.

As https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and runtimes-extensions-api.html describe it. Where
these are silent, AWS's emulator decides (https://github.com/aws/aws-lambda-runtime-interface-emulator): an extension
inside the runtime may not ask for the event SHUTDOWN, and nothing registers after the start.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUNTIME = "/2018-06-01/runtime"
EXTENSION = "/2020-01-01/extension"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:bench:live"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a function returned, or the error that its runtime reported."""

    seconds: float
    """From the moment at which the runtime could have it."""
    result: Any = None
    error: dict[str, Any] | None = None


@dataclass(kw_only=True)
class Invocation:
    """An event on its way through the runtime."""

    event: bytes
    trace: str
    deadline: float
    """Seconds of the epoch."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    delivered: bool = False
    started: float = field(default_factory=time.perf_counter)
    answer: Answer | None = None


@dataclass(kw_only=True)
class Extension:
    """What has registered, and the events it has yet to get."""

    name: str
    events: list[str]
    pending: list[dict[str, Any]] = field(default_factory=list)
    waits: bool = False


class RuntimeApi:
    """Serves one environment on a free port; every wait ends when the environment does."""

    def __init__(self) -> None:
        self.extensions: dict[str, Extension] = {}
        self.init_error: dict[str, Any] | None = None
        self._changed = threading.Condition()
        self._runtime_waits = False
        self._is_started = False
        self._ended = False
        self._current: Invocation | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Requests", (_Requests,), {"api": self}))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        """End the server and every wait."""
        self.end()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def end(self) -> None:
        """Say that the environment's process has ended."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        """Return true as soon as the runtime and all extensions wait for the next event, or false if they never do."""
        with self._changed:
            return self._wait(self._is_ready, timeout)

    def invoke(self, event: Any, *, trace: str, timeout: float) -> Answer | None:
        """What the function makes of the event, or None if its time is over or the environment has ended."""
        body = json.dumps(event).encode()
        with self._changed:
            if not self._wait(self._is_ready):
                return None
            invocation = Invocation(event=body, trace=trace, deadline=time.time() + timeout)
            self._current = invocation
            for extension in self.extensions.values():
                if "INVOKE" in extension.events:
                    extension.pending.append({"eventType": "INVOKE", "requestId": invocation.request_id})
            self._changed.notify_all()
            self._wait(lambda: invocation.answer is not None, timeout)
        return invocation.answer

    def _is_ready(self) -> bool:
        answered = self._current is None or self._current.answer is not None
        waits = self._runtime_waits and not self._ended
        extensions = self.extensions.values()
        return answered and waits and all(extension.waits and not extension.pending for extension in extensions)

    def _wait(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        self._changed.wait_for(lambda: self._ended or condition(), timeout)
        return condition()

    def next_invocation(self) -> Invocation | None:
        """The next event for the runtime, as soon as there is one."""
        with self._changed:
            self._runtime_waits = self._is_started = True
            self._changed.notify_all()
            if not self._wait(lambda: self._current is not None and not self._current.delivered):
                return None
            self._runtime_waits = False
            assert self._current is not None
            self._current.delivered = True
            return self._current

    def answered(self, request_id: str, *, result: Any = None, error: dict[str, Any] | None = None) -> bool:
        """Take the answer to the current event; false if that is another one."""
        with self._changed:
            current = self._current
            if current is None or current.request_id != request_id or current.answer is not None:
                return False
            current.answer = Answer(result=result, error=error, seconds=time.perf_counter() - current.started)
            self._changed.notify_all()
            return True

    def failed_to_start(self, error: dict[str, Any]) -> None:
        """Take the error of a start."""
        with self._changed:
            self.init_error = error
            self._changed.notify_all()

    def register(self, name: str, events: list[str]) -> str | None:
        """The identifier of a new extension; None if it may not register, or not for these events."""
        with self._changed:
            if self._is_started or not name or set(events) - {"INVOKE"}:
                return None
            identifier = str(uuid.uuid4())
            self.extensions[identifier] = Extension(name=name, events=events)
            return identifier

    def next_of_extension(self, identifier: str) -> dict[str, Any] | None:
        """The next event for an extension, as soon as there is one."""
        with self._changed:
            extension = self.extensions[identifier]
            extension.waits = True
            self._changed.notify_all()
            if not self._wait(lambda: bool(extension.pending)):
                return None
            extension.waits = False
            return extension.pending.pop(0)


class _Requests(BaseHTTPRequestHandler):
    """One connection."""

    api: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet, as a compiled server sends them

    def do_GET(self) -> None:
        """The next event, for the runtime or an extension."""
        if self.path == f"{RUNTIME}/invocation/next":
            if invocation := self.api.next_invocation():
                self._respond(200, invocation.event, _headers(invocation))
        elif self.path == f"{EXTENSION}/event/next":
            identifier = self.headers.get("Lambda-Extension-Identifier", "")
            if identifier not in self.api.extensions:
                self._reject("Extension.UnknownExtensionIdentifier")
            elif event := self.api.next_of_extension(identifier):
                self._respond(200, json.dumps(event).encode())
        else:
            self._respond(404)

    def do_POST(self) -> None:
        """An answer, an error, or a new extension."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        match self.path.removeprefix(RUNTIME).split("/"):
            case ["", "init", "error"]:
                self.api.failed_to_start(body)
                self._respond(202)
            case ["", "invocation", request_id, "response"]:
                self._respond(202 if self.api.answered(request_id, result=body) else 400)
            case ["", "invocation", request_id, "error"]:
                self._respond(202 if self.api.answered(request_id, error=body) else 400)
            case ["", "2020-01-01", "extension", "register"]:
                identifier = self.api.register(
                    self.headers.get("Lambda-Extension-Name", ""), (body or {}).get("events", [])
                )
                if identifier is None:
                    self._reject("Extension.InvalidEventType")
                else:
                    self._respond(200, b"{}", {"Lambda-Extension-Identifier": identifier})
            case _:
                self._respond(404)

    def _reject(self, error_type: str) -> None:
        self._respond(403, json.dumps({"errorType": error_type, "errorMessage": "See the type."}).encode())

    def _respond(self, status: int, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Print nothing."""


def _headers(invocation: Invocation) -> dict[str, str]:
    return {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Trace-Id": invocation.trace,
        "Lambda-Runtime-Deadline-Ms": str(round(invocation.deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
    }
