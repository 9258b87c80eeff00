"""Where ministack shows what happens in requests to tables and APIs.

Each wrapped function is checked against its signature when the emulator starts. A wrapper observes and changes nothing,
except that a drill can slow tables down or throttle them.
"""

import asyncio
import contextvars
import json
import time
from collections.abc import Iterator
from typing import Any

from ministack.services import apigateway_v1, dynamodb

from localcloud.emulator import log_seams
from localcloud.emulator.seams import seam
from localcloud.observatory.access_log import ApiAccess, access_log_line
from localcloud.observatory.facts import ApiRequest, LogLine, TableRequest
from localcloud.observatory.faults import throttled_answer
from localcloud.observatory.meter import READS
from localcloud.observatory.observatory import Observatory

HTTP = ("method", "path", "headers", "body", "query_params")
_TABLE_OPERATIONS = frozenset(
    {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem"}
    | {"TransactGetItems", "TransactWriteItems"}
)
_AUTHORIZER_ERRORS = frozenset({"UNAUTHORIZED", "AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"})
_api: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("api_request", default=None)


def observe_tables(observatory: Observatory) -> None:
    """Let the observatory see every request to a table, and disturb it while a drill does."""
    handle = seam(dynamodb, "handle_request", *HTTP)

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in _TABLE_OPERATIONS:
            return await handle(method, path, headers, body, query_params)
        began, faults = time.perf_counter(), observatory.faults
        if faults.table_delay_seconds:
            await asyncio.sleep(faults.table_delay_seconds)
        if operation in faults.throttled:
            response = throttled_answer(operation, json.loads(body), is_read=operation in READS)
        else:
            response = await handle(method, path, headers, body, query_params)
        observatory.meter.table_request(_table_request(operation, body, response, time.perf_counter() - began))
        return response

    dynamodb.handle_request = handle_request


def _table_request(operation: str, body: bytes, response: Any, seconds: float) -> TableRequest:
    status, _, answer = response
    request = json.loads(body) if status == 200 or body.startswith(b"{") else {}
    names = request["RequestItems"] if "RequestItems" in request else [request.get("TableName")]
    if "TransactItems" in request:
        names = {action["TableName"] for item in request["TransactItems"] for action in item.values()}
    tables = tuple(name.rpartition("/")[2] for name in names if isinstance(name, str))
    if status != 200:
        error = json.loads(answer)
        causes = error.get("ThrottlingReasons") or error.get("throttlingReasons") or ()
        reasons = tuple(cause.get("reason", "") for cause in causes)
        code = error.get("__type", "").rpartition("#")[2]
        return TableRequest(
            operation=operation, tables=tables, status=status, seconds=seconds, error=code, throttle_reasons=reasons
        )
    return TableRequest(
        operation=operation,
        tables=tables,
        status=status,
        seconds=seconds,
        capacity_units=dict(_capacity_units(operation, request, json.loads(answer), tables)),
    )


def _capacity_units(operation: str, request: Any, answer: Any, tables: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """The units that a request consumes, by the size of the JSON, which is a little more than that of the item.

    BatchGetItem reads each item by itself: sizes are rounded up before they are added.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    if operation == "BatchGetItem":
        for name, asked in request["RequestItems"].items():
            items = answer["Responses"].get(name, [])
            absent = len(asked["Keys"]) - len(items)
            yield name.rpartition("/")[2], (sum(_blocks(item, 4096) for item in items) + absent) * _share(asked)
        return
    for table in tables:
        yield table, _blocks(answer, 4096) * _share(request) if operation in READS else _blocks(request, 1024)


def _share(asked: Any) -> float:
    """Return what an item costs: half a unit, unless the read is strongly consistent."""
    return 1.0 if asked.get("ConsistentRead") else 0.5


def _blocks(document: Any, size: int) -> int:
    return -(-len(json.dumps(document)) // size)


# API Gateway


def observe_apis(observatory: Observatory) -> None:
    """Let the observatory see every request to a stage, and write the stage's access log."""
    handle = seam(apigateway_v1, "handle_execute", "api_id", "stage_name", *HTTP)
    execute = seam(
        apigateway_v1, "_execute_in_scope", "request", "api_id", "stage_name", *HTTP, "owner_account_id", "owner_region"
    )
    _observe_integrations()

    async def handle_execute(api_id: str, stage_name: str, *rest: Any) -> Any:
        seen: dict[str, Any] = {"at": observatory.clock.now()}
        token, began = _api.set(seen), time.perf_counter()
        try:
            response = await handle(api_id, stage_name, *rest)
        finally:
            _api.reset(token)
        if stage := seen.get("request", {}).get("stage"):
            request = ApiRequest(
                api=_api_name(api_id),
                stage=stage_name,
                status=response[0],
                seconds=time.perf_counter() - began,
                integration_seconds=seen.get("integration"),
            )
            observatory.meter.api_request(request)
            if settings := stage.get("accessLogSettings"):
                text = access_log_line(settings["format"], _access(seen, request, method=rest[0], headers=rest[2]))
                group = settings["destinationArn"].partition(":log-group:")[2].removesuffix(":*")
                now = observatory.clock.now()
                day = time.strftime("%Y/%m/%d", time.gmtime(now))
                log_seams.append(observatory, group, day, [LogLine(at=now, text=text)])
        return response

    async def execute_in_scope(request: Any, *rest: Any) -> Any:
        response = await execute(request, *rest)
        if (seen := _api.get()) is not None:
            seen["request"] = request
            if isinstance(response, apigateway_v1._GatewayError):
                seen["error"] = response
        return response

    apigateway_v1.handle_execute = handle_execute  # pyrefly: ignore[bad-assignment]
    apigateway_v1._execute_in_scope = execute_in_scope  # pyrefly: ignore[bad-assignment]


def _observe_integrations() -> None:
    """Learn what an API's function was asked, and how long it took."""
    call = seam(apigateway_v1, "_call_lambda_raw", "function_ref", "event", "account_id", "region")

    async def call_lambda(function_ref: str, event: Any, **scope: Any) -> Any:
        seen = _api.get()
        if seen is None:
            return await call(function_ref, event, **scope)
        context, began = event["requestContext"], time.perf_counter()
        # As on AWS, the function and the access log know a request by the same ID.
        seen["request_id"], seen["context"] = context["requestId"], context
        try:
            result, error = await call(function_ref, event, **scope)
        finally:
            seen["integration"] = time.perf_counter() - began
        if result is not None:
            seen["integration_status"] = 429 if result.get("throttle") else 200
        return result, error

    apigateway_v1._call_lambda_raw = call_lambda


def _access(seen: dict[str, Any], request: ApiRequest, *, method: str, headers: Any) -> ApiAccess:
    """What the access log can say about a request."""
    routed, context, error = seen["request"], seen.get("context") or {}, seen.get("error")
    forwarded = next((value for name, value in headers.items() if name.lower() == "x-forwarded-for"), None)
    claims = (context.get("authorizer") or {}).get("claims") or {}
    # A request that API Gateway rejects reaches no function, but has a trace.
    return ApiAccess(
        request=request,
        at=seen["at"],
        request_id=seen.get("request_id") or routed["request_id"],
        method=method,
        resource_path=routed.get("resource_path") or None,
        integration_status=seen.get("integration_status"),
        claims={name: str(value) for name, value in claims.items()},
        error_type=error.response_type if error else None,
        authorizer_error=error.message if error and error.response_type in _AUTHORIZER_ERRORS else None,
        source_ip=forwarded.split(",")[0].strip() if isinstance(forwarded, str) else "127.0.0.1",
        trace_id=routed.get("xray_trace_id"),
    )


def _api_name(api_id: str) -> str:
    account, region = apigateway_v1.find_api_scope(api_id) or ("", "")
    return (apigateway_v1._rest_apis.get_scoped(account, region, api_id) or {}).get("name", api_id)
