"""Requests to DynamoDB without botocore, learned from one that botocore built: where they go and how they look."""

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

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
class RequestForm:
    """Where requests go and how they look."""

    url: str
    """Without a path."""
    region: str
    service: str
    target: str
    """What the header `X-Amz-Target` has before the operation."""
    content_type: str
    user_agent: str

    @property
    def is_encrypted(self) -> bool:
        """Whether requests go over TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        url = urlsplit(self.url)
        return url.hostname or "", url.port or (443 if self.is_encrypted else 80)

    @property
    def host(self) -> str:
        """The header `Host`, which is signed: it has only a port that is not the default."""
        host, port = self.address
        return host if port == (443 if self.is_encrypted else 80) else f"{host}:{port}"


class PreparedRequests:
    """Writes requests of a form, signed with the credentials of the moment."""

    def __init__(
        self,
        form: RequestForm,
        credentials: Callable[[], FrozenCredentials],
        *,
        now: Callable[[], time.struct_time] = time.gmtime,
    ) -> None:
        self.form = form
        self._signer = Signer(host=form.host, content_type=form.content_type, region=form.region, service=form.service)
        self._start = (
            f"POST / HTTP/1.1\r\nHost: {form.host}\r\nAccept-Encoding: identity\r\nUser-Agent: {form.user_agent}\r\n"
            f"Content-Type: {form.content_type}\r\namz-sdk-request: attempt=1\r\nX-Amz-Target: {form.target}."
        )
        self._credentials = credentials
        self._now = now

    def message(self, operation: str, request: Mapping[str, Any], trace_header: str | None) -> bytes:
        """The HTTP request for a call of an operation; without `trace_header` it carries that of the invocation."""
        body = _encode(request).encode()
        credentials = self._credentials()
        timestamp = time.strftime(_TIMESTAMP, self._now())
        authorization = self._signer.authorization(
            credentials, timestamp=timestamp, target=f"{self.form.target}.{operation}", body=body
        )
        token = f"X-Amz-Security-Token: {credentials.token}\r\n" if credentials.token else ""
        trace_header = trace_header or _trace_header()
        trace = f"X-Amzn-Trace-Id: {trace_header}\r\n" if trace_header else ""
        head = (
            f"{self._start}{operation}\r\nX-Amz-Date: {timestamp}\r\n{token}Authorization: {authorization}\r\n"
            f"amz-sdk-invocation-id: {uuid.uuid4()}\r\n{trace}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body

    def sign_as(self, sample: Any) -> bool:
        """Whether a request that botocore built has the signature that ours with the same content would have."""
        ours = self._signer.authorization(
            self._credentials(),
            timestamp=_text(sample.headers["X-Amz-Date"]),
            target=_text(sample.headers["X-Amz-Target"]),
            body=sample.body,
        )
        return ours == _text(sample.headers["Authorization"])


def learn(client: Any, session: Any, table_name: str) -> PreparedRequests | None:
    """The requests of a DynamoDB client of botocore; None if it has a feature that only botocore knows.

    These are credentials of another source than Lambda's variables, FIPS, dual-stack and account-based endpoints,
    proxies, and signatures of another kind.
    """
    from urllib.request import getproxies

    credentials = session.get_credentials()
    if credentials is None or credentials.method != "env" or getproxies():
        return None
    if any(session.get_config_variable(name) for name in ("use_fips_endpoint", "use_dualstack_endpoint")):
        return None
    try:
        sample = built_request(client, table_name)
        # An endpoint of the account is another host than that of the region.
        if urlsplit(_text(sample.url)).netloc != urlsplit(_text(client.meta.endpoint_url)).netloc:
            return None
        requests = PreparedRequests(form_of(sample), credentials.get_frozen_credentials)
    except ValueError:
        return None
    return requests if requests.sign_as(sample) else None


def form_of(sample: Any) -> RequestForm:
    """The form of a request that botocore built; ValueError if there is something in it that we do not know."""
    headers = {name.lower(): _text(value) for name, value in sample.headers.items()}
    url = urlsplit(_text(sample.url))
    if sample.method != "POST" or (url.path, url.query) != ("/", "") or not _LEARNED <= set(headers) <= _KNOWN:
        raise ValueError("This is not a request that we know.")
    _, _, region, service, _ = headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
    return RequestForm(
        url=f"{url.scheme}://{url.netloc}",
        region=region,
        service=service,
        target=headers["x-amz-target"].rpartition(".")[0],
        content_type=headers["content-type"],
        user_agent=headers["user-agent"],
    )


def built_request(client: Any, table_name: str) -> Any:
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
