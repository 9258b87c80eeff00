"""The table over a socket, for requests that do not pass botocore."""

import json
import threading
from collections import Counter
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localcloud.models.table import TableModel
from tests.fakes.faulty_table import answer_of
from tests.privacy.wire import Wire


class ServedTable:
    """The table `name` on a free port; what `wire` responds takes precedence, and what it raises ends a connection."""

    def __init__(self, name: str, wire: Wire) -> None:
        self.requests: Counter[str] = Counter()
        self._table = TableModel(name)
        self._wire = wire
        # Requests come from several threads, and are atomic.
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Request, self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ServedTable":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def respond(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body of the response; exceptions of the wire pass through."""
        self.requests[operation] += 1
        carry_out = partial(self._carry_out, operation, body)
        return self._wire.respond(operation, carry_out) or carry_out()

    def _carry_out(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        with self._lock:
            return answer_of(self._table, operation, body)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, table: ServedTable, *arguments: Any) -> None:
        self._table = table
        super().__init__(*arguments)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            status, answer = self._table.respond(self.headers["x-amz-target"].rpartition(".")[2], body)
        except Exception:  # noqa: BLE001 - whatever fails in the wire, the client has no response
            self.close_connection = True
            return
        content = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"x-amzn-RequestId": "0123456789", "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 (the name is http.server's)
        """Nothing: the process's standard error belongs to the function."""
