"""Requests to a stack's API: through the operator's proxies to AWS, without them to the embedded cloud."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ops.errors import OperatorError

TIMEOUT_SECONDS = (5, 30)  # connect, read

if TYPE_CHECKING:
    import requests

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
    import requests  # here, because it is slow to import

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
