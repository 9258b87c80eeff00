"""A line of an API's access log, in the format of its stage."""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.observatory.facts import ApiRequest

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.]+)")


def access_log_line(template: str, request: ApiRequest, routed: Mapping[str, Any], *, method: str) -> str:
    """The line; as on AWS, a variable without a value is `-`. `routed` is what API Gateway found out on the way."""
    integration = request.integration_seconds
    values = {
        "requestId": routed.get("request_id"),
        "extendedRequestId": routed.get("request_id"),
        "httpMethod": method,
        "resourcePath": routed.get("resource_path"),
        "status": request.status,
        "stage": request.stage,
        "responseLatency": round(request.seconds * 1000),
        "xrayTraceId": routed.get("xray_trace_id"),
        "integrationLatency": None if integration is None else round(integration * 1000),
    }

    def value(found: re.Match[str]) -> str:
        text = values.get(found[1])
        # Escaped, because a client chooses the method.
        return "-" if text in (None, "") else re.sub(r'[\x00-\x1f"\\]', "_", str(text))

    return _VARIABLE.sub(value, template)
