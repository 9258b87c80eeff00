"""The real handlers, run on representative batches and requests against a simulated table and clock.

Their results decide what happens to messages, and the metrics they print are those that the simulation publishes.
Equal batches under equal conditions give equal results, so each kind of batch or request runs once and its result is
counted as often as it occurs. That is exact for counters, and an approximation for durations, which vary in reality.
"""

import io
import json
import logging
import os
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass
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
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE, SERVICE_DIMENSION, STACK_DIMENSION
from localcloud.cloudwatch.metrics import MetricKey
from simulation.simulated_table import Clock, InvocationTimeout, SimulatedExecutor, SimulatedTable, TableBehaviour
from simulation.topology import Topology

NOW = datetime(2026, 1, 5, tzinfo=UTC)
# How long the client of each function waits for DynamoDB.
READ_TIMEOUT_SECONDS = {"event-handler": 2.0, "query": 1.0}
OWN_MILLISECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class MessageGroup:
    """`count` equal messages of a batch, of kind "ok", "duplicate", "conflict" or "invalid"."""

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


class HandlerRunner:
    """Runs the handlers once for each kind of batch or request."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._results: dict[Any, Invocation] = {}

    def batch(self, groups: tuple[MessageGroup, ...], table: TableBehaviour, *, cold: bool) -> Invocation:
        """The event handler's result for a batch."""
        key = groups, table, cold
        if key not in self._results:
            self._results[key] = self._run_batch(groups, table, cold)
        return self._results[key]

    def query(self, kind: str, table: TableBehaviour, *, cold: bool) -> Invocation:
        """The query function's result for a user with logins ("found"), "nobody", or an "invalid" path."""
        key = kind, table, cold
        if key not in self._results:
            self._results[key] = self._run_query(kind, table, cold)
        return self._results[key]

    def _run_batch(self, groups: tuple[MessageGroup, ...], behaviour: TableBehaviour, cold: bool) -> Invocation:
        indices = [index for index, group in enumerate(groups) for _ in range(group.count)]
        records = [_record(groups[index], f"{index}-{number}") for number, index in enumerate(indices)]
        sent: list[int] = []

        def send_message_batch(QueueUrl: str, Entries: Any) -> Any:  # noqa: N803
            sent.append(len(Entries))
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

        sqs: Any = SimpleNamespace(send_message_batch=send_message_batch)

        def make(clock: Clock, table: SimulatedTable, telemetry: Telemetry) -> Any:
            return EventHandler(
                _store(table, self._topology.table, clock),
                Quarantine(lambda: sqs, "dead-letters"),
                telemetry,
                max_receive_count=self._topology.max_receives,
                now=lambda: NOW + timedelta(seconds=clock.now),
            ).handle

        limit = self._topology.handler_timeout_seconds
        samples, seconds, response = self._run(
            EVENT_HANDLER_SERVICE, make, {"Records": records}, behaviour, limit, cold
        )
        if response is None:
            failed = Counter(indices)
        else:
            failed_ids = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
            failed = Counter(
                index for index, record in zip(indices, records, strict=True) if record["messageId"] in failed_ids
            )
        timed_out = response is None and seconds >= limit
        return Invocation(
            samples=samples,
            seconds=seconds,
            failed=tuple(failed[index] for index in range(len(groups))),
            quarantined=0 if timed_out else sum(sent),
            is_error=response is None,
        )

    def _run_query(self, kind: str, behaviour: TableBehaviour, cold: bool) -> Invocation:
        user = "%FF" if kind == "invalid" else kind

        def make(clock: Clock, table: SimulatedTable, telemetry: Telemetry) -> Any:
            return Query(_store(table, self._topology.table, clock), telemetry).answer

        event = {"pathParameters": {"user_id": user}, "requestContext": {"requestId": "r"}}
        limit = self._topology.query_timeout_seconds
        samples, seconds, response = self._run(QUERY_SERVICE, make, event, behaviour, limit, cold)
        return Invocation(
            samples=samples,
            seconds=seconds,
            is_error=response is None,
            status=502 if response is None else response["statusCode"],
        )

    def _run(
        self, service: str, make: Any, event: Any, behaviour: TableBehaviour, limit_seconds: float, cold: bool
    ) -> tuple[tuple[tuple[MetricKey, float, int], ...], float, Any]:
        """Samples, duration, and the handler's response; None when it raised or timed out."""
        clock, printed = Clock(limit_seconds), io.StringIO()
        table = SimulatedTable(self._topology.table, clock, behaviour, READ_TIMEOUT_SECONDS[service])
        context = SimpleNamespace(
            function_name=service,
            memory_limit_in_mb=512,
            invoked_function_arn=f"arn:aws:lambda:eu-west-1:123456789012:function:{service}",
            aws_request_id="request",
            get_remaining_time_in_millis=lambda: (limit_seconds - clock.now) * 1000,
        )
        simulated_time = SimpleNamespace(perf_counter=lambda: clock.now, sleep=clock.advance)
        level = logging.getLogger().level
        environment = {} if cold else {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
        with (
            redirect_stdout(printed),
            patch.dict(os.environ, environment),
            patch("handlers.event_handler.time", simulated_time),
            patch("handlers.query.time", simulated_time),
        ):
            logging.Logger.manager.loggerDict.pop(service, None)
            telemetry = Telemetry(service, self._topology.stack, "simulated")
            handler = telemetry.entry_point(make(clock, table, telemetry))
            timed_out = False
            try:
                response = handler(event, context)
            except InvocationTimeout:
                response, timed_out = None, True
            except Exception:  # noqa: BLE001 - Lambda counts any exception as an error
                response = None
            finally:
                logging.Logger.manager.loggerDict.pop(service, None)
                logging.getLogger().setLevel(level)
        samples = table.samples + ([] if timed_out else _emitted(printed.getvalue()))
        counted = tuple((key, value, count) for (key, value), count in Counter(samples).items())
        return counted, limit_seconds if timed_out else clock.now + OWN_MILLISECONDS / 1000, response


def _store(table: Any, name: str, clock: Clock) -> UserRecordStore:
    executor = SimulatedExecutor(clock, WRITERS)
    return UserRecordStore(table, name, sleep=clock.advance, jitter=lambda: 0.5, executor=executor)


def _record(group: MessageGroup, message_id: str) -> dict[str, Any]:
    login = {
        "user_id": f"{group.kind}-{message_id}",
        "service_id": "mail",
        "service_name": "Mail",
        "timestamp": "2026-01-04T12:00:00Z",
    }
    if group.kind == "invalid":
        del login["timestamp"]
    return {
        "messageId": message_id,
        "body": json.dumps(login),
        "attributes": {
            "ApproximateReceiveCount": str(group.receives + 1),
            "SentTimestamp": str(round((NOW.timestamp() - group.age_seconds) * 1000)),
        },
        "messageAttributes": {},
    }


def _emitted(printed: str) -> list[tuple[MetricKey, float]]:
    """The samples of the EMF objects among the printed lines, by the dimensions that each object declares."""
    samples = []
    for line in printed.splitlines():
        if '"_aws"' not in line:
            continue
        emf = json.loads(line)
        for directive in emf["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = {name: emf[name] for name in names}
                for metric in directive["Metrics"]:
                    key = MetricKey.of(directive["Namespace"], metric["Name"], dimensions)
                    values = emf[metric["Name"]]
                    samples += [(key, value) for value in (values if isinstance(values, list) else [values])]
    assert all(dict(key.dimensions).keys() >= {SERVICE_DIMENSION, STACK_DIMENSION} for key, _ in samples)
    return samples
