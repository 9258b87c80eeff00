"""Where ministack shows what happens in requests to tables and APIs, and in metric filters.

Each wrapped function is checked against its signature when the emulator starts. A wrapper observes and changes nothing,
except that log groups keep only their newest lines, and that a drill can slow tables down or throttle them.
"""

import asyncio
import contextvars
import json
import time
from collections.abc import Iterator
from typing import Any

from ministack.services import apigateway_v1, cloudwatch_logs, dynamodb

from localcloud.emulator.log_limit import LogLimit
from localcloud.emulator.seams import seam
from localcloud.observatory.access_log import access_log_line
from localcloud.observatory.facts import ApiRequest, TableRequest
from localcloud.observatory.faults import throttled_answer
from localcloud.observatory.log_filters import MetricFilter
from localcloud.observatory.meter import READS
from localcloud.observatory.observatory import Observatory

HTTP = ("method", "path", "headers", "body", "query_params")
_TABLE_OPERATIONS = frozenset(
    {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem"}
    | {"TransactGetItems", "TransactWriteItems"}
)
_limit = LogLimit(cloudwatch_logs._log_groups, cloudwatch_logs._log_events_lock)
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
    call = seam(apigateway_v1, "_call_lambda_raw", "function_ref", "event", "account_id", "region")

    async def handle_execute(api_id: str, stage_name: str, *rest: Any) -> Any:
        seen: dict[str, Any] = {}
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
                line = access_log_line(settings["format"], request, seen["request"], method=rest[0])
                _append_line(
                    observatory, settings["destinationArn"].partition(":log-group:")[2].removesuffix(":*"), line
                )
        return response

    async def execute_in_scope(request: Any, *rest: Any) -> Any:
        if (seen := _api.get()) is not None:
            seen["request"] = request
        return await execute(request, *rest)

    async def call_lambda(function_ref: str, event: Any, **scope: Any) -> Any:
        began = time.perf_counter()
        try:
            return await call(function_ref, event, **scope)
        finally:
            if (seen := _api.get()) is not None:
                seen["integration"] = time.perf_counter() - began

    apigateway_v1.handle_execute = handle_execute
    apigateway_v1._execute_in_scope = execute_in_scope
    apigateway_v1._call_lambda_raw = call_lambda


def _api_name(api_id: str) -> str:
    account, region = apigateway_v1.find_api_scope(api_id) or ("", "")
    return (apigateway_v1._rest_apis.get_scoped(account, region, api_id) or {}).get("name", api_id)


def _append_line(observatory: Observatory, group: str, line: str) -> None:
    """Write a line to a log group, if there is one of that name, in a stream of its day."""
    if (found := cloudwatch_logs._log_groups.get(group)) is None:
        return
    milliseconds = round(observatory.clock.now() * 1000)
    stream = found["streams"].setdefault(
        time.strftime("%Y/%m/%d", time.gmtime(milliseconds / 1000)),
        {"events": [], "uploadSequenceToken": "1", "creationTime": milliseconds}
        | dict.fromkeys(("firstEventTimestamp", "lastEventTimestamp", "lastIngestionTime")),
    )
    event = {"timestamp": milliseconds, "message": line, "ingestionTime": milliseconds}
    cloudwatch_logs._append_log_events(stream, [event])
    _limit.add(group, 1)
    observatory.log_lines(group, [line])


def observe_metric_filters(observatory: Observatory) -> None:
    """Let the observatory read the metric filters of a log group."""

    def metric_filters(group: str) -> list[MetricFilter]:
        filters = [found for found in cloudwatch_logs._metric_filters.values() if found["logGroupName"] == group]
        return [
            MetricFilter(
                pattern=found["filterPattern"],
                namespace=transformation["metricNamespace"],
                name=transformation["metricName"],
                value=transformation["metricValue"],
                dimensions=tuple((transformation.get("dimensions") or {}).items()),
            )
            for found in filters
            for transformation in found["metricTransformations"]
        ]

    observatory.metric_filters = metric_filters
