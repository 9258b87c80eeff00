"""The X-Ray API over the traces that are kept, and over the groups and rules of the account."""

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.observatory.clock import Clock
from localcloud.observatory.parameters import strings
from localcloud.observatory.requests import ApiError
from localcloud.observatory.traces.described import graph_of, segments_of, summary_of
from localcloud.observatory.traces.filters import ExpressionError, Wanted, read_filter
from localcloud.observatory.traces.graph import service_graph
from localcloud.observatory.traces.joined import JoinedTrace
from localcloud.observatory.traces.settings import TraceSettings, invalid
from localcloud.observatory.traces.store import TraceStore

DAY = 24 * 3_600
HOURS_MAX = 6
"""Of GetTraceSummaries and GetServiceGraph."""
SUMMARIES_PAGE, TRACES_MAX = 100, 5
OPERATIONS = {
    "/Traces": "BatchGetTraces",
    "/TraceSummaries": "GetTraceSummaries",
    "/ServiceGraph": "GetServiceGraph",
    "/TraceGraph": "GetTraceGraph",
    "/TraceSegments": "PutTraceSegments",
    "/TelemetryRecords": "PutTelemetryRecords",
    "/CreateGroup": "CreateGroup",
    "/GetGroup": "GetGroup",
    "/Groups": "GetGroups",
    "/UpdateGroup": "UpdateGroup",
    "/DeleteGroup": "DeleteGroup",
    "/CreateSamplingRule": "CreateSamplingRule",
    "/GetSamplingRules": "GetSamplingRules",
    "/UpdateSamplingRule": "UpdateSamplingRule",
    "/DeleteSamplingRule": "DeleteSamplingRule",
    "/SamplingTargets": "GetSamplingTargets",
    "/SamplingStatisticSummaries": "GetSamplingStatisticSummaries",
}
Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


class XrayApi:
    """The operations by name; each takes the parameters and returns the result, or raises ApiError."""

    def __init__(self, store: TraceStore, settings: TraceSettings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self.operations: dict[str, Operation] = settings.operations | {
            "BatchGetTraces": self._batch_get_traces,
            "GetTraceSummaries": self._get_trace_summaries,
            "GetServiceGraph": self._get_service_graph,
            "GetTraceGraph": self._get_trace_graph,
            "PutTraceSegments": self._put_trace_segments,
            "PutTelemetryRecords": self._put_telemetry_records,
        }

    def answer(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The result of the operation at that path; ApiError for what is not served."""
        name = OPERATIONS.get(path)
        if name is None:
            raise ApiError("UnknownOperationException", f"The embedded cloud does not serve {path} of X-Ray.", 404)
        return self.operations[name](parameters)

    def filtered(self, expression: object) -> Wanted:
        """What a filter expression wants; everything without one."""
        if expression is None:
            return lambda trace: True
        if not isinstance(expression, str) or not expression.strip():
            raise invalid("FilterExpression must be a text that is not empty.")
        try:
            return read_filter(expression, self._settings.expressions)
        except ExpressionError as error:
            raise invalid(str(error)) from None

    def _get_trace_summaries(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        known = {"StartTime", "EndTime", "TimeRangeType", "Sampling", "FilterExpression", "NextToken"}
        _reject_unknown(parameters, known)
        if parameters.get("TimeRangeType", "TraceId") not in ("TraceId", "Event", "Service"):
            raise invalid("TimeRangeType must be TraceId, Event or Service.")
        if parameters.get("TimeRangeType") == "Service":
            raise invalid("The embedded cloud does not support TimeRangeType Service.")
        start, end = _range(parameters)
        wanted, skipped = self.filtered(parameters.get("FilterExpression")), _skipped(parameters)
        processed = self._store.between(start, end)
        found = [trace for trace in processed if wanted(trace)]
        return _paged(
            "TraceSummaries",
            found,
            skipped,
            SUMMARIES_PAGE,
            lambda trace: summary_of(trace, self._settings.account),
        ) | {"ApproximateTime": self._clock.now(), "TracesProcessedCount": len(processed)}

    def _batch_get_traces(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        found, absent = self._named(parameters)
        return {
            "Traces": [
                {
                    "Id": trace.id,
                    "Duration": round(trace.duration, 3),
                    "LimitExceeded": trace.limit_exceeded,
                    "Segments": segments_of(trace),
                }
                for trace in found
            ],
            "UnprocessedTraceIds": absent,
        }

    def _get_service_graph(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        _reject_unknown(parameters, {"StartTime", "EndTime", "GroupName", "GroupARN", "NextToken"})
        start, end = _range(parameters)
        expression = self._settings.expression_of(parameters.get("GroupName"), parameters.get("GroupARN"))
        traces = self._store.between(start, end, self.filtered(expression))
        services = graph_of(service_graph(traces), self._settings.account)
        return {"StartTime": start, "EndTime": end, "Services": services, "ContainsOldGroupVersions": False}

    def _get_trace_graph(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        found, _ = self._named(parameters)
        return {"Services": graph_of(service_graph(found), self._settings.account)}

    def _named(self, parameters: Mapping[str, Any]) -> tuple[list[JoinedTrace], list[str]]:
        """The traces with these IDs, and the IDs of which there is no trace."""
        _reject_unknown(parameters, {"TraceIds", "NextToken"})
        ids = _strings(parameters, "TraceIds")
        if not 1 <= len(ids) <= TRACES_MAX or any(not 1 <= len(trace_id) <= 35 for trace_id in ids):
            raise invalid(f"TraceIds must have 1 to {TRACES_MAX} IDs of 1 to 35 characters.")
        by_id = {trace_id: self._store.get(trace_id) for trace_id in ids}
        return [trace for trace in by_id.values() if trace], [name for name, trace in by_id.items() if trace is None]

    def _put_trace_segments(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        _reject_unknown(parameters, {"TraceSegmentDocuments"})
        unprocessed = [
            {"ErrorCode": "InvalidDocument", "Message": error}
            for document in _strings(parameters, "TraceSegmentDocuments")
            if (error := self._store.receive(document))
        ]
        return {"UnprocessedTraceSegments": unprocessed}

    def _put_telemetry_records(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Daemons report on themselves; on AWS, nobody can read it either."""
        return {}


def _reject_unknown(parameters: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(name for name, value in parameters.items() if name not in known and value is not None):
        raise invalid(f"The embedded cloud does not support {', '.join(unknown)}.")


def _strings(parameters: Mapping[str, Any], name: str) -> list[str]:
    try:
        return strings(parameters, name)
    except ApiError as error:
        raise invalid(error.message) from None


def _range(parameters: Mapping[str, Any]) -> tuple[float, float]:
    times = [parameters.get(name) for name in ("StartTime", "EndTime")]
    start, end = (float(time) if isinstance(time, int | float) else -1.0 for time in times)
    if not 0 <= start < end:
        raise invalid("StartTime and EndTime must be times, and EndTime the later one.")
    if end - start > HOURS_MAX * 3_600:
        raise invalid(f"The time range is longer than {HOURS_MAX} hours.")
    return start, end


def _skipped(parameters: Mapping[str, Any]) -> int:
    token = parameters.get("NextToken") or "0"
    if not isinstance(token, str) or not token.isascii() or not token.isdigit() or len(token) > 9:
        raise invalid("The NextToken is not valid.")
    return int(token)


def _paged(name: str, found: list[Any], skipped: int, size: int, describe: Callable[[Any], Any]) -> dict[str, Any]:
    more = {"NextToken": str(skipped + size)} if len(found) > skipped + size else {}
    return {name: [describe(member) for member in found[skipped : skipped + size]]} | more
