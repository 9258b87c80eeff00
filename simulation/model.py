"""A small model of the running system: messages, invocations and requests in steps of ten seconds, metrics by minute.

It knows nothing of alarms. What a batch or a request comes to is decided by the real handlers (`lab`); what AWS
publishes about it follows AWS's documentation, including what is not published: metrics without a sample.
"""

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from localcloud.cloudwatch.metrics import MetricKey, MetricStore
from simulation.chance import Chance
from simulation.conditions import DAY_MINUTES, Conditions, Traffic
from simulation.lab import Dependency, Lab, Message, Run
from simulation.names import Plant

STEP_SECONDS = 10
STEPS = 60 // STEP_SECONDS
# An idle environment is given up about so soon; a first request waits for the start as well.
IDLE_SECONDS = 600
COLD_START_SECONDS = 0.9
GATEWAY_SECONDS = 0.015
# Ages the handlers are shown, so that they are asked a finite number of questions. 60 s is what late means.
AGES = (1, 10, 30, 50, 59, 70, 130, 190, 250, 400, 700, 1_500, 4_000, 40_000, 200_000)
# The metrics of a queue that was inactive come up to a quarter of an hour late, and stop six hours after its last use.
ACTIVATION_MINUTES = 15
ACTIVE_MINUTES = 360
# A message received so often without success no longer counts for the age of a queue.
AGE_RECEIVES = 3


@dataclass(order=True)
class _Cohort:
    visible_at: int
    order: int
    sent: int
    receives: int
    kinds: Counter


class System:
    """The system over time: `run_minute` in order, metrics go into `store`."""

    def __init__(self, plant: Plant, lab: Lab, traffic: Traffic, store: MetricStore, seed: str) -> None:
        self._plant, self._lab, self._traffic, self._store = plant, lab, traffic, store
        # Reproducible by name: the same scenario draws the same numbers, alone or among others.
        self._chance = Chance(seed)
        self._order = itertools.count()
        self._queue: list[_Cohort] = []
        self._dead, self._dead_since = 0, 0
        self._dead_active = (-ACTIVE_MINUTES - 1, -ACTIVE_MINUTES - 1)
        self._budget = 0.0
        self._last_use = {"batch": -math.inf, "query": -math.inf}
        self._samples: Counter[tuple[MetricKey, float]] = Counter()
        self._runs: dict[int, list[Any]] = {}
        self._keys: dict[tuple, MetricKey] = {}
        self._running = 0.0

    def run_minute(self, minute: int, now: Conditions) -> None:
        """Let one minute pass and publish its metrics."""
        # Traffic has a tide: 1.5 times its average at noon, half of it at midnight.
        tide = 1 - 0.5 * math.cos(2 * math.pi * minute / DAY_MINUTES)
        self._running = 0.0
        if now.deployed:
            self._last_use = dict.fromkeys(self._last_use, -math.inf)
        for step in range(STEPS):
            second = minute * 60 + step * STEP_SECONDS
            expected = self._traffic.per_second * tide * STEP_SECONDS
            poison = now.poison_messages if step == 0 else 0
            self._arrive(second, self._chance.draw(expected * now.arrivals), poison, now)
            self._consume(second, now)
            self._answer(second, self._chance.draw(expected * now.requests), now)
            tokens = expected * now.token_refusals + now.attacks_a_minute / STEPS
            self._refuse(self._chance.draw(tokens))
        self._publish_queues(minute, now)
        self._publish_rest(now)
        for run, count in self._runs.values():
            for key, value, times in run.samples:
                self._samples[key, value] += times * count
        for (key, value), count in self._samples.items():
            self._store.add(key, minute, value, count)
        self._samples.clear()
        self._runs.clear()

    # Messages

    def _arrive(self, second: int, count: int, poison: int, now: Conditions) -> None:
        shares = {"invalid": now.invalid, "poison": now.poison, "duplicate": now.duplicates, "conflict": now.conflicts}
        kinds = Counter({kind: self._chance.share(count, share) for kind, share in shares.items()})
        kinds["ok"] = max(0, count - kinds.total())
        kinds["poison"] += poison
        self._push(_Cohort(second, next(self._order), second, 0, +kinds))
        self._sqs(self._plant.queue, "NumberOfMessagesSent", 1, kinds.total())

    def _push(self, cohort: _Cohort) -> None:
        if cohort.kinds:
            heapq.heappush(self._queue, cohort)

    def _consume(self, second: int, now: Conditions) -> None:
        if not now.consumer_runs:
            return
        whole = self._plant.concurrency * STEP_SECONDS
        self._budget = min(self._budget, 0.0) + whole
        spent = 0.0
        while self._queue and self._queue[0].visible_at <= second and self._budget > 0:
            cohort = heapq.heappop(self._queue)
            if cohort.receives >= self._plant.max_receives:
                self._bury(second, cohort.kinds.total())
                continue
            spent += self._handle(second, cohort, now)
        busy = min(spent / STEP_SECONDS, self._plant.concurrency)
        if busy:
            # Batches come at random: at times more of them run at once than on average.
            self._running = max(self._running, min(self._plant.concurrency, math.ceil(busy + 2 * math.sqrt(busy))))

    def _handle(self, second: int, cohort: _Cohort, now: Conditions) -> float:
        """Batches of one cohort, as far as the capacity of this step goes; answers how long they ran, together."""
        spent, again = 0.0, Counter()
        groups = [
            (kinds, dependency, number)
            for kinds, batches in _batches(cohort.kinds, self._plant.batch_size)
            for dependency, number in self._dependencies(batches, now)
        ]
        waiting = cohort.kinds.copy()
        for kinds, dependency, batches in groups:
            if self._budget <= 0:
                break
            run = self._run_batch(second, cohort, kinds, dependency, now)
            fitting = min(batches, math.ceil(self._budget / run.seconds))
            self._budget -= fitting * run.seconds
            spent += fitting * run.seconds
            waiting -= _times(kinds, fitting)
            again += self._count_batches(second, kinds, run, fitting)
        # What did not fit stays where it was in the queue.
        self._push(_Cohort(cohort.visible_at, cohort.order, cohort.sent, cohort.receives, +waiting))
        self._push(
            _Cohort(
                second + self._plant.visibility_seconds, next(self._order), cohort.sent, cohort.receives + 1, +again
            )
        )
        return spent

    def _run_batch(self, second: int, cohort: _Cohort, kinds: Counter, dependency: Dependency, now: Conditions) -> Run:
        cold = second - self._last_use["batch"] > IDLE_SECONDS
        self._last_use["batch"] = second
        if self._chance.share(1, now.refused_places):
            return Run(samples=(), seconds=0.001, failed=tuple(kinds.values()), status=429)
        if now.handler_fails == "timeout":
            return Run(
                samples=(), seconds=self._plant.handler_timeout_seconds, failed=tuple(kinds.values()), is_error=True
            )
        if now.handler_fails or kinds["poison"]:
            return Run(samples=(), seconds=0.1, failed=tuple(kinds.values()), is_error=True)
        age = next((age for age in AGES if second - cohort.sent <= age), AGES[-1])
        messages = tuple(
            Message(kind=kind, receives=cohort.receives, age_seconds=age, count=count) for kind, count in kinds.items()
        )
        run = self._lab.batch(messages, dependency, cold=cold)
        return replace(run, seconds=0.9 * self._plant.handler_timeout_seconds) if now.handler_slow else run

    def _count_batches(self, second: int, kinds: Counter, run: Run, batches: int) -> Counter:
        """Publish so many batches with the same result; answers what must come again."""
        size = kinds.total()
        self._sqs(self._plant.queue, "NumberOfMessagesReceived", 1, size * batches)
        again = Counter(dict(zip(kinds, run.failed, strict=True)))
        self._sqs(self._plant.queue, "NumberOfMessagesDeleted", 1, (size - again.total()) * batches)
        self._lambda(self._plant.event_handler, run, batches)
        mapping = {"EventSourceMappingUUID": self._plant.mapping_id}
        for name in ("PolledEventCount", "InvokedEventCount", *["FailedInvokeEventCount"] * run.is_error):
            self._metric("AWS/Lambda", name, mapping, size * batches)
        if run.quarantined:
            self._sqs(self._plant.dead_letters, "NumberOfMessagesSent", 1, run.quarantined * batches)
            self._bury(second, run.quarantined * batches)
        return _times(again, batches)

    def _bury(self, second: int, count: int) -> None:
        self._dead_since = self._dead_since if self._dead else second
        self._dead += count

    # Requests

    def _answer(self, second: int, count: int, now: Conditions) -> None:
        kinds = {"invalid": self._chance.share(count, now.client_errors), "nobody": self._chance.share(count, 0.05)}
        kinds["found"] = max(0, count - sum(kinds.values()))
        for kind, number in kinds.items():
            for dependency, share in self._reads(number, now):
                cold = second - self._last_use["query"] > IDLE_SECONDS
                self._last_use["query"] = second
                if cold and share > 1:
                    self._respond(kind, dependency, 1, now, cold=True)
                    share -= 1
                    cold = False
                self._respond(kind, dependency, share, now, cold=cold)

    def _respond(self, kind: str, dependency: Dependency, count: int, now: Conditions, *, cold: bool) -> None:
        refused = self._chance.share(count, now.refused_places)
        if refused:
            self._metric("AWS/Lambda", "Throttles", {"FunctionName": self._plant.query}, 1, refused)
            self._request(500, GATEWAY_SECONDS, 0.0, refused)
        served = count - refused
        if not served:
            return
        run = self._lab.query(kind, dependency, cold=cold)
        if now.query_fails == "crash":
            run = Run(samples=(), seconds=0.1, is_error=True, status=502)
        elif now.query_fails == "slow":
            run = replace(run, seconds=0.9 * self._plant.query_timeout_seconds)
        self._lambda(self._plant.query, run, served)
        behind = run.seconds + (COLD_START_SECONDS if cold else 0.0)
        status = run.status if behind < self._plant.integration_timeout_seconds else 504
        self._request(status, behind + GATEWAY_SECONDS, behind, served)

    def _refuse(self, count: int) -> None:
        if count:
            self._request(401, GATEWAY_SECONDS, None, count)
            # Counted by a metric filter on the access log.
            dimensions = {"service": "api", "stack": self._plant.stack}
            self._metric("EventProcessing", "AuthorizationRefused", dimensions, 1, count)

    def _request(self, status: int, seconds: float, behind: float | None, count: int) -> None:
        api = {"ApiName": self._plant.api, "Stage": self._plant.stage}
        self._metric("AWS/ApiGateway", "Count", api, 1, count)
        self._metric("AWS/ApiGateway", "5XXError", api, float(status >= 500), count)
        self._metric("AWS/ApiGateway", "4XXError", api, float(400 <= status < 500), count)
        self._metric("AWS/ApiGateway", "Latency", api, round(seconds * 1000), count)
        if behind is not None:
            self._metric("AWS/ApiGateway", "IntegrationLatency", api, round(behind * 1000), count)

    # The table's behaviour

    def _dependencies(self, batches: int, now: Conditions) -> list[tuple[Dependency, int]]:
        disturbed = self._chance.share(batches, now.disturbed)
        return [(now.dependency, batches - disturbed)] * (batches > disturbed) + [(now.disturbance, disturbed)] * (
            disturbed > 0
        )

    def _reads(self, count: int, now: Conditions) -> list[tuple[Dependency, int]]:
        failing, slow = self._chance.share(count, now.query_failing), self._chance.share(count, now.query_slow)
        rest = self._dependencies(max(0, count - failing - slow), now)
        found = [*rest, (Dependency(reads="error"), failing), (Dependency(latency_ms=1_200), slow)]
        return [(dependency, number) for dependency, number in found if number]

    # Metrics

    def _publish_queues(self, minute: int, now: Conditions) -> None:
        end = (minute + 1) * 60
        waiting, in_flight, oldest = 0, 0, end
        for cohort in self._queue:
            if cohort.visible_at <= end - STEP_SECONDS:
                waiting += cohort.kinds.total()
            else:
                in_flight += cohort.kinds.total()
            if cohort.receives < AGE_RECEIVES and cohort.sent < oldest:
                oldest = cohort.sent
        self._gauges(self._plant.queue, waiting, in_flight, end - oldest)
        # An active queue says zero where there was nothing.
        for name in ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted"):
            self._sqs(self._plant.queue, name, 0)
        if now.consumer_runs:
            self._sqs(self._plant.queue, "NumberOfEmptyReceives", 1, 15)
        if now.dead_letters_handled:
            self._dead = 0
        if self._dead:
            since, last = self._dead_active
            self._dead_active = (minute if minute - last > ACTIVE_MINUTES else since, minute)
        since, last = self._dead_active
        if minute - last <= ACTIVE_MINUTES and minute - since >= ACTIVATION_MINUTES:
            self._gauges(self._plant.dead_letters, self._dead, 0, end - self._dead_since if self._dead else 0)

    def _gauges(self, queue: str, visible: int, in_flight: int, age: int) -> None:
        self._sqs(queue, "ApproximateNumberOfMessagesVisible", visible)
        self._sqs(queue, "ApproximateNumberOfMessagesNotVisible", in_flight)
        self._sqs(queue, "ApproximateAgeOfOldestMessage", age)

    def _publish_rest(self, now: Conditions) -> None:
        if self._running:
            self._metric(
                "AWS/Lambda", "ConcurrentExecutions", {"FunctionName": self._plant.event_handler}, self._running
            )
        if now.metrics_broken:
            for group in self._plant.log_groups:
                self._metric("AWS/Logs", "EMFParsingErrors", {"LogGroupName": group}, 1)
        for topic in self._plant.topics:
            if now.deliveries_failing and topic.endswith(now.deliveries_failing):
                self._metric("AWS/SNS", "NumberOfNotificationsFailed", {"TopicName": topic}, 1)

    def _lambda(self, function: str, run: Run, count: int) -> None:
        dimensions = {"FunctionName": function}
        if run.status == 429:
            self._metric("AWS/Lambda", "Throttles", dimensions, 1, count)
            return
        self._metric("AWS/Lambda", "Invocations", dimensions, 1, count)
        self._metric("AWS/Lambda", "Errors", dimensions, float(run.is_error), count)
        self._metric("AWS/Lambda", "Throttles", dimensions, 0, count)
        self._metric("AWS/Lambda", "Duration", dimensions, round(run.seconds * 1000), count)
        # Spelled out once a minute: the same run happens again and again.
        self._runs.setdefault(id(run), [run, 0])[1] += count

    def _sqs(self, queue: str, name: str, value: float, count: int = 1) -> None:
        self._metric("AWS/SQS", name, {"QueueName": queue}, value, count)

    def _metric(self, namespace: str, name: str, dimensions: dict[str, str], value: float, count: int = 1) -> None:
        if count > 0:
            remembered = namespace, name, *dimensions.values()
            key = self._keys.get(remembered)
            if key is None:
                key = self._keys[remembered] = MetricKey.of(namespace, name, dimensions)
            self._samples[key, value] += count


def _times(kinds: Counter, factor: int) -> Counter:
    return Counter({kind: count * factor for kind, count in kinds.items() if count and factor})


def _batches(kinds: Counter, size: int) -> list[tuple[Counter, int]]:
    """Messages dealt evenly into full batches, as (what is in one, how many such batches)."""
    total = kinds.total()
    number = -(-total // size)
    if number <= 1:
        return [(+kinds, 1)] if total else []
    deal: Callable[[int], Counter] = lambda at: Counter(  # noqa: E731
        {kind: count // number + (at < count % number) for kind, count in kinds.items()}
    )
    # Contents change only where some kind's remainder runs out.
    cuts = sorted({0, number, *(count % number for count in kinds.values())})
    return [(+deal(start), end - start) for start, end in itertools.pairwise(cuts)]
