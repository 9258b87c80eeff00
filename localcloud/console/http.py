"""What every request to the console must satisfy, and what every answer of it says.

The page is for this machine alone. A page of another origin cannot read an answer, because none allows another origin,
and cannot change anything, because a change needs the token that only the console's own page contains.
"""

import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")
TOKEN_HEADER = "x-console-token"  # noqa: S105 - the header's name
BODY_MAX_BYTES = 10_000
QUERY_MAX_BYTES, FIELDS_MAX = 4_000, 12
HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
HEADERS = {
    "Cache-Control": "no-store",
    # Plotly adds style elements, and widgets are placed by style attributes; no style can load anything.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class HttpError(Exception):
    """A request that cannot be served: the status, and a sentence for the user."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A complete response."""

    body: bytes
    kind: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, send: Any) -> None:
        """Send it with the headers that every answer has."""
        headers = HEADERS | {"Content-Type": self.kind, "Content-Length": str(len(self.body))} | dict(self.headers)
        await send({"type": "http.response.start", "status": int(self.status), "headers": encoded(headers)})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True)
class Change:
    """What a POST of the console's own page does, and how large it may be. It may wait: it has a thread."""

    make: Callable[[dict[str, Any]], Answer]
    bytes_max: int = BODY_MAX_BYTES


def answer_json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """An answer with a JSON value."""
    return Answer(body=json.dumps(value, separators=(",", ":")).encode(), status=status)


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def require_local(scope: Mapping[str, Any]) -> None:
    """Reject a name of another host that resolves to this machine: its pages must not read this one."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not LOCAL_HOST.fullmatch(hosts[0]):
        raise HttpError(HTTPStatus.FORBIDDEN, "Open http://127.0.0.1 instead.")


def parameters(scope: Mapping[str, Any], *known: str) -> dict[str, str]:
    """The query's parameters; HttpError for one that is unknown, repeated or no UTF-8."""
    query = scope["query_string"]
    if len(query) > QUERY_MAX_BYTES:
        raise HttpError(HTTPStatus.BAD_REQUEST, "The query is too long.")
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise HttpError(HTTPStatus.BAD_REQUEST, "The query cannot be read.") from None
    found = dict(pairs)
    if len(found) != len(pairs) or not found.keys() <= set(known):
        allowed = ", ".join(known) or "none"
        raise HttpError(HTTPStatus.BAD_REQUEST, f"A parameter is unknown or repeated. Parameters: {allowed}.")
    return found


def required(given: Mapping[str, str], name: str) -> str:
    """A parameter; HttpError if it is not among those that are given."""
    if name not in given:
        raise HttpError(HTTPStatus.BAD_REQUEST, f"Parameter {name} is missing.")
    return given[name]


async def posted(
    scope: Mapping[str, Any], receive: Any, token: str, *, bytes_max: int = BODY_MAX_BYTES
) -> dict[str, Any]:
    """The JSON object of a request that the console's own page sent; HttpError for any other request."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    if origin is not None and origin != f"http://{headers.get(b'host')}":
        raise HttpError(HTTPStatus.FORBIDDEN, "A page of another origin cannot change anything.")
    given = headers.get(TOKEN_HEADER.encode(), "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise HttpError(HTTPStatus.FORBIDDEN, "The cloud was started again. Reload the page.")
    if headers.get(b"content-type") != JSON:
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON.")
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
        if not message.get("more_body"):
            break
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HttpError(HTTPStatus.BAD_REQUEST, "Send a JSON object.")
    return value
