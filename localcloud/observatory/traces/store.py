"""The traces that are kept: the newest ones, up to a number and a size, in the time of the cloud."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from localcloud.observatory.clock import Clock
from localcloud.observatory.feed import Feed
from localcloud.observatory.traces.documents import Document, DocumentError, read_document
from localcloud.observatory.traces.joined import JoinedTrace, Span, join

TRACES_MAX = 5_000
LAMBDA = "AWS::Lambda"
"""The origin of the segment that names the request; the function's own segment does not."""
BYTES_MAX = 16 * 1024 * 1024
"""Of the documents of all traces; once somebody reads them, they take six times as much."""
TRACE_BYTES_MAX = 500 * 1024
"""Of the documents of one trace, as on AWS."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the documents that arrived, and of traces."""

    kept: int
    rejected: int
    """Malformed, or beyond the size of a trace."""
    dropped_traces: int
    """Kept once, and given up for newer ones."""


@dataclass(kw_only=True)
class _Trace:
    ahead: float
    """Seconds by which the clock of the cloud is ahead of that of this machine."""
    first: float
    """The earliest start, in the time of the cloud."""
    documents: dict[str, bytes] = field(default_factory=dict)
    """By the ID of the segment; a segment that was in progress is replaced by its end."""
    size: int = 0
    revision: int = 0
    limit_exceeded: bool = False
    joined: JoinedTrace | None = None
    """Of this revision, once somebody read it."""


class TraceStore:
    """Traces by ID. Its methods may be called from any thread."""

    def __init__(self, clock: Clock, *, traces_max: int = TRACES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self.feed = Feed()
        """Tells of every document; the observatory's own would redraw boards for each."""
        self._clock, self._traces_max, self._bytes_max = clock, traces_max, bytes_max
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._lock = threading.Lock()
        self._size = self._kept = self._rejected = self._dropped = 0

    @property
    def counts(self) -> Counts:
        """What became of what arrived."""
        with self._lock:
            return Counts(kept=self._kept, rejected=self._rejected, dropped_traces=self._dropped)

    @property
    def size(self) -> int:
        """The bytes of all documents."""
        return self._size

    def receive(self, text: bytes | str) -> str | None:
        """Keep a document that somebody sent; why it is rejected, or None."""
        try:
            document = read_document(text)
        except DocumentError as error:
            self.reject()
            return str(error)
        return None if self.put(document) else f"The trace has more than {TRACE_BYTES_MAX} bytes."

    def reject(self) -> None:
        """Count what was no document at all."""
        with self._lock:
            self._rejected += 1

    def put(self, document: Document) -> bool:
        """Keep a document whose times are those of this machine; whether its trace had room for it."""
        with self._lock:
            start = document["start_time"]
            trace = self._traces.get(document["trace_id"])
            if trace is None:
                # One distance for a whole trace: durations are those of this machine.
                ahead = self._clock.when_here_was(start) - start
                trace = self._traces[document["trace_id"]] = _Trace(ahead=ahead, first=start + ahead)
            text = json.dumps(_shifted(document, trace.ahead), separators=(",", ":")).encode()
            added = len(text) - len(trace.documents.get(document["id"], b""))
            if trace.size + added > TRACE_BYTES_MAX:
                trace.limit_exceeded = True
                self._rejected += 1
                return False
            trace.documents[document["id"]] = text
            trace.size, trace.revision, trace.joined = trace.size + added, trace.revision + 1, None
            trace.first = min(trace.first, start + trace.ahead)
            self._size, self._kept = self._size + added, self._kept + 1
            self._drop_oldest()
        self.feed.publish()
        return True

    def _drop_oldest(self) -> None:
        while len(self._traces) > 1 and (len(self._traces) > self._traces_max or self._size > self._bytes_max):
            _, dropped = self._traces.popitem(last=False)
            self._size, self._dropped = self._size - dropped.size, self._dropped + 1

    def get(self, trace_id: str) -> JoinedTrace | None:
        """A trace; None if it is not kept."""
        with self._lock:
            return self._joined(trace_id) if trace_id in self._traces else None

    def between(
        self, start: float, end: float, wanted: Callable[[JoinedTrace], bool] = lambda trace: True
    ) -> list[JoinedTrace]:
        """The wanted traces that began from `start` up to `end`, the newest first."""
        with self._lock:
            ids = [trace_id for trace_id, trace in self._traces.items() if start <= trace.first < end]
        # Locked one by one: joining thousands must not hold up the functions that send.
        found = [trace for trace_id in ids if (trace := self.get(trace_id)) and wanted(trace)]
        return sorted(found, key=lambda trace: trace.start, reverse=True)

    def mentioning(self, trace_id: str) -> list[str]:
        """The IDs of the traces with a document that has this ID in it, the newest first: its own, and links to it."""
        text = trace_id.encode()
        with self._lock:
            return [
                found
                for found, trace in reversed(self._traces.items())
                if any(text in document for document in trace.documents.values())
            ]

    def of_request(self, request_id: str) -> str | None:
        """The ID of the trace in which Lambda had this request; None if it was not sampled, or is not kept."""
        for trace_id in self.mentioning(request_id):
            trace = self.get(trace_id)
            if trace and any(_is_request(segment, request_id) for segment in trace.segments):
                return trace_id
        return None

    def _joined(self, trace_id: str) -> JoinedTrace:
        trace = self._traces[trace_id]
        if trace.joined is None:
            documents = [json.loads(text) for text in trace.documents.values()]
            trace.joined = join(trace_id, documents, revision=trace.revision, limit_exceeded=trace.limit_exceeded)
        return trace.joined


def _is_request(segment: Span, request_id: str) -> bool:
    data = segment.data
    return data.get("origin") == LAMBDA and data.get("aws", {}).get("request_id") == request_id


def _shifted(document: Document, seconds: float) -> Document:
    """The document in the time of the cloud."""
    if not seconds:
        return document
    times = {name: document[name] + seconds for name in ("start_time", "end_time") if name in document}
    nested = [_shifted(subsegment, seconds) for subsegment in document.get("subsegments", ())]
    return document | times | ({"subsegments": nested} if nested else {})
