"""The map of services: which service called which, how often, with what result, and how long it took."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.observatory.traces.joined import JoinedTrace, Span

CLIENT = "client"
Identity = tuple[str, str]
"""Name and type of a service."""


@dataclass(kw_only=True)
class Calls:
    """What became of the calls of a service, or along an edge."""

    start: float = float("inf")
    end: float = 0
    total: int = 0
    ok: int = 0
    throttles: int = 0
    errors: int = 0
    """With those that were throttled."""
    faults: int = 0
    seconds: float = 0
    histogram: Counter[float] = field(default_factory=Counter)

    def add(self, segment: Span) -> None:
        """Count a segment."""
        self.start, self.end = min(self.start, segment.start), max(self.end, segment.end or segment.start)
        self.total += 1
        self.faults += segment.has_fault
        self.errors += segment.has_error and not segment.has_fault
        self.throttles += segment.has_throttle and not segment.has_fault
        self.ok += not (segment.has_error or segment.has_fault)
        self.seconds += segment.seconds
        self.histogram[round(segment.seconds, 3)] += 1


@dataclass(kw_only=True)
class Edge:
    """Calls from a service to another; `is_link` if messages lead from one trace to another."""

    target: Identity
    is_link: bool = False
    calls: Calls = field(default_factory=Calls)
    ages: Counter[float] = field(default_factory=Counter)
    """Of a link: the seconds that messages waited, and how many did."""


@dataclass(kw_only=True)
class Service:
    """A service on the map."""

    name: str
    type: str
    is_root: bool = False
    calls: Calls = field(default_factory=Calls)
    edges: dict[tuple[Identity, bool], Edge] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        """Name and type."""
        return self.name, self.type

    def edge_to(self, target: Identity, *, is_link: bool = False) -> Edge:
        """The edge to that service, which is made if there is none yet."""
        return self.edges.setdefault((target, is_link), Edge(target=target, is_link=is_link))


def service_graph(traces: Iterable[JoinedTrace]) -> list[Service]:
    """The services of these traces, in the order of their first call."""
    traces = sorted(traces, key=lambda trace: trace.start)
    services: dict[Identity, Service] = {}

    def service(identity: Identity) -> Service:
        return services.setdefault(identity, Service(name=identity[0], type=identity[1]))

    for trace in traces:
        by_id = {segment.id: segment for segment in trace.segments}
        for segment in trace.segments:
            found = service(segment.service)
            found.calls.add(segment)
            if (parent := trace.parents.get(segment.id)) is not None:
                service(by_id[parent].service).edge_to(segment.service).calls.add(segment)
            elif not trace.links:
                found.is_root = True
                caller = service((segment.service[0], CLIENT))
                caller.edge_to(segment.service).calls.add(segment)
                caller.calls.start = min(caller.calls.start, segment.start)
                caller.calls.end = max(caller.calls.end, segment.end or segment.start)
    _add_links(traces, services)
    return list(services.values())


def _add_links(traces: list[JoinedTrace], services: Mapping[Identity, Service]) -> None:
    by_id = {trace.id: trace for trace in traces}
    for trace in traces:
        for source_id, span_id in trace.links:
            source = by_id.get(source_id)
            queue = next((s for s in source.segments if s.parent_id == span_id), None) if source else None
            if queue is not None:
                edge = services[queue.service].edge_to(trace.root.service, is_link=True)
                edge.calls.add(trace.root)
                edge.ages[round(max(0.0, trace.start - queue.start), 3)] += 1
