"""Connections to a stack: to AWS with the operator's proxies and configuration, to the embedded cloud with neither."""

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import requests
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

from ops.errors import OperatorError

TIMEOUT_SECONDS = (5, 30)  # connect, read
# An operator waits at a prompt, so fail within seconds, not after botocore's default minute.
CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
REQUEST_ID_HEADERS = ("x-amzn-requestid", "x-amz-request-id")

Authorize = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def is_loopback(url: str) -> bool:
    """Whether the URL leads to this machine, which no proxy can reach for us."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def request(method: str, url: str, party: str, *, authorize: Authorize, **options: Any) -> requests.Response:
    """Send a request and return the response, whatever its status; raises OperatorError naming `party` if none comes.

    `authorize` alone decides about the header Authorization: without one, requests would take a password for the host
    from ~/.netrc. Redirects are not followed, because neither API nor token endpoint sends any.
    """
    place = f"{party} at {urlsplit(url).netloc.rpartition('@')[2]}"
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)
        try:
            return session.request(
                method, url, auth=authorize, allow_redirects=False, timeout=TIMEOUT_SECONDS, **options
            )
        except requests.exceptions.ProxyError:
            fault = "cannot be reached through the proxy of your environment. Check https_proxy and no_proxy."
        except requests.exceptions.SSLError:
            fault = "has a certificate that is not trusted here. Check REQUESTS_CA_BUNDLE."
        except requests.Timeout:
            fault = f"did not respond within {TIMEOUT_SECONDS[1]} s. Is the stack still there?"
        except requests.ConnectionError:
            fault = "cannot be reached. Is the stack still there?"
        except requests.RequestException as error:
            fault = f"was not asked ({type(error).__name__}). Check https_proxy and the stack's outputs."
        except OSError:  # requests looks for the file itself
            fault = "was not asked: the certificates of REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE do not exist."
    raise OperatorError(f"The {place} {fault}")


def aws_client(service: str, region: str) -> Any:
    """Return a boto3 client of AWS, with the operator's own credentials, profile and proxies."""
    return boto3.client(service, region_name=region, config=CLIENT_CONFIG)  # pyright: ignore[reportArgumentType]


def embedded_client(service: str, region: str, endpoint: str, key_id: str | None, secret: str | None) -> Any:
    """Return a boto3 client of the embedded cloud, for which nothing of the operator's configuration counts.

    A response without a request ID does not come from the cloud: another program listens on its port now.
    """
    # A variable is (name in the configuration file, name in the environment, default, conversion).
    defaults = {name: (None, None, *rest) for name, (_, _, *rest) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    defaults |= dict.fromkeys(("config_file", "credentials_file"), (None, None, None, None))
    session = boto3.Session(botocore_session=botocore.session.Session(session_vars=defaults))
    client: Any = session.client(
        service,  # pyright: ignore[reportArgumentType]
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
