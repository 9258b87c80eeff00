"""CloudWatch metrics as data: the metrics of one resource, whose names are typed by their namespace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from handlers.vocabulary import METRICS_NAMESPACE, SERVICE_DIMENSION, STACK_DIMENSION

Name = TypeVar("Name", bound=StrEnum)


class Statistic(StrEnum):
    """How CloudWatch aggregates the values of a period, in CloudWatch's words."""

    SUM = "Sum"
    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    SAMPLE_COUNT = "SampleCount"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def is_percentile(self) -> bool:
        """True for what CloudWatch calls an extended statistic."""
        return self.startswith("p")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One CloudWatch metric with its statistic; `id` names it in an expression."""

    id: str
    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: Statistic
    label: str

    def __post_init__(self) -> None:
        if not self.id or not self.id[0].islower() or not self.id.replace("_", "").isalnum():
            raise ValueError(f"metric id {self.id!r} must start with a lower-case letter, then letters, digits, _")


@dataclass(frozen=True, kw_only=True)
class Metrics(Generic[Name]):
    """The metrics that one resource has in one namespace."""

    namespace: str
    dimensions: Mapping[str, str]

    def of(self, name: Name, statistic: Statistic, identifier: str, *, label: str = "") -> Metric:
        """Return one metric; without a label, its id or percentile is what a graph shows."""
        return Metric(
            id=identifier,
            namespace=self.namespace,
            name=name,
            dimensions=self.dimensions,
            statistic=statistic,
            label=label or (statistic.value if statistic.is_percentile else identifier),
        )

    def sum(self, name: Name, identifier: str, *, label: str = "") -> Metric:
        """Return the sum of a metric in a period."""
        return self.of(name, Statistic.SUM, identifier, label=label)

    def each(self, name: Name, **statistics: Statistic) -> tuple[Metric, ...]:
        """Return a metric by several statistics, each with its id."""
        return tuple(self.of(name, statistic, identifier) for identifier, statistic in statistics.items())

    def maximum(self, name: Name, identifier: str, *, label: str = "") -> Metric:
        """Return the largest value of a metric in a period."""
        return self.of(name, Statistic.MAXIMUM, identifier, label=label)


class SqsMetric(StrEnum):
    """What SQS publishes about a queue."""

    AGE_OF_OLDEST = "ApproximateAgeOfOldestMessage"
    VISIBLE = "ApproximateNumberOfMessagesVisible"
    NOT_VISIBLE = "ApproximateNumberOfMessagesNotVisible"
    SENT = "NumberOfMessagesSent"
    RECEIVED = "NumberOfMessagesReceived"
    DELETED = "NumberOfMessagesDeleted"


class LambdaMetric(StrEnum):
    """What Lambda publishes about a function."""

    INVOCATIONS = "Invocations"
    ERRORS = "Errors"
    THROTTLES = "Throttles"
    DURATION = "Duration"
    CONCURRENT_EXECUTIONS = "ConcurrentExecutions"


class MappingMetric(StrEnum):
    """What Lambda publishes about an event source mapping."""

    POLLED = "PolledEventCount"
    INVOKED = "InvokedEventCount"
    FAILED = "FailedInvokeEventCount"


class ApiMetric(StrEnum):
    """What API Gateway publishes about a stage."""

    REQUESTS = "Count"
    CLIENT_ERRORS = "4XXError"
    SERVER_ERRORS = "5XXError"
    LATENCY = "Latency"
    INTEGRATION_LATENCY = "IntegrationLatency"


class TableMetric(StrEnum):
    """What DynamoDB publishes about a table."""

    CONDITIONAL_CHECK_FAILED = "ConditionalCheckFailedRequests"
    CONSUMED_READ_UNITS = "ConsumedReadCapacityUnits"
    CONSUMED_WRITE_UNITS = "ConsumedWriteCapacityUnits"
    READ_THROTTLES = "ReadThrottleEvents"
    WRITE_THROTTLES = "WriteThrottleEvents"
    READ_THROTTLES_BY_BOUND = "ReadMaxOnDemandThroughputThrottleEvents"
    WRITE_THROTTLES_BY_BOUND = "WriteMaxOnDemandThroughputThrottleEvents"
    READ_THROTTLES_BY_HOT_KEY = "ReadKeyRangeThroughputThrottleEvents"
    WRITE_THROTTLES_BY_HOT_KEY = "WriteKeyRangeThroughputThrottleEvents"
    READ_THROTTLES_BY_ACCOUNT = "ReadAccountLimitThrottleEvents"
    WRITE_THROTTLES_BY_ACCOUNT = "WriteAccountLimitThrottleEvents"


class OperationMetric(StrEnum):
    """What DynamoDB publishes about one operation on a table."""

    LATENCY = "SuccessfulRequestLatency"
    SYSTEM_ERRORS = "SystemErrors"


class TopicMetric(StrEnum):
    """What SNS publishes about a topic."""

    NOTIFICATIONS_FAILED = "NumberOfNotificationsFailed"


class LogGroupMetric(StrEnum):
    """What CloudWatch Logs publishes about the metrics embedded in the lines of a group."""

    EMF_PARSING_ERRORS = "EMFParsingErrors"
    EMF_VALIDATION_ERRORS = "EMFValidationErrors"


class AccessLogMetric(StrEnum):
    """What a filter on the access log counts, because API Gateway counts 401 and 403 with every other 4XX."""

    AUTHORIZATION_REFUSED = "AuthorizationRefused"


NAMESPACES: Mapping[type[StrEnum], str] = {
    SqsMetric: "AWS/SQS",
    LambdaMetric: "AWS/Lambda",
    MappingMetric: "AWS/Lambda",
    ApiMetric: "AWS/ApiGateway",
    TableMetric: "AWS/DynamoDB",
    OperationMetric: "AWS/DynamoDB",
    TopicMetric: "AWS/SNS",
    LogGroupMetric: "AWS/Logs",
}


def metrics_of(names: type[Name], **dimensions: str) -> Metrics[Name]:
    """Return the metrics of the resource with these dimensions, in the namespace of these names."""
    return Metrics(namespace=NAMESPACES[names], dimensions=dimensions)


def own_metrics(names: type[Name], service: str, stack: str) -> Metrics[Name]:
    """Return the metrics that a function emits or a filter counts in the access log, by service."""
    return Metrics(namespace=METRICS_NAMESPACE, dimensions={SERVICE_DIMENSION: service, STACK_DIMENSION: stack})


def newest_version(function_name: str) -> str:
    """Return what stands for the number of a function's newest version until `Monitoring` fills that in."""
    return f"newest version of {function_name}"


def filled_sum(metrics: Sequence[Metric]) -> str:
    """Return the expression that adds metrics which have no data while nothing happens."""
    # SUM of a list adds what is there: a resource without errors has no such metric.
    return f"SUM([{', '.join(f'FILL({metric.id}, 0)' for metric in metrics)}])"
