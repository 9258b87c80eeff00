"""AWS clients whose calls end before the function times out, and the names of their failures.

botocore has no types: what the other modules use of it is typed here and in `replay`.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import get_cert_path
from botocore.session import Session as Session

RemainingSeconds = Callable[[], float]

AWS_ERRORS: Final = (BotoCoreError, ClientError)
# Kept at the end of every invocation, to report the messages that could not be handled.
RESERVE_SECONDS: Final = 0.5
# Users whose records are written at the same time: in one thread over as many connections, where all goes well.
TOGETHER: Final = 16
# Threads for the other writes.
WRITERS: Final = 8


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
    config = Config(
        # Without it botocore builds the user agent anew for every request, which took a tenth of the time.
        user_agent="event-processing",
        connect_timeout=1,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        parameter_validation=False,
    )
    return cast("Any", session).create_client(service, config=config)


def certificates_of(session: Session) -> str:
    """The file of the certificates that botocore trusts."""
    return cast("Any", session).get_config_variable("ca_bundle") or get_cert_path(True)


def response_of(error: Exception) -> Mapping[str, Any]:
    """The response AWS sent with a failure; empty if the failure did not come from AWS."""
    return cast("Any", error).response if isinstance(error, ClientError) else {}


def error_code_of(error: Exception) -> str:
    """The error code AWS sent, or the class of the exception: a name for a failure that holds no user data."""
    return response_of(error).get("Error", {}).get("Code") or type(error).__name__
