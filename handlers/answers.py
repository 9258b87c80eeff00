"""Reads an HTTP response that has the one form DynamoDB uses: a head, and a body of the length that the head says.

`http.client` parses a head as the head of a mail, which took a quarter of an event's CPU. What has another form is an
error here, so that botocore repeats the request: nothing is guessed about where a response ends.
"""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

# DynamoDB cuts a response at 16 MB of items; their JSON notation is longer.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
BODY_BYTES_MAX: Final = 48 * 1024 * 1024
HEAD_BYTES_MAX: Final = 64 * 1024
_RECEIVED_BYTES: Final = 16 * 1024
# RFC 9112, 4 and 5: a status that ends the exchange, and fields on lines of their own. No folded line, blank before a
# colon, or bare CR or LF, which readers understand differently.
_HEAD: Final = re.compile(
    rb"HTTP/1\.([01]) ([2-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?"
    rb"((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*)"
)
_LENGTH: Final = re.compile(r"[0-9]{1,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response that was received whole; the names of `headers` are in lower case.

    `is_last` if its connection cannot carry another request.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_last: bool


def read_answer(connection: socket.socket) -> Answer:
    """The response to the one request that was sent; OSError or HTTPException if it does not come whole."""
    received = connection.recv(_RECEIVED_BYTES)
    while (end := received.find(b"\r\n\r\n")) < 0:
        more = connection.recv(_RECEIVED_BYTES)
        if not more or len(received) > HEAD_BYTES_MAX:
            raise HTTPException("The response has no head.")
        received += more
    head = _HEAD.fullmatch(received, 0, end)
    if head is None:
        raise HTTPException("The response has a head of another form.")
    headers: dict[str, str] = {}
    for line in head[3].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        # Two lengths are not a number.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    length = _LENGTH.fullmatch(headers.get("content-length", ""))
    if length is None or int(length[0]) > BODY_BYTES_MAX or {"content-encoding", "transfer-encoding"} & headers.keys():
        raise HTTPException("The response has no length, is too long, or is encoded.")
    start, size = end + 4, int(length[0])
    return Answer(
        status=int(head[2]),
        headers=headers,
        body=_body(connection, received[start:], size),
        # What comes after the end was not asked for.
        is_last=head[1] == b"0" or "close" in headers.get("connection", "").lower() or len(received) - start > size,
    )


def _body(connection: socket.socket, received: bytes, size: int) -> bytes:
    if len(received) >= size:
        return received[:size]
    body = bytearray(size)
    body[: len(received)] = received
    view, filled = memoryview(body), len(received)
    while filled < size:
        more = connection.recv_into(view[filled:])
        if not more:
            raise HTTPException("The response ends too early.")
        filled += more
    return bytes(body)
