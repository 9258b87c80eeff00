"""The meter publishes what AWS publishes about each fact, under the dimensions that AWS uses, and nothing else."""

import json
from typing import Any

import pytest

from localcloud.cloudwatch.metrics import MetricStore, Statistic
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.facts import ApiRequest, Invoked, QueueState, TableRequest
from localcloud.observatory.meter import ACTIVE_MINUTES, Meter
from localcloud.observatory.retention import RetainedMetrics
from simulation.aws_metrics import MetricPublisher
from simulation.conditions import A_MINUTE, Conditions
from simulation.harness import stack_for
from simulation.invocations import Invocation
from simulation.model import SystemModel

START = 1_767_600_000.0
MINUTE = int(START // 60)
Found = dict[tuple[str, str], Any]


class Metered:
    """A meter, and the metrics that it has published."""

    def __init__(self, **options: Any) -> None:
        self.store, self.clock = RetainedMetrics(), SteppedClock(START)
        self.meter = Meter(self.store, self.clock, **options)

    def found(self, statistic: str = "Sum", minute: int = MINUTE) -> Found:
        """The values of a minute, by metric name and dimension values."""
        parsed, keys = Statistic.parse(statistic), self.store.keys()
        values = ((key, self.store.value(key, parsed, minute, minute + 1)) for key in keys)
        return {
            (key.name, " ".join(value for _, value in sorted(key.dimensions))): value
            for key, value in values
            if value is not None
        }


@pytest.fixture
def metered() -> Metered:
    return Metered()


def test_nothing_is_published_about_nothing(metered: Metered):
    metered.meter.messages_sent("q", 0)
    metered.meter.messages_deleted("q", 0)
    metered.meter.log_lines("g", ["", "hello", '{"a": 1}'])
    metered.meter.queue_state(MINUTE, QueueState(name="q", visible=0, in_flight=0, age_seconds=0))
    assert metered.found() == {}


def test_queue_actions_are_counted(metered: Metered):
    metered.meter.messages_sent("q", 3)
    metered.meter.messages_received("q", 2)
    metered.meter.messages_received("q", 0)
    metered.meter.messages_deleted("q")
    counts = {"NumberOfMessagesSent": 3, "NumberOfMessagesReceived": 2, "NumberOfEmptyReceives": 1}
    assert metered.found() == {(name, "q"): n for name, n in (counts | {"NumberOfMessagesDeleted": 1}).items()}


def test_queue_is_published_until_it_was_unused_for_six_hours(metered: Metered):
    def published(after: int, visible: int = 0) -> bool:
        state = QueueState(name="q", visible=visible, in_flight=0, age_seconds=7)
        metered.meter.queue_state(MINUTE + after, state)
        return ("ApproximateNumberOfMessagesVisible", "q") in metered.found("Maximum", MINUTE + after)

    assert not published(0)
    metered.meter.queue_used("q")
    assert published(1)
    assert published(ACTIVE_MINUTES)
    assert not published(ACTIVE_MINUTES + 1)
    assert published(ACTIVE_MINUTES + 2, visible=1)  # messages keep it active
    assert metered.found("Maximum", MINUTE + ACTIVE_MINUTES + 2)["ApproximateAgeOfOldestMessage", "q"] == 7
    metered.meter.queue_gone(["other"])
    assert not published(ACTIVE_MINUTES + 3)


def test_activation_can_be_delayed_as_aws_documents_it():
    metered = Metered(activation_minutes=15)
    metered.meter.queue_used("q")
    for after in range(20):
        metered.meter.queue_state(MINUTE + after, QueueState(name="q", visible=1, in_flight=0, age_seconds=0))
    assert [bool(metered.found("Sum", MINUTE + after)) for after in (0, 14, 15, 19)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("qualifier", "version", "resources"),
    [
        (None, "$LATEST", ["", "f", "f f"]),
        ("3", "3", ["", "f", "f f:3"]),
        ("live", "3", ["", "f", "f f:live", "3 f f:live"]),
        ("live", "$LATEST", ["", "f", "f f:live", "$LATEST f f:live"]),
    ],
)
def test_invocation_is_published_by_function_resource_and_executed_version(
    metered: Metered, qualifier: str | None, version: str, resources: list[str]
):
    invoked = Invoked(function="f", qualifier=qualifier, version=version)
    metered.meter.invocation(invoked, START - 60, 0.25, is_error=True, concurrency=2)
    values = {"Invocations": 1, "Errors": 1, "Throttles": 0, "Duration": 250, "ConcurrentExecutions": 2}
    # The samples belong to the minute in which the invocation started.
    expected = {(name, resource): value for resource in resources for name, value in values.items()}
    del expected["ConcurrentExecutions", ""]
    assert metered.found(minute=MINUTE - 1) == expected
    assert metered.found() == {}


def test_throttled_invocation_counts_as_nothing_else(metered: Metered):
    metered.meter.throttle(Invoked(function="f", qualifier=None, version="$LATEST"))
    assert metered.found() == {("Throttles", resource): 1 for resource in ("", "f", "f f")}


def test_batches_are_counted_in_events(metered: Metered):
    metered.meter.batch("m", 10, failed=False)
    metered.meter.batch("m", 4, failed=True)
    names = {"PolledEventCount": 14, "InvokedEventCount": 14, "FailedInvokeEventCount": 4}
    assert metered.found() == {(name, "m"): count for name, count in names.items()}


def answered(operation: str, status: int = 200, error: str = "", **more: Any) -> TableRequest:
    return TableRequest(operation=operation, tables=("t",), status=status, seconds=0.005, error=error, **more)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            answered("GetItem", capacity_units={"t": 0.5}),
            {("SuccessfulRequestLatency", "GetItem t"): 5, ("ConsumedReadCapacityUnits", "t"): 0.5},
        ),
        (
            answered("UpdateItem", capacity_units={"t": 2}),
            {("SuccessfulRequestLatency", "UpdateItem t"): 5, ("ConsumedWriteCapacityUnits", "t"): 2},
        ),
        (answered("UpdateItem", 400, "ConditionalCheckFailedException"), {("ConditionalCheckFailedRequests", "t"): 1}),
        (answered("GetItem", 500, "InternalServerError"), {("SystemErrors", "GetItem t"): 1}),
        (answered("GetItem", 400, "ValidationException"), {}),
        (
            answered("Query", 400, "ThrottlingException", throttle_reasons=("TableReadKeyRangeThroughputExceeded",)),
            {
                ("ReadThrottleEvents", "t"): 1,
                ("ThrottledRequests", "Query t"): 1,
                ("ReadKeyRangeThroughputThrottleEvents", "t"): 1,
            },
        ),
        (
            answered("PutItem", 400, "ThrottlingException", throttle_reasons=("XWriteMaxOnDemandThroughputExceeded",)),
            {
                ("WriteThrottleEvents", "t"): 1,
                ("ThrottledRequests", "PutItem t"): 1,
                ("WriteMaxOnDemandThroughputThrottleEvents", "t"): 1,
            },
        ),
    ],
    ids=lambda value: f"{value.operation} {value.error}" if isinstance(value, TableRequest) else "",
)
def test_table_request(metered: Metered, request_: TableRequest, expected: Found):
    metered.meter.table_request(request_)
    assert metered.found() == expected


@pytest.mark.parametrize(
    ("status", "integration", "errors"), [(200, 0.02, (0, 0)), (401, None, (1, 0)), (502, 0.02, (0, 1))]
)
def test_api_request(metered: Metered, status: int, integration: float | None, errors: tuple[int, int]):
    metered.meter.api_request(
        ApiRequest(api="a", stage="v1", status=status, seconds=0.03, integration_seconds=integration)
    )
    values: dict[str, float] = {"Count": 1, "4XXError": errors[0], "5XXError": errors[1], "Latency": 30}
    values |= {} if integration is None else {"IntegrationLatency": 20}
    assert metered.found() == {(name, at): value for at in ("a", "a v1") for name, value in values.items()}


def test_topic_deliveries(metered: Metered):
    metered.meter.published("t")
    metered.meter.delivery("t", delivered=True)
    metered.meter.delivery("t", delivered=False)
    names = ("NumberOfMessagesPublished", "NumberOfNotificationsDelivered", "NumberOfNotificationsFailed")
    assert metered.found() == {(name, "t"): 1 for name in names}


def test_log_lines_publish_their_metrics_at_their_own_time(metered: Metered):
    def line(seconds: float | None, **root: Any) -> str:
        directive = {"Namespace": "N", "Dimensions": [["d"]], "Metrics": [{"Name": "m"}]}
        time = {} if seconds is None else {"Timestamp": seconds * 1000}
        return json.dumps({"_aws": {"CloudWatchMetrics": [directive], **time}, "d": "x", "m": 2} | root)

    good, bad = [line(START - 120), line(None), line(None)], [line(None)[:-3], line(None, m="2"), line(START - 1.8e6)]
    lines = [*good, "hello", *bad]
    metered.meter.log_lines("g", lines)
    assert metered.found(minute=MINUTE - 2) == {("m", "x"): 2}
    assert metered.found() == {("m", "x"): 4, ("EMFParsingErrors", "g"): 1, ("EMFValidationErrors", "g"): 2}


class BothPublishers(MetricPublisher):
    """The simulation's publisher, which also tells the meter each fact that it is told."""

    meter: Meter
    _polled: list[bool] | None = None

    def queue(self, name: str, metric: str, value: float, count: int = 1) -> None:
        super().queue(name, metric, value, count)
        if value and metric == "NumberOfMessagesSent":
            self.meter.messages_sent(name, count)
        elif value and metric == "NumberOfMessagesDeleted":
            self.meter.messages_deleted(name, count)
        elif value and metric == "NumberOfMessagesReceived":
            self.meter.messages_received(name, count)
        elif metric == "NumberOfEmptyReceives":
            for _ in range(count):
                self.meter.messages_received(name, 0)

    def queue_state(self, name: str, *, visible: int, in_flight: int, age_seconds: int) -> None:
        super().queue_state(name, visible=visible, in_flight=in_flight, age_seconds=age_seconds)
        self.meter.queue_used(name)
        state = QueueState(name=name, visible=visible, in_flight=in_flight, age_seconds=age_seconds)
        self.meter.queue_state(MINUTE, state)

    def function(self, name: str, metric: str, value: float, count: int = 1) -> None:
        super().function(name, metric, value, count)
        if metric == "Throttles" and value:
            for _ in range(count):
                self.meter.throttle(Invoked(function=name, qualifier=None, version="$LATEST"))

    def invocations(self, function: str, invocation: Invocation, count: int) -> None:
        super().invocations(function, invocation, count)
        invoked = Invoked(function=function, qualifier=None, version="$LATEST")
        for _ in range(count if invocation.status != 429 else 0):
            self.meter.invocation(invoked, START, invocation.seconds, is_error=invocation.is_error, concurrency=1)

    def mapping(self, metric: str, events: int) -> None:
        super().mapping(metric, events)
        if metric == "FailedInvokeEventCount":
            self.meter.batch(self._topology.mapping_id, events, failed=True)
            self.meter.batch(self._topology.mapping_id, -events, failed=False)  # it was polled once
        elif metric == "PolledEventCount":
            self.meter.batch(self._topology.mapping_id, events, failed=False)

    def requests(self, status: int, seconds: float, integration_seconds: float | None, count: int) -> None:
        super().requests(status, seconds, integration_seconds, count)
        place = {"api": self._topology.api, "stage": self._topology.stage}
        request = ApiRequest(**place, status=status, seconds=seconds, integration_seconds=integration_seconds)
        for _ in range(count):
            self.meter.api_request(request)


@pytest.mark.parametrize(
    "circumstances",
    [
        {},
        {"throttled": 0.3, "invalid": 0.2},
        {"handler_fails": "crash", "query_fails": "crash"},
        {"consumer_runs": False, "rejected_tokens": 0.5},
    ],
    ids=["normal", "throttled", "crash", "stopped"],
)
def test_same_traffic_gives_the_same_metrics_as_the_simulation(
    circumstances: dict[str, Any], metered: Metered, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("simulation.model.MetricPublisher", BothPublishers)
    monkeypatch.setattr(BothPublishers, "meter", metered.meter, raising=False)
    stack, simulated = stack_for(A_MINUTE), MetricStore()
    model = SystemModel(stack.topology, stack.handlers, stack.traffic, simulated, "meter")
    model.run_minute(MINUTE, Conditions(arrivals=20, requests=20, **circumstances))
    services = {"AWS/SQS", "AWS/Lambda", "AWS/ApiGateway"}
    # The simulation computes concurrency from capacity, and AWS publishes more dimensions than alarms need.
    expected = [
        key for key in list(simulated.keys()) if key.namespace in services and key.name != "ConcurrentExecutions"
    ]
    assert len({key.namespace for key in expected}) == 3
    for key in expected:
        for statistic in map(Statistic.parse, ("Sum", "Maximum")):
            if "EventCount" in key.name and statistic.name == "Maximum":
                continue  # the simulation adds batches up
            wanted = simulated.value(key, statistic, MINUTE, MINUTE + 1)
            count = metered.store.sample_count(key, MINUTE, MINUTE + 1)
            # The simulation rounds durations to milliseconds.
            found = metered.store.value(key, statistic, MINUTE, MINUTE + 1)
            assert found == pytest.approx(wanted, abs=0.5 * count if key.name == "Duration" else 1e-6), (key, statistic)
    also = {key.name for key in list(metered.store.keys())} - {key.name for key in expected}
    assert also <= {"ConcurrentExecutions", "NumberOfMessagesReceived", "NumberOfMessagesDeleted"}
