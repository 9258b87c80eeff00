"""A trace as a whole: the documents that arrived, joined into segments, and the segments that X-Ray infers."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.observatory.traces.documents import SUBSEGMENT, Document

_ORIGINS = {"dynamodb": "AWS::DynamoDB::Table", "sqs": "AWS::SQS::Queue"}
_OWN = ("id", "name", "start_time", "end_time", "parent_id", "in_progress", "subsegments")
REFERENCE = "aws.xray.reserved.reference_type"
"""What an attribute of a link says: whether the linked trace is the parent or the child."""


@dataclass(slots=True)
class Span:
    """A segment or subsegment with everything in it."""

    id: str
    name: str
    start: float
    end: float | None
    """None while it runs."""
    parent_id: str | None
    data: Document
    """Its other parts, as in the document."""
    children: list["Span"] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it took; 0 while it runs."""
        return max(0.0, self.end - self.start) if self.end is not None else 0.0

    @property
    def status(self) -> int | None:
        """The status of the HTTP response."""
        found = self.data.get("http", {}).get("response", {}).get("status")
        return found if isinstance(found, int) else None

    @property
    def has_fault(self) -> bool:
        """Whether the server failed."""
        return bool(self.data.get("fault")) or (self.status or 0) >= 500

    @property
    def has_throttle(self) -> bool:
        """Whether there were too many requests."""
        return bool(self.data.get("throttle")) or self.status == 429

    @property
    def has_error(self) -> bool:
        """Whether the client was at fault; throttling counts, as on AWS."""
        return bool(self.data.get("error")) or self.has_throttle or 400 <= (self.status or 0) < 500

    @property
    def service(self) -> tuple[str, str]:
        """Name and type of the service whose segment it is."""
        resources = self.data.get("aws", {}).get("resource_names")
        is_named = self.data.get("inferred") and isinstance(resources, list) and resources
        return (str(resources[0]) if is_named else self.name), str(self.data.get("origin", ""))

    def walk(self) -> Iterator["Span"]:
        """It and everything in it."""
        found: list[Span] = [self]
        for span in found:
            found.extend(span.children)
            yield span

    def document(self, *, is_nested: bool = False) -> Document:
        """The whole document; inside of another, it needs no ID of its parent."""
        parts: Document = {"id": self.id, "name": self.name, "start_time": self.start}
        parts |= {"in_progress": True} if self.end is None else {"end_time": self.end}
        parts |= {"parent_id": self.parent_id} if self.parent_id and not is_nested else {}
        nested = [child.document(is_nested=True) for child in self.children]
        return parts | self.data | ({"subsegments": nested} if nested else {})


@dataclass(frozen=True, kw_only=True)
class JoinedTrace:
    """A trace. A subsegment whose segment never arrived stands for itself, and makes the trace partial."""

    id: str
    segments: tuple[Span, ...]
    """By start; those that are inferred too."""
    parents: Mapping[str, str]
    """By the ID of a segment: that of the segment which called it."""
    revision: int
    limit_exceeded: bool

    @property
    def root(self) -> Span:
        """The first segment that no other has called."""
        return next((segment for segment in self.segments if segment.id not in self.parents), self.segments[0])

    @property
    def start(self) -> float:
        """When it began."""
        return self.root.start

    @property
    def duration(self) -> float:
        """Seconds from the start of the root to the end of the last segment."""
        return max(0.0, max(segment.end or segment.start for segment in self.segments) - self.start)

    @property
    def is_partial(self) -> bool:
        """Whether something is missing or still runs."""
        return any(s.end is None or s.data.get("type") == SUBSEGMENT for s in self.segments)

    @property
    def spans(self) -> Iterator[Span]:
        """Every segment and subsegment."""
        for segment in self.segments:
            yield from segment.walk()

    @property
    def annotations(self) -> list[tuple[str, Any, Span]]:
        """Every key and value, and the segment that has it."""
        return [
            (key, value, segment)
            for segment in self.segments
            for span in segment.walk()
            for key, value in span.data.get("annotations", {}).items()
        ]

    @property
    def links(self) -> list[tuple[str, str]]:
        """The traces whose messages this one handles, each with the ID of the span that sent them."""
        return [
            (str(link["trace_id"]), str(link.get("id", "")))
            for span in self.spans
            for link in span.data.get("links", ())
            if "trace_id" in link
        ]


def join(trace_id: str, documents: Iterable[Document], *, revision: int, limit_exceeded: bool) -> JoinedTrace:
    """Put subsegments that arrived by themselves where they belong, and infer what does not trace itself."""
    spans = [_span(document) for document in documents]
    segments = [span for span in spans if span.data.get("type") != SUBSEGMENT]
    known = {found.id: found for span in spans for found in span.walk()}
    for span in spans:
        if span.data.get("type") == SUBSEGMENT:
            parent = known.get(span.parent_id or "")
            if parent is None or any(found is parent for found in span.walk()):
                segments.append(span)
            elif all(child.id != span.id for child in parent.children):
                # Now it is inside, where a document has neither its type nor the ID of its trace.
                span.data = {name: value for name, value in span.data.items() if name not in ("type", "trace_id")}
                parent.children.append(span)
    called = {segment.parent_id for segment in segments}
    segments += [
        _inferred(trace_id, span)
        for segment in segments
        for span in segment.walk()
        if span is not segment and span.data.get("namespace") in ("aws", "remote") and span.id not in called
    ]
    for segment in segments:
        for span in segment.walk():
            span.children.sort(key=lambda child: child.start)
    segments.sort(key=lambda segment: segment.start)
    owner = {span.id: segment.id for segment in segments for span in segment.walk()}
    parents = {
        segment.id: owner[segment.parent_id]
        for segment in segments
        if segment.parent_id in owner and owner[segment.parent_id] != segment.id
    }
    return JoinedTrace(
        id=trace_id, segments=tuple(segments), parents=parents, revision=revision, limit_exceeded=limit_exceeded
    )


def _span(document: Document) -> Span:
    return Span(
        id=document["id"],
        name=document["name"],
        start=document["start_time"],
        end=document.get("end_time"),
        parent_id=document.get("parent_id"),
        data={name: value for name, value in document.items() if name not in _OWN},
        children=[_span(nested) for nested in document.get("subsegments", ())],
    )


def _inferred(trace_id: str, call: Span) -> Span:
    """The segment of a service that sends none, from the call to it."""
    aws = dict(call.data.get("aws", {}))
    named = [aws.get("table_name"), *_texts(aws.get("table_names")), str(aws.get("queue_url") or "").rpartition("/")[2]]
    if resources := [name for name in named if name]:
        aws["resource_names"] = resources
    is_aws = call.data.get("namespace") == "aws"
    origin = _ORIGINS.get(call.name.lower(), f"AWS::{call.name}") if is_aws else "remote"
    data: Document = {"trace_id": trace_id, "inferred": True, "origin": origin}
    data |= {"aws": aws} if aws else {}
    data |= {"http": call.data["http"]} if "http" in call.data else {}
    data |= {name: True for name in ("error", "fault", "throttle") if call.data.get(name)}
    return Span(
        id=hashlib.sha256(call.id.encode()).hexdigest()[:16],
        name=call.name,
        start=call.start,
        end=call.end,
        parent_id=call.id,
        data=data,
    )


def _texts(found: object) -> list[str]:
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
