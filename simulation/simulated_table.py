"""A DynamoDB table for one invocation on a simulated clock, with the metrics that AWS would publish of its calls."""

from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.models.client import Client, Perform, client_error
from localcloud.models.table import TableModel

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
    """The table behind `client`, whose calls take time and fail as the behaviour says; `store` fills it."""

    def __init__(self, name: str, clock: Clock, behaviour: TableBehaviour, read_timeout: float) -> None:
        self._name, self._clock, self._behaviour, self._read_timeout = name, clock, behaviour, read_timeout
        self._model = TableModel(name)
        self.client: Any = Client(self._model, self._call)
        self.samples: list[tuple[MetricKey, float]] = []

    def store(self, user: str, day: str = "2026-01-04") -> None:
        """Store a login of this user."""
        texts = {"service_id": "mail", "service_name": "Mail", "last_accessed": f"{day}T23:59:00Z"}
        self._put(user, {"M": {name: {"S": text} for name, text in texts.items()}})

    def store_damaged(self, user: str) -> None:
        """Store a record of this user in which no login can be read."""
        self._put(user, {"S": "manual edit"})

    def _put(self, user: str, service: dict[str, Any]) -> None:
        item = {"user_id": {"S": user}, "services": {"L": [service]}}
        self._model.put_item(TableName=self._name, Item=item)

    def _call(self, method: str, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        operation = "".join(word.title() for word in method.split("_"))
        if method != "update_item":
            keys = sum(len(asked["Keys"]) for asked in request.get("RequestItems", {}).values()) or 1
            # An eventually consistent read of an item takes half a unit.
            self._arrive(operation, "Read", self._behaviour.reads, units=keys / 2)
            return perform(request)
        self._arrive(operation, "Write", self._behaviour.writes, units=1)
        user = request["Key"]["user_id"]["S"]
        # Another writer stores an older login of such a user just before the first write.
        if user.startswith("conflict") and user not in self._model.items():
            self.store(user, "2020-01-01")
        try:
            return perform(request)
        except ClientError:
            self._count("ConditionalCheckFailedRequests")
            raise

    def _arrive(self, operation: str, kind: str, behaviour: str, *, units: float) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                self._clock.advance(0.05)
            if behaviour == "hang":
                self._clock.advance(self._read_timeout)
                continue
            self._clock.advance(self._behaviour.latency_ms / 1000)
            if behaviour == "ok" or (behaviour == "retried" and attempt):
                self._count("SuccessfulRequestLatency", self._behaviour.latency_ms, Operation=operation)
                self._count(f"Consumed{kind}CapacityUnits", units)
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
        raise client_error(operation, code)

    def _count(self, metric: str, value: float = 1, **dimensions: str) -> None:
        self.samples.append((MetricKey.of("AWS/DynamoDB", metric, {"TableName": self._name, **dimensions}), value))
