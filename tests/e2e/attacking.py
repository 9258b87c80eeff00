"""Sends an attack byte for byte, and finds what its response reveals."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.fakes.waiting import HANG_SECONDS
from tools.attacks import UNDOCUMENTED, Attack

TREASURE = "Treasure of the victim"
"""The name of the victim's only service."""
INSIDE_DETAILS = ("traceback", "exception", "arn:", "amazonaws", "boto", "dynamodb", "lambda", "handler", "python")


@dataclass(frozen=True)
class Answer:
    """The response to an attack."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(api_url: str, attack: Attack, token: str | None) -> Answer:
    """Send an attack byte for byte, as no well-behaved client would."""
    address = urlsplit(api_url)
    lines = [
        b" ".join([attack.method.encode(), address.path.encode() + attack.target, b"HTTP/1.1"]),
        b"Host: " + address.netloc.encode(),
        b"Connection: close",
        *attack.headers,
    ]
    if token is not None:
        lines.append(b"Authorization: Bearer " + token.encode())
    with socket.create_connection((address.hostname or "", address.port or 80), timeout=HANG_SECONDS) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        response = http.client.HTTPResponse(connection, method=attack.method)
        response.begin()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def find_leaks(attack: Attack, token: str | None, answer: Answer) -> Iterator[str]:
    """Return what is wrong with a response, in sentences."""
    text = answer.body.decode()
    if answer.status != attack.here:
        yield f"the status is {answer.status}, not {attack.here}"
    if TREASURE in text:
        yield "it contains the data"
    if "set-cookie" in answer.headers:
        yield "it sets a cookie"
    yield from (f"it reveals {detail}" for detail in INSIDE_DETAILS if detail in text.lower())
    if answer.status == 200:
        if json.loads(text) != {"user_id": attack.user_id, "services": []}:
            yield "it is not the record of a user without services"
        if answer.headers["content-type"].partition(";")[0] != "application/json":
            yield f"a browser would render it as {answer.headers['content-type']}"
        return
    sent = {part for part in (token, attack.user_id, attack.target.decode()) if part and len(part) > 2}
    if any(part in text for part in sent):
        yield "it repeats the request"
    # A load balancer that rejects a malformed request line may send an empty body.
    may_be_empty = attack.method == "HEAD" or (attack.aws == UNDOCUMENTED and not text)
    if not may_be_empty and json.loads(text).keys() != {"message", "request_id"}:
        yield f"it is not our error response: {text}"
