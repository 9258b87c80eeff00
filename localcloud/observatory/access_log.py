"""A line of an API's access log, in the format of its stage."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.observatory.facts import ApiRequest

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.]+)")


@dataclass(frozen=True, kw_only=True)
class ApiAccess:
    """What is known about a request to an API; None where API Gateway has no value either, or none is known here."""

    request: ApiRequest
    at: float
    """When it arrived, in seconds since 1970."""
    request_id: str
    method: str
    resource_path: str | None = None
    integration_status: int | None = None
    """What Lambda returned to API Gateway: 200 also if the function failed."""
    claims: Mapping[str, str] = field(default_factory=dict)
    """Of the token, if it was accepted and the function was invoked."""
    error_type: str | None = None
    """Of the response that API Gateway made by itself."""
    authorizer_error: str | None = None
    source_ip: str | None = None
    trace: str | None = None
    """The trace header that the function got."""


def access_log_line(template: str, access: ApiAccess) -> str:
    """The line; as on AWS, a variable without a value is `-`.

    Requests arrive without TLS, so its version and cipher are `-` too.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
    """
    request = access.request
    integration = request.integration_seconds
    values = {
        "requestId": access.request_id,
        "extendedRequestId": access.request_id,
        "requestTimeEpoch": int(access.at * 1000),
        "httpMethod": access.method,
        "resourcePath": access.resource_path,
        "status": request.status,
        "stage": request.stage,
        "responseLatency": round(request.seconds * 1000),
        "integrationLatency": None if integration is None else round(integration * 1000),
        "integrationStatus": access.integration_status,
        "authorizer.error": access.authorizer_error,
        "error.responseType": access.error_type,
        "identity.sourceIp": access.source_ip,
        "xrayTraceId": _root(access.trace),
        **{f"authorizer.claims.{name}": claim for name, claim in access.claims.items()},
    }

    def value(found: re.Match[str]) -> str:
        text = values.get(found[1])
        # Escaped, because a client chooses the method, and names an address in a header.
        return "-" if text in (None, "") else re.sub(r'[\x00-\x1f"\\]', "_", str(text))

    return _VARIABLE.sub(value, template)


def _root(header: str | None) -> str | None:
    found = re.match(r"Root=([^;]+)", header or "")
    return found[1] if found else None
