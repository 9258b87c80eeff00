"""AWS clients whose calls end before the function times out, and the names of their failures.

What the other modules use of botocore is typed here and in `replay`.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Final, Protocol, cast

import botocore
from botocore.exceptions import BotoCoreError, ClientError

RemainingSeconds = Callable[[], float]

AWS_ERRORS: Final = (BotoCoreError, ClientError)
# Kept at the end of every invocation, to report the messages that could not be handled.
RESERVE_SECONDS: Final = 0.5
# Users whose records are written at the same time: in one thread over as many connections, where all goes well.
TOGETHER: Final = 16
# Threads for the other writes.
WRITERS: Final = 8
CONNECT_SECONDS: Final = 1
# Without it botocore builds the user agent anew for every request, which took a tenth of the time.
USER_AGENT: Final = "event-processing"


class Session:
    """A session of botocore, which is loaded when it is first used: that takes longer than the rest of a start."""

    @cached_property
    def _loaded(self) -> Any:
        from botocore.session import Session

        return Session()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)


class DynamoDbClient(Protocol):
    """The operations of a DynamoDB client that the functions call."""

    def get_item(self, **request: Any) -> dict[str, Any]: ...  # noqa: D102

    def batch_get_item(self, **request: Any) -> dict[str, Any]: ...  # noqa: D102

    def update_item(self, **request: Any) -> dict[str, Any]: ...  # noqa: D102


class SqsClient(Protocol):
    """The operations of an SQS client that the functions call."""

    def send_message_batch(self, **request: Any) -> dict[str, Any]: ...  # noqa: D102

    def send_message(self, **request: Any) -> dict[str, Any]: ...  # noqa: D102


class SsmClient(Protocol):
    """The operation of a Systems Manager client that the probe calls."""

    def get_parameter(self, **request: Any) -> dict[str, Any]: ...  # noqa: D102


def make_client(
    session: Session, service: str, *, read_timeout_seconds: float, connections: int = 1, attempts: int = 2
) -> Any:
    """A client whose slowest call ends after `attempts` x (1 s + read timeout) and a backoff of 1 s.

    The client does not validate parameters: validation costs more than all of our own code, and the tests run against
    what the service accepts.
    """
    from botocore.config import Config

    config = Config(
        user_agent=USER_AGENT,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        parameter_validation=False,
    )
    return session.create_client(service, config=config)


def certificates_of(session: Session) -> str | None:
    """The file of the certificates to trust, if the configuration names one."""
    return session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")


def tls_contexts(certificates: str | None) -> list[Callable[[], ssl.SSLContext]]:
    """The context of a file of certificates; else that of Amazon's roots, and that of everything botocore trusts.

    Each is made when it is needed. Amazon's roots are loaded in a tenth of the time, and the layer has them
    (`components.packaging.certificates`).
    """
    if certificates:
        return [cache(partial(_context, certificates))]

    def everything() -> ssl.SSLContext:
        from botocore.httpsession import get_cert_path

        return _context(get_cert_path(True))  # pyrefly: ignore[bad-argument-type] - verifying, it has a path

    roots = Path(botocore.__file__).with_name("amazon-roots.pem")
    amazons = [partial(_context, str(roots))] if roots.exists() else []
    return [cache(make) for make in (*amazons, everything)]


def _context(certificates: str) -> ssl.SSLContext:
    # As botocore's, which is not as strict about the form of an authority's certificate as Python's default is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates)
    return context


def response_of(error: Exception) -> Mapping[str, Any]:
    """The response AWS sent with a failure; empty if the failure did not come from AWS."""
    return cast("Any", error).response if isinstance(error, ClientError) else {}


def error_code_of(error: Exception) -> str:
    """The error code AWS sent, or the class of the exception: a name for a failure that holds no user data."""
    return response_of(error).get("Error", {}).get("Code") or type(error).__name__
