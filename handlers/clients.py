"""Low-level AWS clients that fail within their function's timeout and cost little to make and to call."""

from typing import Any

from botocore.config import Config
from botocore.session import Session


def make_client(
    session: Session, service: str, *, read_timeout_seconds: float, connections: int = 1, attempts: int = 2
) -> Any:
    """A client whose slowest call ends, retries included, after `attempts` x (1 s + read timeout) and a backoff of 1 s.

    Parameters are not validated on this side: it costs more than everything we do with them, and the tests run with
    what the service accepts.
    """
    config = Config(
        # Otherwise put together anew for each request, which took a tenth of the time.
        user_agent="event-processing",
        connect_timeout=1,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        parameter_validation=False,
    )
    return session.create_client(service, config=config)
