"""A table over real sockets that spoils the answers to some requests, in ways a network and a service can."""

import asyncio
import json
import socket
import ssl
import threading
import time
import zlib
from collections import deque
from contextlib import suppress
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from localcloud.models.table import TableModel

INSTEAD = {
    "throttle": (400, "ProvisionedThroughputExceededException"),
    "error 500": (500, "InternalServerError"),
    "signature": (400, "InvalidSignatureException"),
    "denied": (400, "AccessDeniedException"),
}
"""Errors in place of what the table answers; the request is not executed."""

AFTER = ("close after", "bad crc", "stall", "truncated", "huge", "no length", "encoded", "not JSON")
"""Answers that are spoiled after the table has executed the request."""

FAULTS = (*INSTEAD, "close before", *AFTER)


class FaultyTable:
    """The table on a free port. `faults` are used up, one per request; None is a good answer.

    `faults_of` are those of the writes of single users.

    The answers wait until `together` requests have come.
    """

    def __init__(self, name: str, context: ssl.SSLContext | None = None) -> None:
        self.table = TableModel(name)
        self.faults: deque[str | None] = deque()
        self.faults_of: dict[str, deque[str | None]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        # The instants of the requests.
        self.arrivals: list[float] = []
        self.connections: list[socket.socket] = []
        self.together = 0
        self._loop = asyncio.new_event_loop()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self._server = self._loop.run_until_complete(serving)
        self.port = self._server.sockets[0].getsockname()[1]
        # One thread for all connections, which runs before a test begins: see tests/fakes/threads.py.
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "FaultyTable":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def operations(self) -> list[str]:
        """The operations of the requests so far."""
        return [operation for operation, _ in self.requests]

    async def _close(self) -> None:
        # Connections that wait for the server are served first: one that is accepted only now would stay open.
        for _ in range(10):
            await asyncio.sleep(0)
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer.get_extra_info("socket"))
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False if the connection ends."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(": ") for line in head.split("\r\n")[1:-2]]
        headers = {name.lower(): value for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        operation = headers["x-amz-target"].rpartition(".")[2]
        self.requests.append((operation, headers))
        self.arrivals.append(time.time())
        while len(self.requests) < self.together:
            await asyncio.sleep(0)
        user_id = json.loads(body).get("Key", {}).get("user_id", {}).get("S")
        faults = self.faults_of.get(user_id) or self.faults
        fault = faults.popleft() if faults else None
        if fault == "close before":
            return False
        status, answer = self._answer(fault, operation, body)
        if fault == "close after":
            return False
        if fault == "stall":
            await reader.read(1)  # until the client gives up
            return False
        writer.write(_spoiled(fault, status, json.dumps(answer).encode()))
        await writer.drain()
        return fault not in ("truncated", "huge", "no length")

    def _answer(self, fault: str | None, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if fault in INSTEAD:
            status, code = INSTEAD[fault]
            return status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "Spoiled."}
        return answer_of(self.table, operation, body)


def answer_of(table: TableModel, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body with which DynamoDB answers a request."""
    try:
        return 200, getattr(table, xform_name(operation))(**json.loads(body))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return 400, {**error.response, "__type": f"com.amazonaws.dynamodb.v20120810#{code}"}


def _spoiled(fault: str | None, status: int, body: bytes) -> bytes:
    """The bytes of an answer; a good one without a fault."""
    length = 10**12 if fault == "huge" else len(body)
    if fault == "not JSON":
        body = b"{" * len(body)
    crc = zlib.crc32(body) ^ (fault == "bad crc")
    more = "" if fault == "no length" else f"Content-Length: {length}\r\n"
    more += "Content-Encoding: unheard-of\r\n" if fault == "encoded" else ""
    head = f"HTTP/1.1 {status} X\r\nx-amzn-RequestId: R\r\nx-amz-crc32: {crc}\r\n{more}\r\n"
    return head.encode() + (body[:-1] if fault == "truncated" else body)
