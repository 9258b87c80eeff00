"""What happened in the embedded cloud, as far as AWS publishes metrics about it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """Which function was invoked, how the caller named it, and which version ran."""

    function: str
    qualifier: str | None
    """The alias or version that the caller named."""
    version: str
    """The version that ran; `$LATEST` for unpublished code."""


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """A queue at the end of a minute. The age is that of the oldest message that counts, 0 without one."""

    name: str
    visible: int
    in_flight: int
    age_seconds: float


@dataclass(frozen=True, kw_only=True)
class TableRequest:
    """A request that reached DynamoDB."""

    operation: str
    tables: tuple[str, ...]
    status: int
    seconds: float
    error: str = ""
    """The error code of the response."""
    throttle_reasons: tuple[str, ...] = ()
    """Of a throttled request: the causes that the exception names."""
    capacity_units: dict[str, float] = field(default_factory=dict)
    """Consumed units by table."""


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """A request that reached a stage of an API."""

    api: str
    stage: str
    status: int
    seconds: float
    integration_seconds: float | None
    """None if API Gateway answered by itself."""


@dataclass(frozen=True, kw_only=True)
class CodeNotice:
    """What became of an edit of the functions' code: a sentence, and the lines that belong below it."""

    at: float
    ok: bool
    sentence: str
    details: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of a log, and when it was written, in seconds since 1970."""

    at: float
    text: str
