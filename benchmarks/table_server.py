"""The table of DynamoDB over HTTP, with a set latency and a count of requests.

The server runs in the measuring process, so that its cost is not part of the measurement.
"""

import asyncio
import json
import sys
import threading
import zlib
from collections import Counter
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from benchmarks.workload import TABLE, items
from localcloud.models.table import TableModel

LATENCY_SECONDS = 0.004


class TableServer:
    """A filled table on a free port; `requests` counts by operation."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.latency_seconds = 0.0
        self.connections = 0
        """How many were opened."""
        self.rejects: str | None = None
        """The error code of every response, if it is set."""
        self.reset()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        )
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "TableServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def reset(self) -> None:
        """Restore the initial table and counts."""
        self._table = TableModel(TABLE)
        for item in items():
            self._table.put_item(TableName=TABLE, Item=item)
        self.requests.clear()

    def respond(self, write: Any, response: bytes) -> None:
        """Write the response after the latency."""
        if self.latency_seconds:
            self._loop.call_later(self.latency_seconds, write, response)
        else:
            write(response)

    def handle(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The status and body of the response to a request."""
        self.requests[operation] += 1
        if self.rejects:
            return 400, {"__type": f"com.amazonaws#{self.rejects}", "message": self.rejects}
        try:
            return 200, getattr(self._table, xform_name(operation))(**json.loads(body))
        except ClientError as error:
            return 400, error.response | {"__type": f"com.amazonaws#{error.response['Error']['Code']}"}


class _Connection(asyncio.Protocol):
    """A keep-alive connection, with one request at a time."""

    def __init__(self, server: TableServer) -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._server.connections += 1
        self._write = transport.write  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        if len(body) < int(headers[b"content-length"]):
            return
        self._received = b""
        operation = headers[b"x-amz-target"].rpartition(b".")[2].decode()
        status, response = self._server.handle(operation, body)
        encoded = json.dumps(response).encode()
        self._server.respond(
            self._write,
            # The headers of DynamoDB, whose checksum clients verify.
            b"HTTP/1.1 %d OK\r\nServer: Server\r\nDate: Fri, 27 Nov 2026 12:00:00 GMT\r\n"
            b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\nConnection: keep-alive\r\n"
            b"x-amzn-RequestId: %s\r\nx-amz-crc32: %d\r\n\r\n%s"
            % (status, len(encoded), b"0" * 52, zlib.crc32(encoded), encoded),
        )


if __name__ == "__main__":
    # A table in a process of its own: prints where it is, and ends with its standard input.
    with TableServer() as alone:
        alone.latency_seconds = LATENCY_SECONDS
        print(alone.endpoint, flush=True)
        sys.stdin.read()
