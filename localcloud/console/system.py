"""The parts of the system and what flows between them, as metrics of one minute say.

The names are those that the program gives, PROJECT-STACK-ROLE; a part that does not exist yet has no resources.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    METRICS_NAMESPACE,
    PROBE_SERVICE,
    QUERY_SERVICE,
    SERVICE_DIMENSION,
    STACK_DIMENSION,
    MetricName,
)
from localcloud.cloudwatch.metrics import MetricKey, Statistic
from localcloud.observatory.meter import READS
from localcloud.observatory.observatory import Observatory

SUM, MAXIMUM, SAMPLES, P99 = (Statistic.parse(name) for name in ("Sum", "Maximum", "SampleCount", "p99"))
LATENCY_MINUTES = 5
"""A percentile of one quiet minute would jump with each request."""
LISTED_MINUTES = 180
"""A metric without a sample for so long is not listed."""
NAMESPACES = {
    "QueueName": "AWS/SQS",
    "EventSourceMappingUUID": "AWS/Lambda",
    "FunctionName": "AWS/Lambda",
    "TableName": "AWS/DynamoDB",
    "ApiName": "AWS/ApiGateway",
    "TopicName": "AWS/SNS",
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number below the name of a part."""

    label: str
    value: float | None
    unit: str = ""
    is_bad: bool = False
    """Whether it is a count of failures that is not zero."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the system, the resources it consists of, and its figures."""

    id: str
    title: str
    dimension: str = ""
    ending: str = ""
    """How the names of its resources end; empty for any."""
    service: str = ""
    """What the function's own metrics call it."""
    log: str = ""
    """How the name of its log group ends."""
    is_optional: bool = False
    """Whether the picture is complete without it."""
    figures: Callable[["Reading"], list[Figure]] = lambda reading: []


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """What flows from one part to another in a minute."""

    start: str
    end: str
    label: str
    rate: Callable[["Reading"], float | None]
    counts_probe: bool = False
    """Whether the rate counts what the probe sends too, which AWS cannot tell apart."""


class Reading:
    """The metrics of one minute, by the parts of the system."""

    def __init__(self, observatory: Observatory, minute: int) -> None:
        self.minute = minute
        self._store = observatory.store
        self._resources = observatory.alarms.resources()
        self.keys = observatory.store.keys(minute - LISTED_MINUTES)

    def resources(self, part: Part) -> list[tuple[str, str]]:
        """What exists of the part, as (dimension, name)."""
        return [
            (dimension, name)
            for dimension, name in self._resources
            if dimension == part.dimension and name.endswith(part.ending)
        ]

    def dimensions(self, part: Part) -> set[tuple[str, str]]:
        """What a metric about the part has among its dimensions."""
        return {*self.resources(part), *([(SERVICE_DIMENSION, part.service)] if part.service else [])}

    def disabled_mappings(self) -> int:
        """How many event source mappings take no messages."""
        states = [state for (dimension, _), state in self._resources.items() if dimension == "EventSourceMappingState"]
        return sum(not state[0] for state in states if isinstance(state, tuple))

    def value(self, part_id: str, name: str, statistic: Statistic = SUM, minutes: int = 1) -> float | None:
        """A metric of the part; of several resources the sum, or the largest of another statistic."""
        values = [
            value
            for dimension, resource in self.resources(PARTS[part_id])
            if (key := MetricKey(NAMESPACES[dimension], name, frozenset({(dimension, resource)})))
            and (value := self._store.value(key, statistic, self.minute + 1 - minutes, self.minute + 1)) is not None
        ]
        if not values:
            return None
        return sum(values) if statistic is SUM else max(values)

    def answered(self, *, reads: bool) -> float | None:
        """Reads or writes that the table answered; None if it had none."""
        tables = self.dimensions(PARTS["table"])
        return sum(
            self._store.sample_count(key, self.minute, self.minute + 1)
            for key in self.keys
            if key.name == "SuccessfulRequestLatency" and key.dimensions & tables
            for dimension, operation in key.dimensions
            if dimension == "Operation" and (operation in READS) == reads
        ) or None  # fmt: skip

    def table(self, *names: str) -> float | None:
        """The sum of metrics that the table has for each operation."""
        return self._sum(lambda key: key.name in names and bool(key.dimensions & self.dimensions(PARTS["table"])))

    def own(self, *names: MetricName, statistic: Statistic = SUM) -> float | None:
        """The sum of metrics that the handlers report, or how often they reported."""
        dimensions = {SERVICE_DIMENSION, STACK_DIMENSION}
        return self._sum(
            lambda key: (
                key.namespace == METRICS_NAMESPACE
                and key.name in names
                and {name for name, _ in key.dimensions} == dimensions
            ),
            statistic,
        )

    def _sum(self, is_wanted: Callable[[MetricKey], bool], statistic: Statistic = SUM) -> float | None:
        found = (self._store.value(key, statistic, self.minute, self.minute + 1) for key in self.keys if is_wanted(key))
        values = [value for value in found if value is not None]
        return sum(values) if values else None

    def describe(self, key: MetricKey) -> dict[str, Any]:
        """A metric with its statistics in this minute, as JSON values."""
        return {
            "namespace": key.namespace,
            "name": key.name,
            "dimensions": ", ".join(f"{name}={value}" for name, value in sorted(key.dimensions)),
            "unit": self._store.unit(key),
            "sum": self._store.value(key, SUM, self.minute, self.minute + 1),
            "maximum": self._store.value(key, MAXIMUM, self.minute, self.minute + 1),
        }


def _failures(label: str, value: float | None) -> Figure:
    return Figure(label=label, value=value, is_bad=bool(value))


def _queue(reading: Reading) -> list[Figure]:
    return [
        Figure(label="waiting", value=reading.value("queue", "ApproximateNumberOfMessagesVisible", MAXIMUM)),
        Figure(label="in flight", value=reading.value("queue", "ApproximateNumberOfMessagesNotVisible", MAXIMUM)),
        Figure(label="oldest", value=reading.value("queue", "ApproximateAgeOfOldestMessage", MAXIMUM), unit="s"),
    ]


def _mapping(reading: Reading) -> list[Figure]:
    return [_failures("disabled", reading.disabled_mappings())]


def _function(part_id: str, *failed: MetricName) -> Callable[[Reading], list[Figure]]:
    def figures(reading: Reading) -> list[Figure]:
        return [
            _failures("crashed", reading.value(part_id, "Errors")),
            _failures("throttled", reading.value(part_id, "Throttles")),
            _failures("failed", reading.own(*failed)),
            Figure(label="p99", value=reading.value(part_id, "Duration", P99, LATENCY_MINUTES), unit="ms"),
        ]

    return figures


def _table(reading: Reading) -> list[Figure]:
    return [
        _failures("throttled", reading.table("ThrottledRequests")),
        _failures("system errors", reading.table("SystemErrors")),
    ]


def _dead_letters(reading: Reading) -> list[Figure]:
    return [_failures("waiting", reading.value("dead-letters", "ApproximateNumberOfMessagesVisible", MAXIMUM))]


def _api(reading: Reading) -> list[Figure]:
    return [
        _failures("5xx", reading.value("api", "5XXError")),
        Figure(label="4xx", value=reading.value("api", "4XXError")),
        Figure(label="p99", value=reading.value("api", "Latency", P99, LATENCY_MINUTES), unit="ms"),
    ]


def _probe(reading: Reading) -> list[Figure]:
    runs, shown = (reading.own(MetricName.PROBE_SUCCESS, statistic=statistic) for statistic in (SAMPLES, SUM))
    return [
        _failures("crashed", reading.value("probe", "Errors")),
        _failures("failed", None if runs is None or shown is None else runs - shown),
    ]


PARTS = {
    part.id: part
    for part in (
        Part(id="producer", title="Identity provider"),
        Part(id="queue", title="Queue", dimension="QueueName", ending="-events", figures=_queue),
        Part(id="consumer", title="Event source mapping", dimension="EventSourceMappingUUID", figures=_mapping),
        Part(
            id="event-handler",
            title="Event handler",
            dimension="FunctionName",
            ending="-event-handler",
            service=EVENT_HANDLER_SERVICE,
            log="event-handler",
            figures=_function("event-handler", MetricName.EVENT_FAILED),
        ),
        Part(
            id="dead-letters",
            title="Dead-letter queue",
            dimension="QueueName",
            ending="-events-dead-letters",
            figures=_dead_letters,
        ),
        Part(id="table", title="Table", dimension="TableName", ending="-user-services", figures=_table),
        Part(id="clients", title="Clients"),
        Part(id="api", title="API", dimension="ApiName", ending="-api", log="api-access", figures=_api),
        Part(
            id="query",
            title="Query function",
            dimension="FunctionName",
            ending="-query",
            service=QUERY_SERVICE,
            log="query",
            figures=_function("query", MetricName.QUERY_ERROR),
        ),
        Part(
            id="probe",
            title="Probe",
            dimension="FunctionName",
            ending="-probe",
            service=PROBE_SERVICE,
            log="probe",
            is_optional=True,
            figures=_probe,
        ),
        Part(id="topics", title="Topics", dimension="TopicName"),
        Part(id="pager", title="Pager and mail"),
    )
}
ARROWS = (
    Arrow(
        start="producer",
        end="queue",
        label="sent",
        rate=lambda it: it.value("queue", "NumberOfMessagesSent"),
        counts_probe=True,
    ),
    Arrow(
        start="queue",
        end="consumer",
        label="received",
        rate=lambda it: it.value("queue", "NumberOfMessagesReceived"),
    ),
    Arrow(
        start="consumer",
        end="event-handler",
        label="batches",
        rate=lambda it: it.value("event-handler", "Invocations"),
    ),
    Arrow(start="event-handler", end="table", label="written", rate=lambda it: it.answered(reads=False)),
    Arrow(
        start="event-handler",
        end="dead-letters",
        label="given up",
        rate=lambda it: it.own(MetricName.EVENT_INVALID, MetricName.EVENT_EXHAUSTED),
    ),
    Arrow(start="clients", end="api", label="requests", rate=lambda it: it.value("api", "Count"), counts_probe=True),
    Arrow(start="api", end="query", label="queries", rate=lambda it: it.value("query", "Invocations")),
    Arrow(start="query", end="table", label="read", rate=lambda it: it.answered(reads=True)),
    Arrow(
        start="topics",
        end="pager",
        label="delivered",
        rate=lambda it: it.value("topics", "NumberOfNotificationsDelivered"),
    ),
    Arrow(start="probe", end="queue", label="runs", rate=lambda it: it.value("probe", "Invocations")),
    Arrow(start="probe", end="api", label="logins shown", rate=lambda it: it.own(MetricName.PROBE_SUCCESS)),
)
