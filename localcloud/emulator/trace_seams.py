"""Where requests to APIs begin a trace, messages carry one, and X-Ray is served.

Each wrapped function is checked against its signature when the emulator starts. As on AWS, and other than in ministack,
a trace goes from API Gateway to the function and from a message to the batch, and not every request is sampled.
"""

import json
import os
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import wraps
from typing import Any

from ministack import app as ministack_app
from ministack.core import iam_actions, router
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway_v1, sqs

from localcloud.emulator.invocation_seams import CALLER, HEADER, Caller
from localcloud.emulator.seams import SeamChangedError, seam
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.requests import ApiError
from localcloud.observatory.traces import daemon
from localcloud.observatory.traces.api import XrayApi
from localcloud.observatory.traces.headers import TraceHeader, new_trace_id
from localcloud.observatory.traces.sampling import Described
from localcloud.observatory.traces.segments import StageRequest
from localcloud.observatory.traces.settings import TraceSettings

HTTP = ("method", "path", "headers", "body", "query_params")
_request: ContextVar[StageRequest | None] = ContextVar("stage_request", default=None)
_sender: ContextVar[TraceHeader | None] = ContextVar("sender", default=None)
"""The trace header of the request with which messages are sent."""
_entries: ContextVar[Iterator[Any] | None] = ContextVar("entries", default=None)
"""Those of a batch that are still to be sent."""


# API Gateway


def trace_requests(observatory: Observatory) -> None:
    """Let the stages whose tracing is on decide which requests are traced, and send their segments."""
    handle = seam(apigateway_v1, "handle_execute", "api_id", "stage_name", *HTTP)
    execute = seam(
        apigateway_v1, "_execute_in_scope", "request", "api_id", "stage_name", *HTTP, "owner_account_id", "owner_region"
    )
    call = seam(apigateway_v1, "_call_lambda_raw", "function_ref", "event", "account_id", "region")

    @wraps(handle)
    async def handle_execute(api_id: str, stage_name: str, method: str, path: str, headers: Any, *rest: Any) -> Any:
        request = _stage_request(observatory, api_id, stage_name, method, path, headers)
        token, began = _request.set(request), time.perf_counter()
        try:
            response = await handle(api_id, stage_name, method, path, headers, *rest)
        finally:
            _request.reset(token)
        if request and request.header.sampled:
            status, _, body = response
            end = request.start + time.perf_counter() - began
            observatory.traces.put(request.segment(status, len(body or b""), end))
        return response

    @wraps(execute)
    async def execute_in_scope(routed: Any, *rest: Any) -> Any:
        if request := _request.get():
            request.request_id, routed["xray_trace_id"] = routed["request_id"], request.header.root
        try:
            return await execute(routed, *rest)
        finally:
            if request:
                request.resource_path = routed["resource_path"]

    @wraps(call)
    async def call_lambda(function_ref: str, event: Any, **scope: Any) -> Any:
        if (request := _request.get()) is None:
            return await call(function_ref, event, **scope)
        request.function, request.call_start = function_ref, time.time()
        # The function and the access log know the request by this ID.
        request.request_id = event["requestContext"]["requestId"]
        token, began = CALLER.set(Caller(request.passed_on)), time.perf_counter()
        try:
            result, error = await call(function_ref, event, **scope)
        finally:
            CALLER.reset(token)
            request.call_end = request.call_start + time.perf_counter() - began
        is_throttled = bool(result and result.get("throttle"))
        request.call_status = 429 if is_throttled else 404 if error else 200
        request.call_failed = bool(result and result.get("error")) and not is_throttled
        return result, error

    apigateway_v1.handle_execute = handle_execute  # pyrefly: ignore[bad-assignment]
    apigateway_v1._execute_in_scope = execute_in_scope  # pyrefly: ignore[bad-assignment]
    apigateway_v1._call_lambda_raw = call_lambda


def _stage_request(
    observatory: Observatory, api_id: str, stage_name: str, method: str, path: str, headers: Any
) -> StageRequest | None:
    """The request, with the decision whether it is traced; None if the stage does not trace."""
    account, region = apigateway_v1.find_api_scope(api_id) or ("", "")
    stage = (apigateway_v1._stages_v1.get_scoped(account, region, api_id) or {}).get(stage_name) or {}
    if not stage.get("tracingEnabled"):
        return None
    api = (apigateway_v1._rest_apis.get_scoped(account, region, api_id) or {}).get("name", api_id)
    start = time.time()
    header = TraceHeader.parse(headers.get(HEADER)) or TraceHeader(root=new_trace_id(observatory.clock.now()))
    sampled = header.sampled
    if sampled is None:
        described = Described(
            service=f"{api}/{stage_name}",
            type="AWS::ApiGateway::Stage",
            host=f"{api_id}.execute-api.{region}.amazonaws.com",
            method=method,
            path=f"/{stage_name}{path}",
            arn=f"arn:aws:apigateway:{region}::/restapis/{api_id}/stages/{stage_name}",
        )
        sampled = observatory.sampling.samples_request(described)
    return StageRequest(
        header=TraceHeader(root=header.root, parent=header.parent, sampled=sampled),
        api=api,
        api_id=api_id,
        stage=stage_name,
        region=region,
        account=account,
        method=method,
        user_agent=str(headers.get("user-agent", "")),
        start=start,
    )


# SQS


def trace_messages(observatory: Observatory) -> None:
    """Let messages carry the trace of the request that sent them, unless they name another, also those of a batch."""
    handle = seam(sqs, "handle_request", *HTTP)
    send = seam(sqs, "_act_send_message", "data", "qurl")
    send_batch = seam(sqs, "_act_send_message_batch", "data", "qurl")

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        token = _sender.set(TraceHeader.parse(headers.get(HEADER)))
        try:
            return await handle(method, path, headers, body, query_params)
        finally:
            _sender.reset(token)

    @wraps(send)
    def send_message(data: Any, qurl: str) -> Any:
        header, given = _sender.get(), data.get("MessageSystemAttributes") or {}
        if (entries := _entries.get()) is not None:
            given = next(entries).get("MessageSystemAttributes") or {}
        if header and header.parent and "AWSTraceHeader" not in given:
            given = {**given, "AWSTraceHeader": {"DataType": "String", "StringValue": str(header)}}
        return send(data | {"MessageSystemAttributes": given} if given else data, qurl)

    @wraps(send_batch)
    def send_messages(data: Any, qurl: str) -> Any:
        # ministack sends entry by entry, and forgets their system attributes.
        token = _entries.set(iter(data.get("Entries", ())))
        try:
            return send_batch(data, qurl)
        finally:
            _entries.reset(token)

    sqs.handle_request = handle_request
    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = send_message
    sqs._HANDLERS["SendMessageBatch"] = send_messages


# X-Ray


def serve_traces(observatory: Observatory) -> None:
    """Serve the daemon's protocol to functions, and the X-Ray API, which ministack does not know."""
    for owner, name in (
        (ministack_app, "SERVICE_HANDLERS"),
        (router, "SERVICE_PATTERNS"),
        (iam_actions, "SERVICE_TO_IAM_NAMESPACE"),
        (iam_actions, "_BOTOCORE_SERVICE_MAP"),
    ):
        if not isinstance(found := getattr(owner, name, None), dict) or "xray" in found:
            raise SeamChangedError(f"{owner.__name__} has no {name} without xray. Install the pinned ministack")
    settings = TraceSettings(observatory.sampling, observatory.clock, account=get_account_id(), region=get_region())
    api = XrayApi(observatory.traces, settings, observatory.clock)
    observatory.trace_groups = lambda: settings.group_expressions

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        try:
            return _respond(api.answer(path, _parameters(body)))
        except ApiError as error:
            return _fail(error)

    ministack_app.SERVICE_HANDLERS["xray"] = handle_request
    router.SERVICE_PATTERNS["xray"] = {"host_patterns": [r"xray\."]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["xray"] = "xray"
    iam_actions._BOTOCORE_SERVICE_MAP["xray"] = ["xray"]
    # Functions inherit it. The port is that of the emulator where it can be: a daemon serves both at one.
    os.environ["AWS_XRAY_DAEMON_ADDRESS"] = daemon.listen(observatory.traces, int(os.environ["GATEWAY_PORT"]))


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ApiError("InvalidRequestException", "The request is no JSON object.")
    return found


def _respond(result: dict[str, Any]) -> Any:
    return 200, {"Content-Type": "application/json"}, json.dumps(result).encode()


def _fail(error: ApiError) -> Any:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
    return error.status, headers, json.dumps({"Message": error.message}).encode()
