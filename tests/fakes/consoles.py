"""A console over an observatory of a test's own, asked as an ASGI server asks it."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from localcloud.console.console import Console
from localcloud.observatory.paths import CONSOLE

HOST = "127.0.0.1:4580"


@dataclass(frozen=True, kw_only=True)
class Response:
    """What the console answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    console: Console,
    address: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Response:
    """Send a request for an address below the console's path."""
    parts = urlsplit(CONSOLE + address)
    given = {"host": HOST} | {name.lower(): value for name, value in (headers or {}).items()}
    scope = {
        "type": "http",
        "method": method,
        "path": parts.path,
        "query_string": parts.query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(console.serve(scope, receive, send))
    start, *parts_sent = sent
    return Response(
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        body=b"".join(part["body"] for part in parts_sent),
    )


def token_of(console: Console) -> str:
    """The token that the console's page contains."""
    found = re.search(r'name="console-token" content="([^"]+)"', ask(console, "").body.decode())
    assert found
    return found[1]


def post(console: Console, address: str, value: object, **headers: str) -> Response:
    """Change something as the console's own page does; headers replace its headers."""
    given = {"content-type": "application/json", "x-console-token": token_of(console)} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    return ask(console, address, method="POST", headers=given, body=json.dumps(value).encode())
