"""Signature Version 4 of the requests that the DynamoDB client prepares itself, equal to botocore's byte for byte.

It signs one kind of request: a POST to `/` without a query, with the headers that botocore signs for DynamoDB.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import functools
import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

ALGORITHM = "AWS4-HMAC-SHA256"


class FrozenCredentials(Protocol):
    """Credentials that belong together: a refresh replaces all of them at once."""

    @property
    def access_key(self) -> str: ...  # noqa: D102
    @property
    def secret_key(self) -> str: ...  # noqa: D102
    @property
    def token(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs for one host, and in the name of one service of one region."""

    host: str
    content_type: str
    region: str
    service: str

    def authorization(self, credentials: FrozenCredentials, *, timestamp: str, target: str, body: bytes) -> str:
        """The value of the header `Authorization`; `timestamp` is that of `X-Amz-Date`, `target` that of its header."""
        token, signed_token = "", ""
        if credentials.token:
            token, signed_token = f"x-amz-security-token:{credentials.token}\n", "x-amz-security-token;"
        signed = f"content-type;host;x-amz-date;{signed_token}x-amz-target"
        request = (
            f"POST\n/\n\ncontent-type:{self.content_type}\nhost:{self.host}\nx-amz-date:{timestamp}\n"
            f"{token}x-amz-target:{target}\n\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        )
        date = timestamp[:8]
        scope = f"{date}/{self.region}/{self.service}/aws4_request"
        text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = _signing_key(credentials.secret_key, date, self.region, self.service)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"


# Two, because at midnight, and when credentials are replaced, threads use the old key and the new one for a moment.
@functools.lru_cache(maxsize=2)
def _signing_key(secret_key: str, *scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
