"""Reads an HTTP response of the plain form that DynamoDB sends: a head, and a body of the length that the head says.

`http.client` parses a head as the head of a mail, which took a quarter of an event's CPU, and loads slowly. What has
another form is an error here, so that botocore repeats the request: nothing is guessed about where a response ends.
"""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# DynamoDB cuts a response at 16 MB of items; their JSON notation is longer.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
BODY_BYTES_MAX: Final = 48 * 1024 * 1024
HEAD_BYTES_MAX: Final = 16 * 1024
RECEIVED_BYTES_MAX: Final = 64 * 1024
_HEAD: Final = re.compile(r"HTTP/1\.1 (200|[45][0-9]{2})(?: [ -~]*)?((?:\r\n[!#-'*+.0-9A-Z^_`a-z|~-]+:[\t -~]*)*)")
_LENGTH: Final = re.compile(r"[0-9]{1,9}")


class UnreadableError(OSError):
    """What was received is not a response, not the whole of it, or not one of the plain form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response that was received whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection can carry another request."""
        return self.headers.get("connection", "keep-alive").lower() == "keep-alive"


def read_answer(connection: socket.socket) -> Answer:
    """The next response; UnreadableError if it is not one of the plain form that DynamoDB's have."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > HEAD_BYTES_MAX:
            raise UnreadableError("The headers are too long.")
        _receive(connection, received)
    head = _HEAD.fullmatch(received[:end].decode("latin-1"))
    if head is None:
        raise UnreadableError("The headers are of another form than those of DynamoDB.")
    lines = [line.partition(":") for line in head[2].split("\r\n")[1:]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in lines}
    # What these say about the end of the body is for botocore to understand, and so is a header that comes twice.
    if len(headers) < len(lines) or "transfer-encoding" in headers or "content-encoding" in headers:
        raise UnreadableError("The body is encoded, or a header is repeated.")
    length = headers.get("content-length", "")
    if not _LENGTH.fullmatch(length) or int(length) > BODY_BYTES_MAX:
        raise UnreadableError("The body has no length, or is too long.")
    start = end + 4
    while len(received) < start + int(length):
        _receive(connection, received)
    if len(received) > start + int(length):
        raise UnreadableError("There is more than one response.")
    return Answer(status=int(head[1]), headers=headers, body=bytes(received[start:]))


def _receive(connection: socket.socket, received: bytearray) -> None:
    chunk = connection.recv(RECEIVED_BYTES_MAX)
    if not chunk:
        raise UnreadableError("The connection ended before the response did.")
    received += chunk
