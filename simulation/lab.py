"""The real handlers, run on representative batches and requests against a table in memory, on a clock that is turned.

What they answer decides what happens to messages, and what they print as metrics is what the simulation publishes.
Equal batches under equal conditions give equal results, so each kind is run once and its result is used as often as it
occurs: at 500 events a second nothing is run 50 times a second, only counted so often. That is an approximation of
values that vary (durations), and none of counters.
"""

import io
import logging
import os
from collections import Counter
from concurrent.futures import Executor, Future
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError, ReadTimeoutError

from handlers.event_handler import EventHandler
from handlers.quarantine import Quarantine
from handlers.query import Query
from handlers.store import WRITERS, UserRecordStore
from handlers.telemetry import Telemetry
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE, SERVICE_DIMENSION, STACK_DIMENSION
from localcloud.cloudwatch.emf import read_samples
from localcloud.cloudwatch.metrics import MetricKey
from localcloud.models.client import Client, Perform, client_error
from localcloud.models.table import TableModel
from simulation.invocation import LambdaContext, sqs_record
from simulation.names import Plant

NOW = datetime(2026, 1, 5, tzinfo=UTC)
# As the functions make their clients: two attempts, and how long each waits for an answer.
ATTEMPTS = 2
READ_TIMEOUT_SECONDS = {"event-handler": 2.0, "query": 1.0}
OWN_MILLISECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """How the table behaves towards one invocation: "ok", "retried" (throttled once), "throttle", "error", "hang"."""

    latency_ms: float = 5.0
    reads: str = "ok"
    writes: str = "ok"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A kind of message in a batch: "ok", "duplicate", "conflict" or "invalid", and so many of them."""

    kind: str
    receives: int
    age_seconds: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of one invocation."""

    samples: tuple[tuple[MetricKey, float, int], ...]
    seconds: float
    failed: tuple[int, ...] = ()
    """Of a batch: how many of each kind, in the order given, must come again."""
    quarantined: int = 0
    is_error: bool = False
    status: int = 200


class _Killed(BaseException):
    """Lambda ends an invocation that runs out of time: nothing after that happens, and nothing is flushed."""


class _Clock:
    def __init__(self, limit_seconds: float) -> None:
        self.now, self.limit = 0.0, limit_seconds

    def advance(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.limit:
            raise _Killed


class _Lanes(Executor):
    """Runs what is submitted at once, and turns the clock as if `WRITERS` ran side by side."""

    def __init__(self, clock: _Clock) -> None:
        self._clock, self._ends = clock, [0.0] * WRITERS

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future:
        started = self._clock.now
        if started > max(self._ends):
            self._ends = [started] * WRITERS
        lane = self._ends.index(min(self._ends))
        self._clock.now = self._ends[lane]
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future keeps it
            future.set_exception(error)
        self._ends[lane] = self._clock.now
        self._clock.now = max(self._ends)
        return future


class _Gate:
    """The way to the table for one invocation, with the metrics AWS would publish of the calls.

    Just before the login of a "conflict" is written, another writer stores an older one.
    """

    def __init__(self, plant: Plant, clock: _Clock, dependency: Dependency, read_timeout: float) -> None:
        self._plant, self._clock, self._dependency, self._read_timeout = plant, clock, dependency, read_timeout
        self._table = TableModel(plant.table)
        self.client = Client(self._table, self._call)
        self.samples: list[tuple[MetricKey, float]] = []

    def store(self, user: str, day: str = "2026-01-04") -> None:
        """Let the table hold a login of this user."""
        texts = {"service_id": "mail", "service_name": "Mail", "last_accessed": f"{day}T23:59:00Z"}
        service = {name: {"S": text} for name, text in texts.items()}
        self._table.put_item(
            TableName=self._plant.table, Item={"user_id": {"S": user}, "services": {"L": [{"M": service}]}}
        )

    def _call(self, method: str, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        operation = "".join(word.title() for word in method.split("_"))
        if method != "update_item":
            self._arrive(operation, "Read", self._dependency.reads)
            return perform(request)
        self._arrive(operation, "Write", self._dependency.writes)
        user = request["Key"]["user_id"]["S"]
        if user.startswith("conflict") and user not in self._table.items():
            self.store(user, "2020-01-01")
        try:
            return perform(request)
        except ClientError:
            self._count("ConditionalCheckFailedRequests")
            raise

    def _arrive(self, operation: str, kind: str, behaviour: str) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                self._clock.advance(0.05)
            if behaviour == "hang":
                self._clock.advance(self._read_timeout)
                continue
            self._clock.advance(self._dependency.latency_ms / 1000)
            if behaviour == "ok" or (behaviour == "retried" and attempt):
                self._count("SuccessfulRequestLatency", self._dependency.latency_ms, Operation=operation)
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
        raise client_error(operation, code)

    def _count(self, name: str, value: float = 1, **dimensions: str) -> None:
        self.samples.append((MetricKey.of("AWS/DynamoDB", name, {"TableName": self._plant.table, **dimensions}), value))


class Lab:
    """Answers what the real handlers do, once for each kind of batch or request."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._runs: dict[Any, Run] = {}

    def batch(self, messages: tuple[Message, ...], dependency: Dependency, *, cold: bool) -> Run:
        """What the event handler makes of a batch."""
        key = messages, dependency, cold
        if key not in self._runs:
            self._runs[key] = self._run_batch(messages, dependency, cold)
        return self._runs[key]

    def query(self, kind: str, dependency: Dependency, *, cold: bool) -> Run:
        """What the query function makes of a request: for a user who is "found", "nobody", or an "invalid" path."""
        key = kind, dependency, cold
        if key not in self._runs:
            self._runs[key] = self._run_query(kind, dependency, cold)
        return self._runs[key]

    def _run_batch(self, messages: tuple[Message, ...], dependency: Dependency, cold: bool) -> Run:
        kinds = [index for index, message in enumerate(messages) for _ in range(message.count)]
        records = [_record(messages[index], f"{index}-{number}") for number, index in enumerate(kinds)]
        sent: list[int] = []

        def send_message_batch(QueueUrl: str, Entries: Any) -> Any:  # noqa: N803
            sent.append(len(Entries))
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

        def make(clock: _Clock, gate: _Gate, telemetry: Telemetry) -> Any:
            for index, record in zip(kinds, records, strict=True):
                if messages[index].kind == "duplicate":
                    gate.store(_user(messages[index], record["messageId"]))
            return EventHandler(
                _store(gate.client, self._plant.table, clock),
                Quarantine(lambda: SimpleNamespace(send_message_batch=send_message_batch), "dead-letters"),
                telemetry,
                max_receive_count=self._plant.max_receives,
                now=lambda: NOW + timedelta(seconds=clock.now),
            ).handle

        limit = self._plant.handler_timeout_seconds
        samples, seconds, answer = self._run(EVENT_HANDLER_SERVICE, make, {"Records": records}, dependency, limit, cold)
        if answer is None:
            failed = Counter(kinds)
            quarantined = 0 if seconds >= limit else sum(sent)
        else:
            again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            failed = Counter(
                index for index, record in zip(kinds, records, strict=True) if record["messageId"] in again
            )
            quarantined = sum(sent)
        return Run(
            samples=samples,
            seconds=seconds,
            failed=tuple(failed[index] for index in range(len(messages))),
            quarantined=quarantined,
            is_error=answer is None,
        )

    def _run_query(self, kind: str, dependency: Dependency, cold: bool) -> Run:
        user = "%FF" if kind == "invalid" else kind

        def make(clock: _Clock, gate: _Gate, telemetry: Telemetry) -> Any:
            if kind == "found":
                gate.store(user)
            return Query(_store(gate.client, self._plant.table, clock), telemetry).answer

        event = {"pathParameters": {"user_id": user}, "requestContext": {"requestId": "r"}}
        limit = self._plant.query_timeout_seconds
        samples, seconds, answer = self._run(QUERY_SERVICE, make, event, dependency, limit, cold)
        return Run(
            samples=samples,
            seconds=seconds,
            is_error=answer is None,
            status=502 if answer is None else answer["statusCode"],
        )

    def _run(
        self, service: str, make: Any, event: Any, dependency: Dependency, limit_seconds: float, cold: bool
    ) -> tuple[tuple[tuple[MetricKey, float, int], ...], float, Any]:
        """Samples, duration, and what the handler returned; None when it raised or was ended."""
        clock, printed = _Clock(limit_seconds), io.StringIO()
        gate = _Gate(self._plant, clock, dependency, READ_TIMEOUT_SECONDS[service])
        context = LambdaContext(function_name=service, remaining_seconds=lambda: limit_seconds - clock.now)
        ticking = SimpleNamespace(perf_counter=lambda: clock.now, sleep=clock.advance)
        level = logging.getLogger().level
        start = {} if cold else {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
        with (
            redirect_stdout(printed),
            patch.dict(os.environ, start),
            patch("handlers.event_handler.time", ticking),
            patch("handlers.query.time", ticking),
        ):
            logging.Logger.manager.loggerDict.pop(service, None)
            telemetry = Telemetry(service, self._plant.stack, "simulated")
            run = telemetry.entry_point(make(clock, gate, telemetry))
            ended = False
            try:
                answer = run(event, context)
            except _Killed:
                answer, ended = None, True
            except Exception:  # noqa: BLE001 - Lambda counts whatever it is as an error
                answer = None
            finally:
                logging.Logger.manager.loggerDict.pop(service, None)
                logging.getLogger().setLevel(level)
        samples = gate.samples + ([] if ended else _emitted(printed.getvalue()))
        counted = tuple((key, value, count) for (key, value), count in Counter(samples).items())
        return counted, limit_seconds if ended else clock.now + OWN_MILLISECONDS / 1000, answer


def _store(table: Any, name: str, clock: _Clock) -> UserRecordStore:
    return UserRecordStore(table, name, sleep=clock.advance, jitter=lambda: 0.5, executor=_Lanes(clock))


def _user(message: Message, message_id: str) -> str:
    return f"{message.kind}-{message_id}"


def _record(message: Message, message_id: str) -> dict[str, Any]:
    user = _user(message, message_id)
    login = {"user_id": user, "service_id": "mail", "service_name": "Mail", "timestamp": "2026-01-04T12:00:00Z"}
    if message.kind == "invalid":
        del login["timestamp"]
    sent_at = str(round((NOW.timestamp() - message.age_seconds) * 1000))
    return sqs_record(login, message_id, receive_count=message.receives + 1, sent_at=sent_at)


def _emitted(printed: str) -> list[tuple[MetricKey, float]]:
    samples = [(sample.key, sample.value) for sample in read_samples(printed.splitlines())]
    assert all(dict(key.dimensions).keys() >= {SERVICE_DIMENSION, STACK_DIMENSION} for key, _ in samples)
    return samples
