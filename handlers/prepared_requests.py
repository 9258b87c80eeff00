"""Requests to DynamoDB without botocore, learned from one that botocore built: where they go and how they look."""

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit
from urllib.request import getproxies

from handlers.signing import FrozenCredentials, Signer

_TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
# The headers of a request as botocore builds it; one that is not here belongs to a feature that we do not know.
_LEARNED: Final = frozenset({"x-amz-target", "content-type", "user-agent", "x-amz-date", "authorization"})
_KNOWN: Final = _LEARNED | {
    *("x-amz-security-token", "amz-sdk-invocation-id", "amz-sdk-request", "content-length", "x-amzn-trace-id")
}


class _BuiltError(Exception):
    """The request is built, and must not be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where requests go."""

    host: str
    port: int
    is_encrypted: bool


class PreparedRequests:
    """Writes requests as `sample` is written, signed with the credentials of the moment.

    `sample` was built by botocore; ValueError if a request of ours with the same content would not be signed equally.
    """

    def __init__(
        self,
        sample: Any,
        credentials: Callable[[], FrozenCredentials],
        *,
        now: Callable[[], time.struct_time] = time.gmtime,
    ) -> None:
        headers = {name.lower(): _text(value) for name, value in sample.headers.items()}
        url = urlsplit(_text(sample.url))
        if sample.method != "POST" or (url.path, url.query) != ("/", "") or not _LEARNED <= set(headers) <= _KNOWN:
            raise ValueError("This is not a request that we know.")
        self.endpoint = Endpoint(
            host=url.hostname or "",
            port=url.port or (443 if url.scheme == "https" else 80),
            is_encrypted=url.scheme == "https",
        )
        scope = headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
        _, _, region, service, _ = scope
        is_default_port = url.port in (None, {"https": 443, "http": 80}[url.scheme])
        host = self.endpoint.host if is_default_port else f"{self.endpoint.host}:{self.endpoint.port}"
        self._signer = Signer(host=host, content_type=headers["content-type"], region=region, service=service)
        self._target = headers["x-amz-target"].rpartition(".")[0]
        self._start = (
            f"POST / HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\nUser-Agent: {headers['user-agent']}\r\n"
            f"Content-Type: {headers['content-type']}\r\namz-sdk-request: attempt=1\r\nX-Amz-Target: {self._target}."
        )
        self._credentials = credentials
        self._now = now
        ours = self._signer.authorization(
            credentials(), timestamp=headers["x-amz-date"], target=headers["x-amz-target"], body=sample.body
        )
        if ours != headers["authorization"]:
            raise ValueError("This request is signed in a way that we do not know.")

    def message(self, operation: str, request: Mapping[str, Any], trace_header: str | None) -> bytes:
        """The HTTP request for a call of an operation; without `trace_header` it carries that of the invocation."""
        body = _encode(request).encode()
        credentials = self._credentials()
        timestamp = time.strftime(_TIMESTAMP, self._now())
        authorization = self._signer.authorization(
            credentials, timestamp=timestamp, target=f"{self._target}.{operation}", body=body
        )
        token = f"X-Amz-Security-Token: {credentials.token}\r\n" if credentials.token else ""
        trace_header = trace_header or _trace_header()
        trace = f"X-Amzn-Trace-Id: {trace_header}\r\n" if trace_header else ""
        head = (
            f"{self._start}{operation}\r\nX-Amz-Date: {timestamp}\r\n{token}Authorization: {authorization}\r\n"
            f"amz-sdk-invocation-id: {uuid.uuid4()}\r\n{trace}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


def learn(client: Any, session: Any, table_name: str) -> PreparedRequests | None:
    """The requests of a DynamoDB client of botocore; None if it has a feature that only botocore knows.

    These are credentials of another source than Lambda's variables, FIPS, dual-stack and account-based endpoints,
    proxies, and signatures of another kind.
    """
    credentials = session.get_credentials()
    if credentials is None or credentials.method != "env" or getproxies():
        return None
    if any(session.get_config_variable(name) for name in ("use_fips_endpoint", "use_dualstack_endpoint")):
        return None
    try:
        sample = _built_request(client, table_name)
        # An endpoint of the account is another host than that of the region.
        if urlsplit(_text(sample.url)).netloc != urlsplit(_text(client.meta.endpoint_url)).netloc:
            return None
        return PreparedRequests(sample, credentials.get_frozen_credentials)
    except ValueError:
        return None


def _built_request(client: Any, table_name: str) -> Any:
    """A request as botocore would send it; nothing is sent."""
    built: list[Any] = []

    def keep(request: Any, **_: Any) -> None:
        built.append(request)
        raise _BuiltError

    client.meta.events.register_first("before-send.dynamodb", keep)
    try:
        client.get_item(TableName=table_name, Key={"user_id": {"S": " "}})
    except _BuiltError:
        return built[0]
    finally:
        client.meta.events.unregister("before-send.dynamodb", keep)
    raise ValueError("No request was built.")


def _trace_header() -> str | None:
    """The header by which Lambda detects functions that call themselves, as botocore adds it.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    trace_id = os.environ.get("_X_AMZN_TRACE_ID")
    return quote(trace_id, safe="-=;:+&[]{}\"',") if trace_id and "AWS_LAMBDA_FUNCTION_NAME" in os.environ else None


def _text(value: str | bytes | int) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
