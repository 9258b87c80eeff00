"""A small model of the running system: messages, invocations and requests in steps of ten seconds, metrics by minute.

The model knows nothing of alarms. The real handlers decide the result of each batch and request (`invocations`).
Metrics follow AWS's documentation, including when AWS publishes none.
"""

import heapq
import itertools
import math
from collections import Counter
from dataclasses import replace

from localcloud.cloudwatch.metrics import MetricStore
from localcloud.observatory.meter import ACTIVE_MINUTES, AGE_RECEIVES
from simulation.aws_metrics import MetricPublisher
from simulation.cohorts import Cohort, batches_of, times
from simulation.conditions import DAY_MINUTES, Conditions, Traffic
from simulation.invocations import HandlerRunner, Invocation, MessageGroup
from simulation.probe_runs import ProbeRun
from simulation.sampling import Sampler
from simulation.simulated_table import TableBehaviour
from simulation.topology import Topology

STEP_SECONDS = 10
STEPS = 60 // STEP_SECONDS
# An execution environment that was idle this long is gone; the next request waits for a cold start.
IDLE_SECONDS = 600
COLD_START_SECONDS = 0.9
GATEWAY_SECONDS = 0.015
# Message ages are rounded up to one of these, to limit the kinds of batches. An event is late from 60 s.
AGES = (1, 10, 30, 50, 59, 70, 130, 190, 250, 400, 700, 1_500, 4_000, 40_000, 200_000)
# SQS publishes metrics of an inactive queue up to 15 minutes after its first use.
ACTIVATION_MINUTES = 15


class SystemModel:
    """The system over time: call `run_minute` for each minute in order; metrics go into `store`."""

    def __init__(
        self, topology: Topology, handlers: HandlerRunner, traffic: Traffic, store: MetricStore, seed: str
    ) -> None:
        self._topology, self._handlers, self._traffic = topology, handlers, traffic
        self._metrics = MetricPublisher(topology, store)
        self._sampler, self._probe_sampler = Sampler(seed), Sampler(f"{seed}, probe")
        self._probe: ProbeRun | None = None
        self._order = itertools.count()
        self._queue: list[Cohort] = []
        self._dead, self._dead_since = 0, 0
        self._dead_active = (-ACTIVE_MINUTES - 1, -ACTIVE_MINUTES - 1)
        self._budget = 0.0
        self._last_use = {"batch": -math.inf, "query": -math.inf}
        self._concurrency: dict[str, float] = {}
        self._deployments = 0

    def run_minute(self, minute: int, now: Conditions) -> None:
        """Simulate one minute and publish its metrics."""
        # Traffic over a day: 1.5 times its average at noon, half of it at midnight.
        daily = 1 - 0.5 * math.cos(2 * math.pi * minute / DAY_MINUTES)
        self._concurrency.clear()
        if now.deployed:
            self._deployments += 1
            self._last_use = dict.fromkeys(self._last_use, -math.inf)
        self._start_probe(minute * 60, now)
        for step in range(STEPS):
            second = minute * 60 + step * STEP_SECONDS
            expected = self._traffic.per_second * daily * STEP_SECONDS
            poison = now.poison_messages if step == 0 else 0
            self._send(second, self._sampler.poisson(expected * now.arrivals), poison, now)
            self._consume(second, now)
            self._follow_probe(second, now)
            self._request(second, self._sampler.poisson(expected * now.requests), now)
            self._reject(self._sampler.poisson(expected * now.rejected_tokens + now.attacks_per_minute / STEPS))
        self._publish_queues(minute, now)
        for function, concurrency in self._concurrency.items():
            self._metrics.function(function, "ConcurrentExecutions", concurrency)
        if now.metrics_broken:
            self._metrics.emf_errors()
        if now.deliveries_failing:
            self._metrics.failed_deliveries(now.deliveries_failing)
        self._metrics.publish(minute)

    # Messages

    def _send(self, second: int, count: int, poison: int, now: Conditions) -> None:
        shares = {"invalid": now.invalid, "poison": now.poison, "duplicate": now.duplicates, "conflict": now.conflicts}
        kinds = Counter({kind: self._sampler.binomial(count, share) for kind, share in shares.items()})
        kinds["ok"] = max(0, count - kinds.total())
        kinds["poison"] += poison
        self._push(Cohort(second, next(self._order), second, 0, +kinds))
        self._metrics.queue(self._topology.queue, "NumberOfMessagesSent", 1, kinds.total())

    def _push(self, cohort: Cohort) -> None:
        if cohort.kinds:
            heapq.heappush(self._queue, cohort)

    def _consume(self, second: int, now: Conditions) -> None:
        if not now.consumer_runs:
            return
        self._budget = min(self._budget, 0.0) + self._topology.concurrency * STEP_SECONDS
        spent = 0.0
        while self._queue and self._queue[0].visible_at <= second and self._budget > 0:
            cohort = heapq.heappop(self._queue)
            if cohort.receives >= self._topology.max_receives:
                self._move_to_dead_letters(second, cohort.kinds.total())
                continue
            spent += self._handle(second, cohort, now)
        self._run_at_once(self._topology.event_handler, spent, self._topology.concurrency)

    def _run_at_once(self, function: str, spent: float, limit: float = math.inf) -> None:
        """Remember how many invocations of a function ran at once, when all of a step took so many seconds."""
        busy = min(spent / STEP_SECONDS, limit)
        if busy:
            # They arrive at random, so the peak is higher than the average.
            peak = math.ceil(busy + 2 * math.sqrt(busy))
            self._concurrency[function] = max(self._concurrency.get(function, 0.0), min(limit, peak))

    def _handle(self, second: int, cohort: Cohort, now: Conditions) -> float:
        """Run the batches of one cohort, as far as this step's capacity allows; returns the seconds they ran."""
        spent, failed = 0.0, Counter()
        groups = [
            (kinds, table, number)
            for kinds, batches in batches_of(cohort.kinds, self._topology.batch_size)
            for table, number in self._tables(batches, now)
        ]
        waiting = cohort.kinds.copy()
        for kinds, table, batches in groups:
            if self._budget <= 0:
                break
            invocation = self._invoke(second, cohort, kinds, table, now)
            fitting = min(batches, math.ceil(self._budget / invocation.seconds))
            self._budget -= fitting * invocation.seconds
            spent += fitting * invocation.seconds
            waiting -= times(kinds, fitting)
            failed += self._count_batches(second, kinds, invocation, fitting)
            if self._probe and kinds["probe"] and not any(invocation.failed):
                self._probe.store(second, cohort.sent, invocation.seconds)
        # Messages without capacity keep their place in the queue.
        self._push(Cohort(cohort.visible_at, cohort.order, cohort.sent, cohort.receives, +waiting))
        visible_at = second + self._topology.visibility_seconds
        self._push(Cohort(visible_at, next(self._order), cohort.sent, cohort.receives + 1, +failed))
        return spent

    def _invoke(
        self, second: int, cohort: Cohort, kinds: Counter, table: TableBehaviour, now: Conditions
    ) -> Invocation:
        cold = second - self._last_use["batch"] > IDLE_SECONDS
        self._last_use["batch"] = second
        timeout, all_failed = self._topology.handler_timeout_seconds, tuple(kinds.values())
        if self._sampler.binomial(1, now.throttled):
            return Invocation(samples=(), seconds=0.001, failed=all_failed, status=429)
        if self._sampler.binomial(1, now.new_version_crashes):
            return Invocation(samples=(), seconds=0.1, failed=all_failed, is_error=True, is_of_new_version=True)
        if now.handler_fails == "timeout":
            return Invocation(samples=(), seconds=timeout, failed=all_failed, is_error=True)
        if now.handler_fails or kinds["poison"]:
            return Invocation(samples=(), seconds=0.1, failed=all_failed, is_error=True)
        age = next((age for age in AGES if second - cohort.sent <= age), AGES[-1])
        groups = tuple(
            MessageGroup(kind=kind, receives=cohort.receives, age_seconds=age, count=count)
            for kind, count in kinds.items()
        )
        invocation = self._handlers.batch(groups, table, cold=cold, deployments=self._deployments)
        return replace(invocation, seconds=0.9 * timeout) if now.handler_slow else invocation

    def _count_batches(self, second: int, kinds: Counter, invocation: Invocation, batches: int) -> Counter:
        """Publish that so many batches had this result; returns the messages that failed."""
        size = kinds.total()
        self._metrics.queue(self._topology.queue, "NumberOfMessagesReceived", 1, size * batches)
        failed = Counter(dict(zip(kinds, invocation.failed, strict=True)))
        self._metrics.queue(self._topology.queue, "NumberOfMessagesDeleted", 1, (size - failed.total()) * batches)
        self._metrics.invocations(self._topology.event_handler, invocation, batches)
        for metric in ("PolledEventCount", "InvokedEventCount", *["FailedInvokeEventCount"] * invocation.is_error):
            self._metrics.mapping(metric, size * batches)
        if invocation.quarantined:
            quarantined = invocation.quarantined * batches
            self._metrics.queue(self._topology.dead_letters, "NumberOfMessagesSent", 1, quarantined)
            self._move_to_dead_letters(second, quarantined)
        return times(failed, batches)

    def _move_to_dead_letters(self, second: int, count: int) -> None:
        self._dead_since = self._dead_since if self._dead else second
        self._dead += count

    # Requests

    def _request(self, second: int, count: int, now: Conditions) -> None:
        kinds = {"invalid": self._sampler.binomial(count, now.client_errors)}
        kinds["nobody"] = self._sampler.binomial(count, 0.05)
        kinds["damaged"] = self._sampler.binomial(count, now.damaged_records)
        kinds["found"] = max(0, count - sum(kinds.values()))
        spent = 0.0
        for kind, number in kinds.items():
            for table, requests in self._tables_of_requests(number, now):
                cold = second - self._last_use["query"] > IDLE_SECONDS
                self._last_use["query"] = second
                warm = requests - 1 if cold else requests
                if cold:
                    spent += self._respond(kind, table, 1, now, cold=True)[0]
                if warm:
                    spent += self._respond(kind, table, warm, now, cold=False)[0]
        self._run_at_once(self._topology.query, spent)

    def _respond(
        self, kind: str, table: TableBehaviour, count: int, now: Conditions, *, cold: bool
    ) -> tuple[float, int]:
        """Answer so many requests; returns the seconds that the function ran, and the status of the last answer."""
        throttled = self._sampler.binomial(count, now.throttled)
        if throttled:
            self._metrics.function(self._topology.query, "Throttles", 1, throttled)
            self._metrics.requests(500, GATEWAY_SECONDS, 0.0, throttled)
        crashed = self._sampler.binomial(count - throttled, now.new_version_crashes)
        if crashed:
            crash = Invocation(samples=(), seconds=0.1, is_error=True, status=502, is_of_new_version=True)
            self._metrics.invocations(self._topology.query, crash, crashed)
            self._metrics.requests(502, crash.seconds + GATEWAY_SECONDS, crash.seconds, crashed)
        served, spent = count - throttled - crashed, 0.1 * crashed
        if not served:
            return spent, 502 if crashed else 500
        invocation = self._handlers.query(kind, table, cold=cold, deployments=self._deployments)
        if now.query_fails == "crash":
            invocation = Invocation(samples=(), seconds=0.1, is_error=True, status=502)
        elif now.query_fails == "slow":
            invocation = replace(invocation, seconds=0.9 * self._topology.query_timeout_seconds)
        self._metrics.invocations(self._topology.query, invocation, served)
        seconds = invocation.seconds + (COLD_START_SECONDS if cold else 0.0)
        status = invocation.status if seconds < self._topology.integration_timeout_seconds else 504
        self._metrics.requests(status, seconds + GATEWAY_SECONDS, seconds, served)
        return spent + served * invocation.seconds, status

    # The probe

    def _start_probe(self, second: int, now: Conditions) -> None:
        self._probe = None
        if not (self._topology.probe and now.probe_runs):
            return
        if self._probe_sampler.binomial(1, now.throttled):
            self._metrics.function(self._topology.probe, "Throttles", 1)
        elif not now.token_endpoint_answers:
            self._end_probe(ProbeRun(started=second), now)
        else:
            self._probe = ProbeRun(started=second)
            self._push(Cohort(second, next(self._order), second, 0, Counter(probe=1)))
            self._metrics.queue(self._topology.queue, "NumberOfMessagesSent", 1)

    def _follow_probe(self, second: int, now: Conditions) -> None:
        """Let the probe look, as far as it does in this step."""
        run = self._probe
        if run is None:
            return
        while due := run.looks_until(second + STEP_SECONDS):
            cold = second - self._last_use["query"] > IDLE_SECONDS
            self._last_use["query"] = second
            [(table, _)] = self._tables_of_requests(1, now)
            spent, status = self._respond("probe", table, 1, now, cold=cold)
            self._run_at_once(self._topology.query, spent)
            run.look(due[0], status)
        if run.is_over:
            self._end_probe(run, now)

    def _end_probe(self, run: ProbeRun, now: Conditions) -> None:
        self._probe = None
        # Rounded, to limit the kinds of runs.
        shown_after = None if run.shown_after is None else round(run.shown_after, 1)
        invocation = self._handlers.probe(
            shown_after,
            run.api_status,
            token_endpoint_answers=now.token_endpoint_answers,
            deployments=self._deployments,
        )
        self._metrics.invocations(self._topology.probe, invocation, 1)
        self._metrics.function(self._topology.probe, "ConcurrentExecutions", 1)

    def _reject(self, count: int) -> None:
        self._metrics.requests(401, GATEWAY_SECONDS, None, count)
        self._metrics.authorization_refused(count)

    # How the table treats them

    def _tables(self, invocations: int, now: Conditions) -> list[tuple[TableBehaviour, int]]:
        disturbed = self._sampler.binomial(invocations, now.disturbed)
        shares = [(now.table, invocations - disturbed), (now.disturbed_table, disturbed)]
        return [(table, number) for table, number in shares if number]

    def _tables_of_requests(self, count: int, now: Conditions) -> list[tuple[TableBehaviour, int]]:
        failing = self._sampler.binomial(count, now.query_failing)
        slow = self._sampler.binomial(count, now.query_slow)
        others = self._tables(max(0, count - failing - slow), now)
        disturbed = [(TableBehaviour(reads="error"), failing), (TableBehaviour(latency_ms=1_200), slow)]
        return [(table, number) for table, number in (*others, *disturbed) if number]

    # Queues at the end of a minute

    def _publish_queues(self, minute: int, now: Conditions) -> None:
        end = (minute + 1) * 60
        visible, in_flight, oldest = 0, 0, end
        for cohort in self._queue:
            if cohort.visible_at <= end - STEP_SECONDS:
                visible += cohort.kinds.total()
            else:
                in_flight += cohort.kinds.total()
            if cohort.receives < AGE_RECEIVES and cohort.sent < oldest:
                oldest = cohort.sent
        queue, dead_letters = self._topology.queue, self._topology.dead_letters
        self._metrics.queue_state(queue, visible=visible, in_flight=in_flight, age_seconds=end - oldest)
        self._publish_zeros(queue)
        if now.consumer_runs:
            self._metrics.queue(queue, "NumberOfEmptyReceives", 1, 15)
        if now.dead_letters_handled:
            self._dead = 0
        since, last = self._dead_active
        if self._dead:
            since, last = self._dead_active = (minute if minute - last > ACTIVE_MINUTES else since, minute)
        if minute - last <= ACTIVE_MINUTES and minute - since >= ACTIVATION_MINUTES:
            age = end - self._dead_since if self._dead else 0
            self._metrics.queue_state(dead_letters, visible=self._dead, in_flight=0, age_seconds=age)
            self._publish_zeros(dead_letters)

    def _publish_zeros(self, queue: str) -> None:
        """SQS publishes zeros for an active queue."""
        for metric in ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted"):
            self._metrics.queue(queue, metric, 0)
