"""Where requests to CloudWatch Logs arrive: filter patterns, Logs Insights, saved queries.

Each function that is wrapped or replaced is checked against its signature when the emulator starts.
"""

import asyncio
from bisect import bisect_left, bisect_right
from functools import partial
from typing import Any

from ministack.services import cloudwatch_logs

from localcloud.emulator.seams import seam
from localcloud.insights.records import LogRecord
from localcloud.observatory.filter_patterns import FilterError, parse_pattern
from localcloud.observatory.log_filters import MetricFilter, check_metric_filter, matches
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.requests import ApiError, read_request

HTTP = ("method", "path", "headers", "body", "query_params")


def observe_metric_filters(observatory: Observatory) -> None:
    """Let the observatory read the metric filters of a log group, and apply JSON patterns where lines are searched."""
    parse = seam(cloudwatch_logs, "_compile_filter_pattern", "raw")
    handle = seam(cloudwatch_logs, "handle_request", *HTTP)

    def metric_filters(group: str) -> list[MetricFilter]:
        filters = [found for found in cloudwatch_logs._metric_filters.values() if found["logGroupName"] == group]
        return [
            MetricFilter(
                pattern=found["filterPattern"],
                namespace=transformation["metricNamespace"],
                name=transformation["metricName"],
                value=transformation["metricValue"],
                dimensions=tuple((transformation.get("dimensions") or {}).items()),
                default=transformation.get("defaultValue"),
            )
            for found in filters
            for transformation in found["metricTransformations"]
        ]

    def compile_pattern(raw: str) -> Any:
        return partial(matches, raw) if (raw or "").lstrip().startswith("{") else parse(raw)

    async def handle_checked(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        request = read_request(path, headers, body, query_params)
        try:
            if request.operation == "PutMetricFilter":
                check_metric_filter(request.parameters)
            pattern = request.parameters.get("filterPattern")
            if request.operation == "FilterLogEvents" and isinstance(pattern, str) and pattern.lstrip()[:1] == "{":
                parse_pattern(pattern)
        except FilterError as error:
            return request.fail(ApiError("InvalidParameterException", str(error)))
        return await handle(method, path, headers, body, query_params)

    observatory.metric_filters = metric_filters
    cloudwatch_logs._compile_filter_pattern = compile_pattern
    cloudwatch_logs.handle_request = handle_checked


def serve_queries(observatory: Observatory) -> None:
    """Let the observatory read the log groups, and answer for Logs Insights and saved queries."""
    handle = seam(cloudwatch_logs, "handle_request", *HTTP)

    def read(group: str, start: int, end: int) -> list[LogRecord]:
        found: list[LogRecord] = []
        for (account, _, name), held in list(cloudwatch_logs._log_groups._data.items()):
            if name != group:
                continue
            for stream, kept in list(held["streams"].items()):
                with cloudwatch_logs._log_events_lock:
                    events = kept["events"]
                    first = bisect_left(events, start, key=_timestamp)
                    window = events[first : bisect_right(events, end, key=_timestamp)]
                found += [
                    LogRecord(
                        at=event["timestamp"],
                        message=event["message"],
                        stream=stream,
                        group=group,
                        account=account,
                        ingested=event["ingestionTime"],
                    )
                    for event in window
                ]
        return sorted(found, key=lambda record: record.at)

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        request = read_request(path, headers, body, query_params)
        if response := await asyncio.to_thread(observatory.answer_logs, request):
            return response
        return await handle(method, path, headers, body, query_params)

    observatory.logs.groups = lambda: sorted(name for *_, name in list(cloudwatch_logs._log_groups._data))
    observatory.logs.read = read
    cloudwatch_logs.handle_request = handle_request


def _timestamp(event: dict[str, Any]) -> int:
    return event["timestamp"]
