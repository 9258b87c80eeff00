"""Responses are read as the standard library reads them, or not at all."""

import io
import re
from collections.abc import Mapping
from http.client import HTTPResponse
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import answers
from handlers.answers import Answer, UnreadableError

GOOD = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: R\r\nContent-Length: 2\r\n\r\n{}"
PIECES = (
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 204 X\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    *(b"HTTP/1.1 400\r\n", b"Content-Length: 2\r\n", b"content-length:\t3 \r\n", b"Content-Length: +2\r\n"),
    *(b"Content-Length : 2\r\n", b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n", b"Connection: close\r\n"),
    *(b"Connection: keep-alive\r\n", b"X: a", b": b", b" folded\r\n", b"{}"),
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b"\x85", b"\xa0"),
)  # fmt: skip
"""Parts of responses, some of which have led readers to different understandings."""


def read(data: bytes, chunk: int = 65536) -> Answer:
    stream = io.BytesIO(data)
    received: Any = SimpleNamespace(recv=lambda _: stream.read(chunk))
    return answers.read_answer(received)


def read_by_the_standard_library(data: bytes) -> tuple[int, Mapping[str, str], bytes, bool]:
    response = HTTPResponse(SimpleNamespace(makefile=lambda _: io.BytesIO(data)), method="POST")  # pyrefly: ignore[bad-argument-type]
    response.begin()
    headers = {name.lower(): value.strip(" \t") for name, value in response.headers.items()}
    return response.status, headers, response.read(), not response.will_close


def assert_read_alike(data: bytes, chunk: int) -> None:
    try:
        answer = read(data, chunk)
    except UnreadableError:
        return
    status, headers, body, keeps_alive = read_by_the_standard_library(data)
    assert (answer.status, answer.headers, answer.body) == (status, headers, body)
    assert keeps_alive or not answer.keeps_alive


@pytest.mark.parametrize("examples", [200, pytest.param(20_000, marks=pytest.mark.soak)])
def test_what_is_read_is_what_the_standard_library_reads(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(
        st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join),
        st.integers(0, len(GOOD)),
        st.integers(0, 4),
        st.integers(1, 80),
    )
    def spoil(pieces: bytes, position: int, dropped: int, chunk: int) -> None:
        assert_read_alike(pieces, chunk)
        assert_read_alike(GOOD[:position] + pieces + GOOD[position + dropped :], chunk)

    spoil()


UNREADABLE = {
    "no length": (b"Content-Length: 2\r\n", b""),
    "two lengths": (b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n"),
    "length that is no number": (b"Length: 2", b"Length: 2x"),
    "longer than DynamoDB's": (b"Length: 2", b"Length: 50331649"),
    "shorter than announced": (b"{}", b"{"),
    "longer than announced": (b"{}", b"{}{}"),
    "in chunks": (b"Content-Length: 2", b"Content-Length: 2\r\nTransfer-Encoding: chunked"),
    "encoded": (b"Content-Length: 2", b"Content-Length: 2\r\nContent-Encoding: gzip"),
    "without an end of the headers": (b"\r\n\r\n", b"\r\n" + b"x: y\r\n" * 3000),
    "without a body": (b"200", b"204"),
    "provisional": (b"200", b"100"),
    "of an older protocol": (b"1.1", b"1.0"),
    "no response": (b"HTTP", b"SSH"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_response_of_another_form_is_not_read(what: str) -> None:
    assert read(GOOD).body == b"{}"
    with pytest.raises(UnreadableError):
        read(GOOD.replace(*UNREADABLE[what]))


def test_response_too_long_is_not_even_received() -> None:
    def receive(_: int) -> bytes:
        assert not received, "The body was awaited."
        received.append(GOOD.replace(b"Length: 2", b"Length: 50331649"))
        return received[0]

    received: list[bytes] = []
    with pytest.raises(UnreadableError):
        answers.read_answer(SimpleNamespace(recv=receive))  # pyrefly: ignore[bad-argument-type]


@pytest.mark.parametrize(
    ("data", "pattern"),
    [
        (GOOD.replace(b"R\r\n", b"R\r\n folded: 1\r\n"), r"HTTP/1.1 ([0-9]+)[^\r\n]*((?:\r\n[^:]+:[^\r\n]*)*)"),
        (GOOD.replace(b"R\r\n", b"R\nX: 1\r\n"), r"HTTP/1.1 ([0-9]+)[^\r\n]*((?:\r\n[^:]+:[^\r]*)*)"),
        (GOOD.replace(b"200", b"204"), r"HTTP/1.1 ([0-9]+)[^\r\n]*((?:\r\n[a-zA-Z-]+:[^\r\n]*)*)"),
    ],
    ids=["folded", "bare line feed", "no body"],
)
def test_control_reader_that_is_less_strict_is_caught(
    data: bytes, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_read_alike(data, 80)
    monkeypatch.setattr(answers, "_HEAD", re.compile(pattern))
    with pytest.raises(AssertionError):
        assert_read_alike(data, 80)
