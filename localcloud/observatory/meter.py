"""The metrics that AWS publishes about what happens: facts in, samples out. It publishes nothing where AWS does not.

`simulation.aws_metrics` publishes the metrics of simulated traffic. tests/localcloud/test_meter.py compares both by
facts, and tests/simulation/test_model_against_meter.py by the same traffic.
"""

import functools
from collections.abc import Iterable

from localcloud.cloudwatch import emf
from localcloud.cloudwatch.metrics import MetricKey
from localcloud.observatory.clock import Clock
from localcloud.observatory.facts import ApiRequest, Invoked, QueueState, TableRequest
from localcloud.observatory.retention import RetainedMetrics

ACTIVE_MINUTES = 360
"""SQS publishes metrics of a queue until it was empty and unused for this long."""
AGE_RECEIVES = 3
"""A message received this often no longer counts for the age of the oldest message."""
READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
THROTTLES = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"})
# The end of a throttling reason -> the part of the metric's name, as in the guide's list of throttling metrics.
_THROTTLE_CAUSES = {
    "MaxOnDemandThroughputExceeded": "MaxOnDemandThroughput",
    "KeyRangeThroughputExceeded": "KeyRangeThroughput",
    "AccountLimitExceeded": "AccountLimit",
    "ProvisionedThroughputExceeded": "ProvisionedThroughput",
}
_Sample = tuple[MetricKey, float, str]


@functools.lru_cache(maxsize=4096)
def _key(namespace: str, name: str, *dimensions: str) -> MetricKey:
    return MetricKey(namespace, name, frozenset(zip(dimensions[::2], dimensions[1::2], strict=True)))


class Meter:
    """Publishes samples into `store`. Its methods may be called from any thread, and take microseconds."""

    def __init__(self, store: RetainedMetrics, clock: Clock, *, activation_minutes: int = 0) -> None:
        self._store, self._clock = store, clock
        # AWS documents a delay of up to 15 minutes when a queue becomes active again.
        self._activation_minutes = activation_minutes
        self._used: dict[str, int] = {}
        self._active_since: dict[str, int] = {}

    # SQS

    def queue_used(self, queue: str) -> None:
        """An action accessed the queue."""
        self._used[queue] = self._minute()

    def queue_gone(self, queues: Iterable[str]) -> None:
        """Forget the queues that are not among these."""
        for gone in set(self._used) - set(queues):
            self._used.pop(gone, None)
            self._active_since.pop(gone, None)

    def messages_sent(self, queue: str, count: int = 1) -> None:
        """Messages were added by a producer; a move to a dead-letter queue is not a send."""
        self._publish(self._minute(), [_queue(queue, "NumberOfMessagesSent")] * count)

    def messages_received(self, queue: str, count: int) -> None:
        """A receive returned so many messages."""
        metric = _queue(queue, "NumberOfMessagesReceived" if count else "NumberOfEmptyReceives")
        self._publish(self._minute(), [metric] * (count or 1))

    def messages_deleted(self, queue: str, count: int = 1) -> None:
        """Messages were deleted after they were received."""
        self._publish(self._minute(), [_queue(queue, "NumberOfMessagesDeleted")] * count)

    def queue_state(self, minute: int, state: QueueState) -> None:
        """The queue at the end of that minute; nothing is published about an inactive queue."""
        if state.visible or state.in_flight:
            self._used[state.name] = minute
        if minute - self._used.get(state.name, minute - ACTIVE_MINUTES - 1) > ACTIVE_MINUTES:
            self._active_since.pop(state.name, None)
            return
        if minute - self._active_since.setdefault(state.name, minute) < self._activation_minutes:
            return
        values = [
            ("ApproximateNumberOfMessagesVisible", state.visible, "Count"),
            ("ApproximateNumberOfMessagesNotVisible", state.in_flight, "Count"),
            ("ApproximateAgeOfOldestMessage", round(state.age_seconds), "Seconds"),
            *[(f"NumberOfMessages{action}", 0, "Count") for action in ("Sent", "Received", "Deleted")],
        ]
        self._publish(minute, [(_key("AWS/SQS", name, "QueueName", state.name), v, unit) for name, v, unit in values])

    # Lambda

    def invocation(self, invoked: Invoked, started: float, seconds: float, *, is_error: bool, concurrency: int) -> None:
        """An invocation ended. Its samples belong to the minute in which it started."""
        values = [
            ("Invocations", 1, "Count"),
            ("Errors", float(is_error), "Count"),
            ("Throttles", 0, "Count"),
            ("Duration", round(seconds * 1000, 2), "Milliseconds"),
            ("ConcurrentExecutions", concurrency, "Count"),
        ]
        self._publish(int(started // 60), _lambda(invoked, values))

    def throttle(self, invoked: Invoked) -> None:
        """Lambda refused to run an invocation, which then counts as nothing else."""
        self._publish(self._minute(), _lambda(invoked, [("Throttles", 1, "Count")]))

    def batch(self, mapping: str, events: int, *, failed: bool) -> None:
        """An event source mapping whose EventCount metrics are enabled handed a batch to its function."""
        names = ("PolledEventCount", "InvokedEventCount", *["FailedInvokeEventCount"] * failed)
        keys = [_key("AWS/Lambda", name, "EventSourceMappingUUID", mapping) for name in names]
        self._publish(self._minute(), [(key, events, "Count") for key in keys])

    # DynamoDB

    def table_request(self, request: TableRequest) -> None:
        """DynamoDB answered a request."""
        kind = "Read" if request.operation in READS else "Write"
        samples: list[_Sample] = []
        for table in request.tables:
            by_table = functools.partial(_table, table)
            by_operation = functools.partial(_table, table, operation=request.operation)
            if request.status == 200:
                latency = round(request.seconds * 1000, 2)
                samples.append(by_operation("SuccessfulRequestLatency", latency, "Milliseconds"))
                if units := request.capacity_units.get(table):
                    samples.append(by_table(f"Consumed{kind}CapacityUnits", units))
            elif request.status >= 500:
                samples.append(by_operation("SystemErrors", 1))
            elif request.error == "ConditionalCheckFailedException":
                samples.append(by_table("ConditionalCheckFailedRequests", 1))
            elif request.error in THROTTLES:
                samples += [by_table(f"{kind}ThrottleEvents", 1), by_operation("ThrottledRequests", 1)]
                for reason in request.throttle_reasons:
                    if cause := next((c for end, c in _THROTTLE_CAUSES.items() if reason.endswith(end)), None):
                        samples.append(by_table(f"{kind}{cause}ThrottleEvents", 1))
        self._publish(self._minute(), samples)

    # API Gateway

    def api_request(self, request: ApiRequest) -> None:
        """API Gateway answered a request, for its API and for its stage."""
        values: list[tuple[str, float, str]] = [
            ("Count", 1, "Count"),
            ("4XXError", float(400 <= request.status < 500), "Count"),
            ("5XXError", float(request.status >= 500), "Count"),
            ("Latency", round(request.seconds * 1000), "Milliseconds"),
        ]
        if request.integration_seconds is not None:
            values.append(("IntegrationLatency", round(request.integration_seconds * 1000), "Milliseconds"))
        dimensions = [("ApiName", request.api, "Stage", request.stage), ("ApiName", request.api)]
        self._publish(
            self._minute(),
            [
                (_key("AWS/ApiGateway", name, *names), value, unit)
                for names in dimensions
                for name, value, unit in values
            ],
        )

    # SNS

    def published(self, topic: str) -> None:
        """A message was published to a topic."""
        self._publish(self._minute(), [_topic(topic, "NumberOfMessagesPublished")])

    def delivery(self, topic: str, *, delivered: bool) -> None:
        """A message was delivered to a subscriber, or could not be."""
        self._publish(self._minute(), [_topic(topic, f"NumberOfNotifications{'Delivered' if delivered else 'Failed'}")])

    # Logs

    def log_lines(self, group: str, lines: Iterable[str]) -> None:
        """Lines arrived in a log group; those in the embedded metric format publish what they declare."""
        now = self._clock.now()
        for line in lines:
            try:
                document = emf.read_line(line, now)
            except emf.EmfParsingError:
                self._publish(
                    int(now // 60), [(_key("AWS/Logs", "EMFParsingErrors", "LogGroupName", group), 1, "Count")]
                )
            except emf.EmfValidationError:
                key = _key("AWS/Logs", "EMFValidationErrors", "LogGroupName", group)
                self._publish(int(now // 60), [(key, 1, "Count")])
            else:
                if document:
                    at = document.timestamp
                    seconds = now if at is None else self._clock.when_here_was(at)
                    samples = [(sample.key, sample.value, sample.unit) for sample in document.samples]
                    self._publish(int(seconds // 60), samples)

    def _publish(self, minute: int, samples: list[_Sample]) -> None:
        self._store.add_all(minute, samples)

    def _minute(self) -> int:
        return int(self._clock.now() // 60)


def _queue(queue: str, metric: str) -> _Sample:
    return _key("AWS/SQS", metric, "QueueName", queue), 1, "Count"


def _topic(topic: str, metric: str) -> _Sample:
    return _key("AWS/SNS", metric, "TopicName", topic), 1, "Count"


def _table(table: str, metric: str, value: float, unit: str = "Count", *, operation: str = "") -> _Sample:
    dimensions = ("TableName", table, "Operation", operation) if operation else ("TableName", table)
    return _key("AWS/DynamoDB", metric, *dimensions), value, unit


def _lambda(invoked: Invoked, values: list[tuple[str, float, str]]) -> list[_Sample]:
    """The samples under every set of dimensions that Lambda publishes.

    Those are all functions; the function; the function with what the caller named (Resource); and, if that is an
    alias, with the version that ran (ExecutedVersion).
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
    """
    resource = invoked.function if invoked.qualifier is None else f"{invoked.function}:{invoked.qualifier}"
    named = ("FunctionName", invoked.function, "Resource", resource)
    sets: list[tuple[str, ...]] = [(), ("FunctionName", invoked.function), named]
    if invoked.qualifier not in (None, "$LATEST") and invoked.qualifier != invoked.version:
        sets.append((*named, "ExecutedVersion", invoked.version))
    return [
        (_key("AWS/Lambda", name, *names), value, unit)
        for names in sets
        for name, value, unit in values
        # The concurrency of one function says nothing about that of all functions.
        if names or name != "ConcurrentExecutions"
    ]
