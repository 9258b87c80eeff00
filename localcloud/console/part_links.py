"""Where a part of the picture leads: its log lines, its traces, its messages or items, and what a user can do there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from localcloud.console.logs import short_name
from localcloud.console.system import LISTED_MINUTES, Part
from localcloud.observatory.observatory import Observatory

OUTSIDE = {"producer": ("Send an event", "/queues"), "clients": ("Try the API", "/api")}
"""What a user can do in the place of a part that is not of the stack."""
TRACES_MAX = 1_000


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link to another view of the console."""

    text: str
    path: str
    given: Mapping[str, str] = field(default_factory=dict)
    """Parameters of its address."""


def links_of(part: Part, names: list[str], observatory: Observatory, end: float) -> Iterator[Link]:
    """The links of a part whose resources have these names; only those that lead to something."""
    if part.id in OUTSIDE:
        text, path = OUTSIDE[part.id]
        yield Link(text=text, path=path)
    # As the view of logs names it; two groups that end alike would both need their whole names there.
    if part.log and [short_name(group) for group in observatory.logs.groups()].count(part.log) == 1:
        yield Link(text="Log lines", path="/logs", given={"function": part.log})
    for name in names:
        if part.dimension == "QueueName":
            yield Link(text="Messages", path=f"/queues/{name}")
        elif part.dimension == "TableName":
            yield Link(text="Items", path="/table", given={"table": name})
    for service in sorted(_services(observatory, end)):
        # A trace names the stage of an API.
        if service.partition("/")[0] in names:
            yield Link(text="Traces", path="/traces", given={"service": service})


def _services(observatory: Observatory, end: float) -> set[str]:
    """The services in the newest traces: a part that no trace has seen must not lead to an empty list."""
    traces = observatory.traces.between(end - LISTED_MINUTES * 60, end + 1)[:TRACES_MAX]
    return {segment.service[0] for trace in traces for segment in trace.segments}
