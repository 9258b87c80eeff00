"""A response is read as `http.client` reads it, or rejected; where it ends is never guessed."""

import socket
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.answers import BODY_BYTES_MAX, HEAD_BYTES_MAX, Answer, read_answer

GOOD = b"HTTP/1.1 200 OK\r\nServer: Server\r\nContent-Length: 4\r\nx-amz-crc32: 1\r\n\r\nbody"
VALUES = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters=[chr(code) for code in range(127, 160)])
)
FIELDS = st.dictionaries(st.from_regex("[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True), VALUES, max_size=5)


class Pieces:
    """A connection over which bytes come in pieces; then it ends."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def recv(self, size: int) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if piece[size:]:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    def recv_into(self, view: memoryview) -> int:
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)


def read(*pieces: bytes) -> Answer:
    connection: Any = Pieces(pieces)
    return read_answer(connection)


def read_by_the_library(response: bytes) -> tuple[int, dict[str, str], bytes, bool]:
    connection: Any = SimpleNamespace(makefile=lambda mode: BytesIO(response))
    theirs = HTTPResponse(connection, method="POST")
    theirs.begin()
    headers = {name.lower(): value.strip(" \t") for name, value in theirs.headers.items()}
    return theirs.status, headers, theirs.read(), theirs.will_close


@given(
    st.integers(200, 599).filter(lambda status: status not in (204, 304)),
    FIELDS,
    st.binary(max_size=40_000),
    st.sampled_from(["keep-alive", "close"]),
    st.integers(0, 50_000),
)
def test_response_is_read_as_by_the_library_in_however_many_pieces_it_comes(
    status: int, fields: dict[str, str], body: bytes, connection: str, cut: int
) -> None:
    fields = {name.lower(): value for name, value in fields.items() if not name.lower().startswith(("content", "tran"))}
    fields |= {"connection": connection, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    response = f"HTTP/1.1 {status} Any thing\r\n{head}\r\n".encode("latin-1") + body
    answer = read(response[:cut], response[cut:])
    assert (answer.status, answer.headers, answer.body, answer.is_last) == read_by_the_library(response)


def test_response_that_ends_early_is_rejected_wherever_it_ends() -> None:
    for end in range(len(GOOD)):
        with pytest.raises(HTTPException):
            read(GOOD[:end])


REJECTED = {
    "another protocol": GOOD.replace(b"HTTP/1.1", b"HTTP/2"),
    "an informational status": GOOD.replace(b"200", b"100"),
    "a status of four digits": GOOD.replace(b"200", b"2000"),
    "a folded line": GOOD.replace(b"Server: ", b"Server:\r\n "),
    "a blank before a colon": GOOD.replace(b"Length:", b"Length :"),
    "a line without a colon": GOOD.replace(b"Server: Server", b"Server"),
    "a bare LF": GOOD.replace(b"Server: Server\r\n", b"Server: Server\n"),
    "a bare CR": GOOD.replace(b"Server: Server\r\n", b"Server: Ser\rver\r\n"),
    "a zero byte": GOOD.replace(b"Server: Server", b"Server: \x00"),
    "no length": GOOD.replace(b"Content-Length: 4\r\n", b""),
    "two lengths": GOOD.replace(b"Content-Length: 4", b"Content-Length: 4\r\ncontent-length: 4"),
    "a signed length": GOOD.replace(b"Length: 4", b"Length: +4"),
    "a length in other digits": GOOD.replace(b"Length: 4", b"Length: \xb2"),
    "a length of many digits": GOOD.replace(b"Length: 4", b"Length: " + b"0" * 5000 + b"4"),
    "a length beyond the limit": GOOD.replace(b"Length: 4", b"Length: %d" % (BODY_BYTES_MAX + 1)),
    "chunks": GOOD.replace(b"Server: Server", b"Transfer-Encoding: chunked"),
    "an encoding": GOOD.replace(b"Server: Server", b"Content-Encoding: gzip"),
    "a head without an end": b"HTTP/1.1 200 OK\r\nServer: " + b"s" * 3 * HEAD_BYTES_MAX,
}


@pytest.mark.parametrize("response", REJECTED.values(), ids=REJECTED)
def test_response_of_another_form_is_rejected(response: bytes) -> None:
    with pytest.raises(HTTPException):
        read(response)


@pytest.mark.parametrize(
    ("response", "is_last"),
    [
        (GOOD, False),
        (GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"), True),
        (GOOD.replace(b"Server: Server", b"Connection: Keep-Alive, Close"), True),
        (GOOD + b"HTTP/1.1 200 OK\r\n", True),
    ],
    ids=["good", "HTTP/1.0", "close", "more than the answer"],
)
def test_connection_carries_another_request_only_after_exactly_one_answer(response: bytes, is_last: bool) -> None:
    answer = read(response)
    assert (answer.body, answer.is_last) == (b"body", is_last)


def test_real_socket_is_read_to_the_end_of_the_body_and_no_further() -> None:
    ours, theirs = socket.socketpair()
    body = b"b" * 100_000
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:50_000])
        theirs.sendall(body[50_000:])
        assert read_answer(ours).body == body
        theirs.sendall(GOOD)
        assert read_answer(ours).body == b"body"
