"""The metrics that AWS publishes about the simulated resources, following AWS's documentation."""

from collections import Counter

from handlers.metrics import HOLD_SECONDS, UNHURRIED
from handlers.vocabulary import LIVE_ALIAS, METRICS_NAMESPACE
from localcloud.cloudwatch.metrics import MetricKey, MetricStore
from simulation.invocations import Invocation
from simulation.topology import Topology

# What a busy function measured in the last seconds of each minute. Nearly all of it arrives with the next invocation,
# and some when an environment ends. The simulation assumes the worst: all of it is too late for any alarm.
LATE_SHARE = HOLD_SECONDS / 60


class MetricPublisher:
    """Collects the samples of one minute; `publish` moves them into the store."""

    def __init__(self, topology: Topology, store: MetricStore) -> None:
        self._topology, self._store = topology, store
        self._samples: Counter[tuple[MetricKey, float]] = Counter()
        self._invocations: dict[int, tuple[Invocation, int]] = {}
        self._keys: dict[tuple, MetricKey] = {}

    def publish(self, minute: int) -> None:
        """Store everything collected as the samples of `minute`."""
        for invocation, times in self._invocations.values():
            late = int(times * LATE_SHARE) if invocation.is_held and times > UNHURRIED else 0
            for key, value, count in invocation.samples:
                is_own = key.namespace == METRICS_NAMESPACE
                self._samples[key, value] += count * (times - late if is_own else times)
        for (key, value), count in self._samples.items():
            self._store.add(key, minute, value, count)
        self._samples.clear()
        self._invocations.clear()

    def queue(self, name: str, metric: str, value: float, count: int = 1) -> None:
        """A metric of a queue."""
        self._add("AWS/SQS", metric, {"QueueName": name}, value, count)

    def queue_state(self, name: str, *, visible: int, in_flight: int, age_seconds: int) -> None:
        """The state of a queue at the end of the minute."""
        self.queue(name, "ApproximateNumberOfMessagesVisible", visible)
        self.queue(name, "ApproximateNumberOfMessagesNotVisible", in_flight)
        self.queue(name, "ApproximateAgeOfOldestMessage", age_seconds)

    def function(self, name: str, metric: str, value: float, count: int = 1) -> None:
        """A metric of a function."""
        self._add("AWS/Lambda", metric, {"FunctionName": name}, value, count)

    def invocations(self, function: str, invocation: Invocation, count: int) -> None:
        """`count` invocations of a function with the same result, and the metrics its handler emitted."""
        if invocation.status == 429:
            self.function(function, "Throttles", 1, count)
            return
        self.function(function, "Invocations", 1, count)
        self.function(function, "Errors", float(invocation.is_error), count)
        if invocation.is_of_new_version:
            self._new_version(function, invocation, count)
        self.function(function, "Throttles", 0, count)
        self.function(function, "Duration", round(invocation.seconds * 1000), count)
        # Expanded once a minute, because the same result occurs many times.
        _, counted = self._invocations.get(id(invocation), (invocation, 0))
        self._invocations[id(invocation)] = invocation, counted + count

    def _new_version(self, function: str, invocation: Invocation, count: int) -> None:
        version = self._topology.newest_versions[function]
        dimensions = {"FunctionName": function, "Resource": f"{function}:{LIVE_ALIAS}", "ExecutedVersion": version}
        self._add("AWS/Lambda", "Invocations", dimensions, 1, count)
        self._add("AWS/Lambda", "Errors", dimensions, float(invocation.is_error), count)

    def mapping(self, metric: str, events: int) -> None:
        """A metric of the event source mapping."""
        self._add("AWS/Lambda", metric, {"EventSourceMappingUUID": self._topology.mapping_id}, events)

    def requests(self, status: int, seconds: float, integration_seconds: float | None, count: int) -> None:
        """`count` API requests; `integration_seconds` is None when API Gateway rejected them."""
        for metric, value in (
            ("Count", 1),
            ("5XXError", float(status >= 500)),
            ("4XXError", float(400 <= status < 500)),
            ("Latency", round(seconds * 1000)),
            ("IntegrationLatency", None if integration_seconds is None else round(integration_seconds * 1000)),
        ):
            if value is not None:
                dimensions = {"ApiName": self._topology.api, "Stage": self._topology.stage}
                self._add("AWS/ApiGateway", metric, dimensions, value, count)

    def authorization_refused(self, count: int) -> None:
        """Requests without a valid token, as the metric filter on the access log counts them."""
        dimensions = {"service": "api", "stack": self._topology.stack}
        self._add("EventProcessing", "AuthorizationRefused", dimensions, 1, count)

    def emf_errors(self) -> None:
        """Lines that CloudWatch could not parse as EMF, in the log groups of event handler and query function."""
        for group in self._topology.log_groups[:2]:
            self._add("AWS/Logs", "EMFParsingErrors", {"LogGroupName": group}, 1)

    def failed_deliveries(self, topic_suffix: str) -> None:
        """A failed delivery of each topic whose name ends with `topic_suffix`."""
        for topic in self._topology.topics:
            if topic.endswith(topic_suffix):
                self._add("AWS/SNS", "NumberOfNotificationsFailed", {"TopicName": topic}, 1)

    def _add(self, namespace: str, metric: str, dimensions: dict[str, str], value: float, count: int = 1) -> None:
        if count > 0:
            cached = namespace, metric, *dimensions.values()
            key = self._keys.get(cached)
            if key is None:
                key = self._keys[cached] = MetricKey.of(namespace, metric, dimensions)
            self._samples[key, value] += count
