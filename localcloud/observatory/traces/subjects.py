"""What a filter expression asks: a whole trace, or one segment of it inside of `service` and `edge`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.observatory.traces.joined import JoinedTrace, Span

Value = str | float | bool


@dataclass(frozen=True)
class Subject:
    """A trace as its root shows it to the user, or a segment."""

    trace: JoinedTrace
    segment: Span
    is_whole: bool


def of_trace(trace: JoinedTrace) -> Subject:
    """The whole trace."""
    return Subject(trace, trace.root, is_whole=True)


def of_segment(trace: JoinedTrace, segment: Span) -> Subject:
    """A segment of the trace."""
    return Subject(trace, segment, is_whole=False)


def _is_ok(subject: Subject) -> bool:
    segment = subject.segment
    return not (segment.has_fault or segment.has_error) and (segment.status or 200) // 100 == 2


BOOLEANS: Mapping[str, Callable[[Subject], bool]] = {
    "ok": _is_ok,
    "error": lambda subject: subject.segment.has_error,
    "throttle": lambda subject: subject.segment.has_throttle,
    "fault": lambda subject: subject.segment.has_fault,
    "partial": lambda subject: subject.trace.is_partial if subject.is_whole else subject.segment.end is None,
    "inferred": lambda subject: any(
        bool(segment.data.get("inferred"))
        for segment in (subject.trace.segments if subject.is_whole else (subject.segment,))
    ),
    "root": lambda subject: subject.segment is subject.trace.root,
}
NUMBERS: Mapping[str, Callable[[Subject], list[float]]] = {
    "responsetime": lambda subject: [subject.segment.seconds],
    "duration": lambda subject: [subject.trace.duration if subject.is_whole else subject.segment.seconds],
    "http.status": lambda subject: [] if subject.segment.status is None else [subject.segment.status],
}


def _request(part: str) -> Callable[[Subject], list[str]]:
    def found(subject: Subject) -> list[str]:
        text = subject.segment.data.get("http", {}).get("request", {}).get(part)
        return [text] if isinstance(text, str) else []

    return found


def _anywhere(read: Callable[[Mapping[str, Any]], Any]) -> Callable[[Subject], list[str]]:
    """The values of any segment of the trace."""

    def found(subject: Subject) -> list[str]:
        segments = subject.trace.segments if subject.is_whole else (subject.segment,)
        return [text for segment in segments if isinstance(text := read(segment.data), str)]

    return found


def _ec2(part: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(data: Mapping[str, Any]) -> Any:
        found = data.get("aws", {}).get("ec2")
        return found.get(part) if isinstance(found, dict) else None

    return read


TEXTS: Mapping[str, Callable[[Subject], list[str]]] = {
    "http.url": _request("url"),
    "http.method": _request("method"),
    "http.useragent": _request("user_agent"),
    "http.clientip": _request("client_ip"),
    "user": _anywhere(lambda data: data.get("user")),
    "resource.arn": _anywhere(lambda data: data.get("resource_arn")),
    "availabilityzone": _anywhere(_ec2("availability_zone")),
    "instance.id": _anywhere(_ec2("instance_id")),
    "name": lambda subject: [subject.segment.service[0]],
    "type": lambda subject: [subject.segment.service[1]],
}
