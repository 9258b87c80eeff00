"""The console's views of traces, as JSON values: the list with its map, and one trace as a waterfall."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from localcloud.boards.series import range_minutes
from localcloud.console.http import Answer, HttpError, answer_json, parameters
from localcloud.console.times import read_end, read_range, write_time
from localcloud.console.trace_map import map_of
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.traces.documents import SUBSEGMENT
from localcloud.observatory.traces.filters import read_filter
from localcloud.observatory.traces.graph import service_graph
from localcloud.observatory.traces.joined import JoinedTrace, Span
from localcloud.observatory.traces.tokens import ExpressionError

TRACES_SHOWN, LINKED_SHOWN = 200, 5
MAPPED_MAX = 1_000
"""Of the newest traces: a map of all would take most of a second, each time that a trace arrives."""
RESULTS = ("ok", "error", "fault", "throttle", "partial")
FILTERS = ("result", "over", "service", "annotation", "text", "filter")


class TraceViews:
    """What is read from the traces of an observatory. Its methods may be called from any thread."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory, self._store = observatory, observatory.traces
        self.answers: dict[str, Callable[[dict[str, Any]], Answer]] = {"/traces": self._list, "/trace": self._one}

    def _list(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "range", "end", *FILTERS)
        now = self._observatory.clock.now()
        shown, end = read_range(given.get("range"), given.get("end"), now), read_end(given.get("end"), now)
        start = end - range_minutes(f"-{shown.text}") * 60
        # The last second belongs to the view: an address has no fractions of it.
        everything, sentence = self._store.between(start, end + 1), None
        try:
            wanted = self._wanted(given)
        except ExpressionError as error:
            found, sentence = [], str(error)
        else:
            found = [trace for trace in everything if wanted(trace)]
        counts, newest = self._store.counts, everything[:MAPPED_MAX]
        return answer_json(
            {
                "end": write_time(end),
                "version": self._store.feed.version,
                "problem": sentence,
                "count": len(found),
                "total": len(everything),
                "dropped": counts.dropped_traces,
                "rejected": counts.rejected,
                "groups": sorted(self._observatory.trace_groups()),
                "services": sorted({s.service[0] for trace in newest for s in trace.segments}),
                "annotations": sorted({key for trace in newest for key, *_ in trace.annotations}),
                "traces": [_row(trace) for trace in found[:TRACES_SHOWN]],
                "mapped": min(len(found), MAPPED_MAX),
                "map": map_of(service_graph(found[:MAPPED_MAX])),
            }
        )

    def _wanted(self, given: Mapping[str, str]) -> Callable[[JoinedTrace], bool]:
        """What the filters want, each as a part of an expression; raises ExpressionError."""
        parts = [given["filter"]] if given.get("filter", "").strip() else []
        if result := given.get("result"):
            if result not in RESULTS:
                raise HttpError(HTTPStatus.BAD_REQUEST, f"A result is {', '.join(RESULTS)}.")
            parts.append(result)
        if over := given.get("over"):
            if not over.isascii() or not over.isdigit() or len(over) > 9:
                raise ExpressionError("A duration is a number of milliseconds.")
            parts.append(f"duration >= {int(over) / 1000:.3f}")
        if service := given.get("service"):
            parts.append(f"service({_quoted(service)})")
        if annotation := given.get("annotation"):
            parts.append(_annotation(annotation))
        groups = self._observatory.trace_groups()
        checks = [read_filter(part, groups) for part in parts]
        if text := given.get("text", "").lower():
            checks.append(lambda trace: any(text in _searched(segment) for segment in trace.segments))
        return lambda trace: all(check(trace) for check in checks)

    def _one(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "id")
        trace = self._store.get(given.get("id", ""))
        if trace is None:
            raise HttpError(
                HTTPStatus.NOT_FOUND,
                "There is no such trace. It was not sampled, or newer traces have taken its place.",
            )
        senders = dict.fromkeys(sender for sender, _ in trace.links)
        batches = [name for name in self._store.mentioning(trace.id) if name != trace.id]
        linked = [("sender", name) for name in senders] + [("batch", name) for name in batches if name not in senders]
        return answer_json(
            _detail(trace)
            | {
                "linked": [
                    {"relation": relation, "id": name}
                    | (_detail(found) if (found := self._store.get(name)) else {"spans": None})
                    for relation, name in linked[:LINKED_SHOWN]
                ],
                "notShown": max(0, len(linked) - LINKED_SHOWN),
            }
        )


def _row(trace: JoinedTrace) -> dict[str, Any]:
    root = trace.root
    request = root.data.get("http", {}).get("request", {})
    return {
        "id": trace.id,
        "start": _precise(trace.start),
        "entry": root.service[0],
        "type": root.service[1],
        "method": str(request.get("method") or ""),
        "path": _path(str(request.get("url") or "")),
        "status": root.status,
        "result": _result(root),
        "hidden": _hidden(trace),
        "isPartial": trace.is_partial,
        "milliseconds": round(trace.duration * 1000, 1),
        "services": len({segment.service for segment in trace.segments}),
        "links": len(trace.links),
    }


def _detail(trace: JoinedTrace) -> dict[str, Any]:
    return _row(trace) | {"limitExceeded": trace.limit_exceeded, "spans": _spans(trace)}


def _spans(trace: JoinedTrace) -> list[dict[str, Any]]:
    """Every span with its depth, in the order of a waterfall: a called segment is below its call."""
    called: dict[str | None, list[Span]] = {}
    for segment in trace.segments:
        called.setdefault(segment.parent_id if segment.id in trace.parents else None, []).append(segment)
    found: list[dict[str, Any]] = []

    def add(span: Span, depth: int, *, is_segment: bool) -> None:
        found.append(_span(trace, span, depth, is_segment=is_segment))
        children = [(child, False) for child in span.children]
        children += [(segment, True) for segment in called.get(span.id, ())]
        for child, starts_segment in sorted(children, key=lambda pair: pair[0].start):
            add(child, depth + 1, is_segment=starts_segment)

    for root in called.get(None, ()):
        add(root, 0, is_segment=True)
    return found


def _span(trace: JoinedTrace, span: Span, depth: int, *, is_segment: bool) -> dict[str, Any]:
    data, aws = span.data, span.data.get("aws", {})
    causes = data.get("cause")
    exceptions = causes.get("exceptions", ()) if isinstance(causes, dict) else ()
    gateway = aws.get("api_gateway")
    request = aws.get("request_id") if data.get("origin") == "AWS::Lambda" else None
    return {
        "id": span.id,
        "name": span.service[0] if is_segment else span.name,
        "type": span.service[1] if is_segment else "",
        "depth": depth,
        "isSegment": is_segment,
        "isInferred": bool(data.get("inferred")),
        "isLost": is_segment and data.get("type") == SUBSEGMENT,
        "offset": round((span.start - trace.start) * 1000, 2),
        "milliseconds": None if span.end is None else round(span.seconds * 1000, 2),
        "result": _result(span),
        "status": span.status,
        "operation": str(aws.get("operation", "")),
        "request": request or (gateway.get("request_id") if isinstance(gateway, dict) else None),
        "annotations": {key: json.dumps(value) for key, value in data.get("annotations", {}).items()},
        "exceptions": [
            {"type": str(found.get("type", "")), "stack": [_frame(frame) for frame in found.get("stack", ())]}
            for found in exceptions
            if isinstance(found, dict)
        ],
        "document": json.dumps({name: value for name, value in data.items() if name != "cause"}, indent=1),
    }


def _frame(frame: object) -> str:
    return f"{frame.get('path')}:{frame.get('line')} {frame.get('label')}" if isinstance(frame, dict) else str(frame)


def _result(span: Span) -> str:
    if span.has_fault:
        return "fault"
    if span.has_throttle:
        return "throttle"
    return "error" if span.has_error else "ok"


def _hidden(trace: JoinedTrace) -> bool:
    """Whether something failed that the caller did not see."""
    return _result(trace.root) == "ok" and any(span.has_fault or span.has_error for span in trace.spans)


def _searched(segment: Span) -> str:
    return json.dumps(segment.document(), ensure_ascii=False).lower()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _annotation(text: str) -> str:
    """`key`, or `key=value`, whatever type the value has."""
    key, sign, value = (part.strip() for part in text.partition("="))
    if not key or any(character in key for character in '[]"'):
        raise ExpressionError("An annotation is a key, or a key = a value.")
    if not sign:
        return f"annotation[{key}]"
    ways = [f"annotation[{key}] = {_quoted(value)}"]
    if value.lower() in ("true", "false") or value.removeprefix("-").replace(".", "", 1).isdecimal():
        ways.append(f"annotation[{key}] = {value}")
    # A boolean or a number must match as such, and as text.
    return f"({' OR '.join(ways)})"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _precise(seconds: float) -> str:
    return f"{write_time(seconds)[:-1]}.{int(seconds % 1 * 1000):03}Z"
