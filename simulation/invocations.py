"""The real handlers, run on representative batches and requests against a simulated table and clock.

Their results decide what happens to messages, and the metrics they print are those that the simulation publishes.
Equal batches under equal conditions give equal results, so each kind of batch or request runs once and its result is
counted as often as it occurs. That is exact for counters, and an approximation for durations, which vary in reality.
"""

import functools
import io
import logging
import os
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from handlers.clients import WRITERS
from handlers.event_handler import EventHandler
from handlers.quarantine import Quarantine
from handlers.query import Query
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry
from handlers.vocabulary import (
    EVENT_HANDLER_SERVICE,
    PROBE_SERVICE,
    PROBE_USER,
    QUERY_SERVICE,
    SERVICE_DIMENSION,
    STACK_DIMENSION,
)
from localcloud.cloudwatch.emf import read_samples
from localcloud.cloudwatch.metrics import MetricKey
from simulation.lambda_events import LambdaContext, sqs_record
from simulation.probed_service import ProbedService
from simulation.simulated_table import Clock, InvocationTimeout, SimulatedExecutor, SimulatedTable, TableBehaviour
from simulation.topology import Topology

NOW = datetime(2026, 1, 5, tzinfo=UTC)
# How long the client of each function waits for DynamoDB.
READ_TIMEOUT_SECONDS = {"event-handler": 2.0, "query": 1.0, "probe": 2.0}
# The probe ends by itself before its timeout.
PROBE_SECONDS = 55
OWN_MILLISECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class MessageGroup:
    """`count` equal messages of a batch, of kind "ok", "duplicate", "conflict", "invalid" or "probe"."""

    kind: str
    receives: int
    age_seconds: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """The result of one invocation."""

    samples: tuple[tuple[MetricKey, float, int], ...]
    seconds: float
    failed: tuple[int, ...] = ()
    """Of a batch: how many messages of each group were reported as failed, in the order given."""
    quarantined: int = 0
    is_error: bool = False
    status: int = 200
    is_held: bool = False
    """Whether a busy function may write its metrics later."""
    is_of_new_version: bool = False
    """Whether the version ran that gets a share of the requests while it is released."""


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What one call of a handler did; no response if it raised or timed out."""

    samples: tuple[tuple[MetricKey, float, int], ...]
    seconds: float
    response: Any
    is_held: bool


class HandlerRunner:
    """Runs the handlers once for each kind of batch or request: `batch` and `query` cache their results."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self.batch = functools.cache(self._run_batch)
        self.query = functools.cache(self._run_query)
        self.probe = functools.cache(self._run_probe)

    def _run_batch(
        self, groups: tuple[MessageGroup, ...], behaviour: TableBehaviour, *, cold: bool, deployments: int
    ) -> Invocation:
        indices = [index for index, group in enumerate(groups) for _ in range(group.count)]
        records = [_record(groups[index], f"{index}-{number}") for number, index in enumerate(indices)]
        sent: list[int] = []

        def send_message_batch(QueueUrl: str, Entries: Any) -> Any:  # noqa: N803
            sent.append(len(Entries))
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

        sqs: Any = SimpleNamespace(send_message_batch=send_message_batch)

        def make(clock: Clock, table: SimulatedTable, telemetry: Telemetry) -> Any:
            for index, record in zip(indices, records, strict=True):
                if groups[index].kind == "duplicate":
                    table.store(_user(groups[index], record["messageId"]))
            return EventHandler(
                _store(table.client, self._topology.table, clock),
                Quarantine(lambda: sqs, "dead-letters"),
                telemetry,
                max_receive_count=self._topology.max_receives,
                now=lambda: NOW + timedelta(seconds=clock.now),
            ).handle

        limit = self._topology.handler_timeout_seconds
        context = LambdaContext(
            function_name=EVENT_HANDLER_SERVICE,
            function_version=self._version_of(self._topology.event_handler, deployments),
        )
        run = self._run(context, make, {"Records": records}, behaviour, limit, cold)
        response = run.response
        if response is None:
            failed = Counter(indices)
        else:
            failed_ids = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
            failed = Counter(
                index for index, record in zip(indices, records, strict=True) if record["messageId"] in failed_ids
            )
        timed_out = response is None and run.seconds >= limit
        return Invocation(
            samples=run.samples,
            seconds=run.seconds,
            is_held=run.is_held,
            failed=tuple(failed[index] for index in range(len(groups))),
            quarantined=0 if timed_out else sum(sent),
            is_error=response is None,
        )

    def _run_query(self, kind: str, behaviour: TableBehaviour, *, cold: bool, deployments: int) -> Invocation:
        # "found" has a record, that of "damaged" cannot be read, "nobody" has none, and the path of "invalid" is not
        # UTF-8. Whether the record of "probe" has the login is decided by the model.
        user = {"invalid": "%FF", "probe": PROBE_USER}.get(kind, kind)

        def make(clock: Clock, table: SimulatedTable, telemetry: Telemetry) -> Any:
            if kind == "found":
                table.store(user)
            if kind == "damaged":
                table.store_damaged(user)
            return Query(_store(table.client, self._topology.table, clock), telemetry).answer

        event = {"pathParameters": {"user_id": user}, "requestContext": {"requestId": "r"}}
        limit = self._topology.query_timeout_seconds
        context = LambdaContext(
            function_name=QUERY_SERVICE, function_version=self._version_of(self._topology.query, deployments)
        )
        run = self._run(context, make, event, behaviour, limit, cold)
        return Invocation(
            samples=run.samples,
            seconds=run.seconds,
            is_held=run.is_held,
            is_error=run.response is None,
            status=502 if run.response is None else run.response["statusCode"],
        )

    def _run_probe(
        self, shown_after: float | None, api_status: int, *, token_endpoint_answers: bool, deployments: int
    ) -> Invocation:
        def make(clock: Clock, _table: SimulatedTable, telemetry: Telemetry) -> Any:
            token_status = 200 if token_endpoint_answers else None
            service = ProbedService(
                clock=clock, began=NOW, shown_after=shown_after, api_status=api_status, token_status=token_status
            )
            return service.probe(telemetry).run

        context = LambdaContext(
            function_name=PROBE_SERVICE, function_version=self._version_of(self._topology.probe, deployments)
        )
        run = self._run(context, make, {}, TableBehaviour(), PROBE_SECONDS, cold=False)
        return Invocation(samples=run.samples, seconds=run.seconds)

    def _version_of(self, function: str, deployments: int) -> str:
        """The version that runs: the newest of the recorded stack, and another one after each deployment."""
        return str(int(self._topology.newest_versions[function]) + deployments)

    def _run(
        self, context: LambdaContext, make: Any, event: Any, behaviour: TableBehaviour, limit_seconds: float, cold: bool
    ) -> "_Run":
        service, clock, printed = context.function_name, Clock(limit_seconds), io.StringIO()
        table = SimulatedTable(self._topology.table, clock, behaviour, READ_TIMEOUT_SECONDS[service])
        context = replace(context, remaining_seconds=lambda: limit_seconds - clock.now)
        simulated_time = SimpleNamespace(perf_counter=lambda: clock.now, sleep=clock.advance)
        level = logging.getLogger().level
        environment = {} if cold else {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
        with (
            redirect_stdout(printed),
            patch.dict(os.environ, environment),
            # No function is in a hurry to write in its first minutes; the model decides whether one is busy.
            patch("handlers.metrics.UNHURRIED", 0),
            patch("handlers.event_handler.time", simulated_time),
            patch("handlers.query.time", simulated_time),
        ):
            logging.Logger.manager.loggerDict.pop(service, None)
            telemetry = Telemetry(service, self._topology.stack, "simulated")
            if cold:
                # Before the first invocation, and not part of its duration.
                _store(table.client, self._topology.table, clock).warm_up(batch=service == EVENT_HANDLER_SERVICE)
                clock.now = 0.0
            handler = telemetry.entry_point(make(clock, table, telemetry))
            timed_out, is_held = False, False
            try:
                response = handler(event, context)
            except InvocationTimeout:
                response, timed_out = None, True
            except Exception:  # noqa: BLE001 - Lambda counts any exception as an error
                response = None
            else:
                is_held = not _emitted(printed.getvalue())
                telemetry.flush()
            finally:
                logging.Logger.manager.loggerDict.pop(service, None)
                logging.getLogger().setLevel(level)
        samples = table.samples + ([] if timed_out else _emitted(printed.getvalue()))
        counted = tuple((key, value, count) for (key, value), count in Counter(samples).items())
        return _Run(
            samples=counted,
            seconds=limit_seconds if timed_out else clock.now + OWN_MILLISECONDS / 1000,
            response=response,
            is_held=is_held,
        )


def _store(table: Any, name: str, clock: Clock) -> UserRecordStore:
    executor = SimulatedExecutor(clock, WRITERS)
    return UserRecordStore(table, name, sleep=clock.advance, jitter=lambda: 0.5, executor=executor)


def _user(group: MessageGroup, message_id: str) -> str:
    return PROBE_USER if group.kind == "probe" else f"{group.kind}-{message_id}"


def _record(group: MessageGroup, message_id: str) -> dict[str, Any]:
    user = _user(group, message_id)
    login = {"user_id": user, "service_id": "mail", "service_name": "Mail", "timestamp": "2026-01-04T12:00:00Z"}
    if group.kind == "invalid":
        del login["timestamp"]
    sent_at = str(round((NOW.timestamp() - group.age_seconds) * 1000))
    return sqs_record(login, message_id, receive_count=group.receives + 1, sent_at=sent_at)


def _emitted(printed: str) -> list[tuple[MetricKey, float]]:
    samples = [(sample.key, sample.value) for sample in read_samples(printed.splitlines())]
    assert all(dict(key.dimensions).keys() >= {SERVICE_DIMENSION, STACK_DIMENSION} for key, _ in samples)
    return samples
