"""Requests to DynamoDB for which Lambda's variables say everything, so that a start needs no botocore.

Loading botocore and building a request with it takes most of a start. In an environment as Lambda makes it, the request
is known: tests compare it with botocore's for every region that the botocore in the layer knows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handlers.clients import USER_AGENT
from handlers.prepared_requests import PreparedRequests, RequestForm

# Regions of AWS's commercial partition, also of the future. Other partitions have other domains.
_REGION: Final = re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d+")
_OWN_ENDPOINT: Final = re.compile(r"https?://[a-z0-9.-]+(:\d+)?/?")
# botocore reads these, as below, or does not read them.
_UNDERSTOOD: Final = frozenset(
    {
        *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        # No operation of DynamoDB has such a prefix. The embedded cloud sets it.
        "AWS_DISABLE_HOST_PREFIX_INJECTION",
    }
)
_OF_LAMBDA: Final = ("AWS_LAMBDA_", "AWS_XRAY_")
_OF_BOTOCORE: Final = ("AWS_", "BOTO", "REQUESTS_")
_FILES: Final = ("~/.aws/config", "~/.aws/credentials")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Credentials:
    access_key: str
    secret_key: str
    token: str | None


def known(environ: Mapping[str, str]) -> PreparedRequests | None:
    """The requests of a function in this environment; None if only botocore can tell how they look.

    That is so where any variable is set that botocore might read and this function does not know, where there is a
    proxy or a file of configuration, and outside the regions of `aws`.
    """
    if not all(map(_is_understood, environ)) or any(Path(file).expanduser().exists() for file in _FILES):
        return None
    region = environ.get("AWS_DEFAULT_REGION", "")
    url = environ.get("AWS_ENDPOINT_URL_DYNAMODB") or environ.get("AWS_ENDPOINT_URL")
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not _REGION.fullmatch(region) or not key or not secret or (url and not _OWN_ENDPOINT.fullmatch(url)):
        return None
    # As long as the process lives. SnapStart, whose processes outlive them, gives credentials in other variables.
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html#snapstart-credentials
    credentials = _Credentials(access_key=key, secret_key=secret, token=environ.get("AWS_SESSION_TOKEN"))
    form = RequestForm(
        url=(url or f"https://dynamodb.{region}.amazonaws.com").removesuffix("/"),
        region=region,
        service="dynamodb",
        target="DynamoDB_20120810",
        content_type="application/x-amz-json-1.0",
        user_agent=USER_AGENT,
    )
    return PreparedRequests(form, lambda: credentials)


def _is_understood(name: str) -> bool:
    name = name.upper()
    if name in _UNDERSTOOD or name.startswith(_OF_LAMBDA):
        return True
    return not name.startswith(_OF_BOTOCORE) and not name.endswith("_PROXY")
