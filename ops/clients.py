"""Clients of AWS with the operator's configuration, and of the embedded cloud with nothing of it."""

from typing import Any

from botocore.config import Config

from ops.embedded_session import embedded_session
from ops.errors import OperatorError

# An operator waits at a prompt, so fail within seconds, not after botocore's default minute.
CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
REQUEST_ID_HEADERS = ("x-amzn-requestid", "x-amz-request-id")


def aws_client(service: str, region: str) -> Any:
    """Return a boto3 client of AWS, with the operator's own credentials, profile and proxies."""
    import boto3  # here, because the embedded cloud does without

    return boto3.client(service, region_name=region, config=CLIENT_CONFIG)  # pyrefly: ignore[no-matching-overload]


def embedded_client(service: str, region: str, endpoint: str, key_id: str | None, secret: str | None) -> Any:
    """Return a boto3 client of the embedded cloud, for which nothing of the operator's configuration counts.

    A response without a request ID does not come from the cloud: another program listens on its port now.
    """
    client: Any = embedded_session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=CLIENT_CONFIG.merge(Config(proxies={})),
    )

    def check(response_dict: dict[str, Any], **_: Any) -> None:
        if not any(name.lower() in REQUEST_ID_HEADERS for name in response_dict["headers"]):
            raise OperatorError(
                f"{endpoint} is not the embedded cloud of these outputs any more: its response has no request ID. "
                "Start the cloud again with `python -m localcloud up`."
            )

    client.meta.events.register("before-parse", check)
    return client
