"""Traces and services as the X-Ray API returns them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from localcloud.observatory.traces.graph import Calls, Edge, Service
from localcloud.observatory.traces.joined import JoinedTrace, Span


def summary_of(trace: JoinedTrace, account: str) -> dict[str, Any]:
    """A member of TraceSummaries."""
    root, http = trace.root, trace.root.data.get("http", {}).get("request", {})
    request = {
        "HttpURL": http.get("url"),
        "HttpMethod": http.get("method"),
        "UserAgent": http.get("user_agent"),
        "ClientIp": http.get("client_ip"),
        "HttpStatus": root.status,
    }
    annotations: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for key, value, segment in trace.annotations:
        service = service_id(*segment.service, account)
        annotations[key].append({"AnnotationValue": _annotation(value), "ServiceIds": [service]})
    arns = dict.fromkeys(segment.data.get("resource_arn") for segment in trace.segments)
    users = dict.fromkeys(user for segment in trace.segments if isinstance(user := segment.data.get("user"), str))
    return {
        "Id": trace.id,
        "StartTime": trace.start,
        "Duration": round(trace.duration, 3),
        "ResponseTime": round(root.seconds, 3),
        "HasFault": root.has_fault,
        "HasError": root.has_error,
        "HasThrottle": root.has_throttle,
        "IsPartial": trace.is_partial,
        "Http": {name: value for name, value in request.items() if value is not None},
        "Annotations": dict(annotations),
        "Users": [{"UserName": user, "ServiceIds": []} for user in users],
        "ServiceIds": [
            service_id(*service, account) for service in dict.fromkeys(segment.service for segment in trace.segments)
        ],
        "ResourceARNs": [{"ARN": arn} for arn in arns if arn],
        "EntryPoint": service_id(*root.service, account),
        "Revision": trace.revision,
        "MatchedEventTime": trace.start,
    }


def segments_of(trace: JoinedTrace) -> list[dict[str, Any]]:
    """The members of Segments."""

    def document(segment: Span) -> dict[str, Any]:
        return segment.document() | {"trace_id": trace.id}

    return [
        {"Id": segment.id, "Document": json.dumps(document(segment), separators=(",", ":"))}
        for segment in trace.segments
    ]


def graph_of(services: Iterable[Service], account: str) -> list[dict[str, Any]]:
    """The members of Services."""
    services = list(services)
    numbers = {service.identity: number for number, service in enumerate(services)}
    return [
        {
            "ReferenceId": numbers[service.identity],
            **service_id(*service.identity, account),
            "Root": service.is_root,
            "State": "active",
            "StartTime": service.calls.start,
            "EndTime": service.calls.end,
            "Edges": [_edge(edge, numbers[edge.target]) for edge in service.edges.values()],
            "SummaryStatistics": _statistics(service.calls),
            "DurationHistogram": _histogram(service.calls.histogram),
            "ResponseTimeHistogram": _histogram(service.calls.histogram),
        }
        for service in services
    ]


def service_id(name: str, kind: str, account: str) -> dict[str, Any]:
    """A service, as other members name it."""
    return {"Name": name, "Names": [name], "AccountId": account, "Type": kind}


def _edge(edge: Edge, number: int) -> dict[str, Any]:
    found = {
        "ReferenceId": number,
        "StartTime": edge.calls.start,
        "EndTime": edge.calls.end,
        "SummaryStatistics": _statistics(edge.calls),
        "ResponseTimeHistogram": _histogram(edge.calls.histogram),
        "Aliases": [],
    }
    return found | ({"EdgeType": "link", "ReceivedEventAgeHistogram": _histogram(edge.ages)} if edge.is_link else {})


def _statistics(calls: Calls) -> dict[str, Any]:
    return {
        "OkCount": calls.ok,
        "ErrorStatistics": {
            "ThrottleCount": calls.throttles,
            "OtherCount": calls.errors - calls.throttles,
            "TotalCount": calls.errors,
        },
        "FaultStatistics": {"OtherCount": calls.faults, "TotalCount": calls.faults},
        "TotalCount": calls.total,
        "TotalResponseTime": round(calls.seconds, 3),
    }


def _histogram(counts: Counter[float]) -> list[dict[str, Any]]:
    return [{"Value": value, "Count": count} for value, count in sorted(counts.items())]


def _annotation(value: str | float | bool) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": value}
