"""A console over an observatory of a test's own, asked as an ASGI server asks it."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from localcloud.console.console import Console
from localcloud.observatory.alarm_parameters import read_metric_alarm
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.paths import CONSOLE

HOST = "127.0.0.1:4580"
START = 1_767_225_600  # 2026-01-01T00:00:00Z
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"
NAME = "event-processing-dev-consumer-down"


def parameters(name: str = NAME, **more: Any) -> dict[str, Any]:
    topic = "arn:aws:sns:eu-west-1:123456789012:event-processing-dev-alerts-p1"
    return {
        "AlarmName": name,
        "AlarmDescription": "Nothing is consumed.",
        "Namespace": "App",
        "MetricName": "Failed",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [topic],
    } | more


def put(observatory: Observatory, **more: Any) -> None:
    given = parameters(**more)
    observatory.alarms.put(read_metric_alarm(given), given, ARN + given["AlarmName"])


def observed() -> Observatory:
    """An observatory with an alarm, on a clock that is stepped."""
    observatory = Observatory(SteppedClock(START))
    put(observatory)
    return observatory


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
