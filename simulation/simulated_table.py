"""A DynamoDB table for one invocation on a simulated clock, with the metrics that AWS would publish of its calls."""

from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from localcloud.cloudwatch.metrics import MetricKey

# The functions configure their clients for two attempts.
ATTEMPTS = 2


@dataclass(frozen=True, kw_only=True)
class TableBehaviour:
    """How the table treats one invocation: "ok", "retried" (throttled once), "throttle", "error" or "hang"."""

    latency_ms: float = 5.0
    reads: str = "ok"
    writes: str = "ok"


class InvocationTimeout(BaseException):
    """Lambda ends the invocation: no handler code runs after this, and no metrics are flushed."""


class Clock:
    """Seconds since the invocation started; InvocationTimeout at the limit."""

    def __init__(self, limit_seconds: float) -> None:
        self.now, self.limit = 0.0, limit_seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        if self.now >= self.limit:
            raise InvocationTimeout


class SimulatedExecutor(Executor):
    """Runs each call immediately, and sets the clock as if so many workers ran in parallel."""

    def __init__(self, clock: Clock, workers: int) -> None:
        self._clock, self._ends = clock, [0.0] * workers

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future:
        """Run `fn` on the worker that is free first."""
        started = self._clock.now
        if started > max(self._ends):
            self._ends = [started] * len(self._ends)
        worker = self._ends.index(min(self._ends))
        self._clock.now = self._ends[worker]
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future keeps it
            future.set_exception(error)
        self._ends[worker] = self._clock.now
        self._clock.now = max(self._ends)
        return future


class SimulatedTable:
    """The operations that the handlers call. The prefix of a user ID decides what is stored for that user."""

    def __init__(self, name: str, clock: Clock, behaviour: TableBehaviour, read_timeout: float) -> None:
        self._name, self._clock, self._behaviour, self._read_timeout = name, clock, behaviour, read_timeout
        self._raced: set[str] = set()
        self.samples: list[tuple[MetricKey, float]] = []

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        """The records of users whose ID starts with "duplicate"."""
        keys = RequestItems[self._name]["Keys"]
        self._call("BatchGetItem", "Read", self._behaviour.reads)
        items = [_item(key["user_id"]["S"]) for key in keys if key["user_id"]["S"].startswith("duplicate")]
        return {"Responses": {self._name: items}, "UnprocessedKeys": {}}

    def get_item(self, TableName: str, Key: Any) -> Any:  # noqa: N803
        """The record of any user whose ID does not start with "nobody"."""
        self._call("GetItem", "Read", self._behaviour.reads)
        user = Key["user_id"]["S"]
        return {} if user.startswith("nobody") else {"Item": _item(user)}

    def update_item(self, **request: Any) -> Any:
        """Succeeds; the first write for a user whose ID starts with "conflict" fails its condition."""
        user = request["Key"]["user_id"]["S"]
        self._call("UpdateItem", "Write", self._behaviour.writes)
        if user.startswith("conflict") and user not in self._raced:
            self._raced.add(user)
            self._count("ConditionalCheckFailedRequests")
            raise ClientError(
                {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": _item(user, "2020-01-01")},  # type: ignore[typeddict-item]
                "UpdateItem",
            )
        return {}

    def _call(self, operation: str, kind: str, behaviour: str) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                self._clock.advance(0.05)
            if behaviour == "hang":
                self._clock.advance(self._read_timeout)
                continue
            self._clock.advance(self._behaviour.latency_ms / 1000)
            if behaviour == "ok" or (behaviour == "retried" and attempt):
                self._count("SuccessfulRequestLatency", self._behaviour.latency_ms, Operation=operation)
                self._count(f"Consumed{kind}CapacityUnits", 1)
                return
            if behaviour == "error":
                self._count("SystemErrors", Operation=operation)
            else:
                self._count(f"{kind}ThrottleEvents")
                self._count(f"{kind}MaxOnDemandThroughputThrottleEvents")
                self._count("ThrottledRequests", Operation=operation)
        if behaviour == "hang":
            raise ReadTimeoutError(endpoint_url="dynamodb")
        code = "InternalServerError" if behaviour == "error" else "ThrottlingException"
        raise ClientError({"Error": {"Code": code, "Message": ""}}, operation)

    def _count(self, metric: str, value: float = 1, **dimensions: str) -> None:
        self.samples.append((MetricKey.of("AWS/DynamoDB", metric, {"TableName": self._name, **dimensions}), value))


def _item(user: str, day: str = "2026-01-04") -> Any:
    service = {"service_id": {"S": "mail"}, "service_name": {"S": "Mail"}, "last_accessed": {"S": f"{day}T23:59:00Z"}}
    return {"user_id": {"S": user}, "services": {"L": [{"M": service}]}}
