"""The same traffic, minute by minute, through the simulation's model and through an embedded cloud."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from localcloud.cloudwatch.metrics import MetricKey, MetricStore, Statistic
from localcloud.deployer.recorder import Graph
from localcloud.drills import faults
from localcloud.drills.stack import DrilledStack
from localcloud.observatory.faults import Faults
from simulation.conditions import A_MINUTE, Conditions
from simulation.harness import Stack
from simulation.model import SystemModel
from simulation.simulated_table import TableBehaviour
from tests.fakes.drilling import wait_until_idle

MAPPING = "EventSourceMappingUUID"
STATISTICS = ("SampleCount", "Sum", "Maximum")
Values = Mapping[str, float]
"""The statistics of one metric in one minute."""
Key = tuple[str, str, tuple[tuple[str, str], ...]]


NO_FAULT = Faults()


@dataclass(frozen=True, kw_only=True)
class Minute:
    """What happens in one minute."""

    name: str
    valid: int = 3
    invalid: int = 0
    found: int = 2
    nonsense: int = 0
    """Requests whose path is not UTF-8."""
    rejected: int = 0
    """Requests with an invented token."""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """What is wrong, for the model."""
    stopped: bool = False
    injected: Faults = NO_FAULT
    broken: bool = False
    merges: bool = False
    """Messages that were sent at different times are handled together: in one batch, but not in the model."""
    restarted: bool = False
    """A batch raised before, which ends the process of the function here, but not on AWS."""


MINUTES = (
    Minute(name="first, with cold starts and invalid events", invalid=2),
    Minute(name="usual"),
    Minute(name="rejected requests", nonsense=1, rejected=3),
    Minute(name="consumer stopped", stopped=True, conditions={"consumer_runs": False}),
    Minute(name="consumer runs again", merges=True),
    Minute(
        name="writes throttled",
        injected=Faults(throttled=("UpdateItem",)),
        conditions={"table": TableBehaviour(writes="throttle")},
    ),
    Minute(name="retried after writes were throttled", valid=0, restarted=True),
    Minute(
        name="reads throttled",
        injected=Faults(throttled=("GetItem", "BatchGetItem")),
        conditions={"table": TableBehaviour(reads="throttle")},
    ),
    Minute(name="retried after reads were throttled", valid=0, restarted=True),
    Minute(name="event handler crashes", broken=True, conditions={"handler_fails": "crash"}),
    Minute(name="retried after the crash", valid=0, restarted=True),
    Minute(name="nothing", valid=0, found=0),
)


class Scripted:
    """Stands in for the model's sampler: the numbers of each minute, all of them in its first step."""

    def __init__(self) -> None:
        self._counts: Iterator[int] = iter(())
        self._shares: dict[float, int] = {}

    def begin(self, minute: Minute) -> Conditions:
        """Script a minute; returns the conditions in which the model counts the same events and requests."""
        events, requests = minute.valid + minute.invalid, minute.found + minute.nonsense
        self._counts = iter([events, requests, minute.rejected])
        usual = dict.fromkeys(("duplicates", "conflicts", "rejected_tokens"), 0.0)
        shares = {
            "invalid": minute.invalid / events if events else 0.0,
            "client_errors": minute.nonsense / requests if requests else 0.0,
        }
        conditions: dict[str, Any] = {**usual, **shares, **minute.conditions}
        return Conditions(**conditions)

    def poisson(self, _: float) -> int:
        """The next number of the script, and nothing after its end."""
        return next(self._counts, 0)

    def binomial(self, count: int, share: float) -> int:
        """The part of `count` that is exactly this share."""
        return round(count * share)


def modelled(graph: Graph) -> list[dict[Key, Values]]:
    """The metrics of each minute, as the model publishes them."""
    stack, store, sampler = Stack.of(graph, A_MINUTE), MetricStore(), Scripted()
    model = SystemModel(stack.topology, stack.handlers, stack.traffic, store, "scripted")
    model._sampler = sampler  # pyrefly: ignore[bad-assignment]
    found = []
    with patch("simulation.model.ACTIVATION_MINUTES", 0):  # as in the embedded cloud
        for number, minute in enumerate(MINUTES):
            model.run_minute(number, sampler.begin(minute))
            found.append(dict(_stored(store, number)))
    return found


def _stored(store: MetricStore, minute: int) -> Iterator[tuple[Key, Values]]:
    for key in list(store.keys()):
        if count := store.sample_count(key, minute, minute + 1):
            values = [store.value(key, Statistic.parse(name), minute, minute + 1) or 0.0 for name in STATISTICS[1:]]
            yield _key(key), dict(zip(STATISTICS, (count, *values), strict=True))


def _key(key: MetricKey) -> Key:
    return key.namespace, key.name, tuple(sorted((n, "*" if n == MAPPING else v) for n, v in key.dimensions))


def metered(stack: DrilledStack) -> list[dict[Key, Values]]:
    """The metrics of each minute, as the embedded cloud measures them, read with boto3."""
    began = stack.ended_minute()
    for minute in MINUTES:
        _pass(stack, minute)
    client = stack.cloud.client("cloudwatch")
    pages = client.get_paginator("list_metrics").paginate()
    metrics = [metric for page in pages for metric in page["Metrics"]]
    found: list[dict[Key, Values]] = [{} for _ in MINUTES]
    for metric in metrics:
        key = MetricKey.of(
            metric["Namespace"], metric["MetricName"], {d["Name"]: d["Value"] for d in metric["Dimensions"]}
        )
        answer = client.get_metric_statistics(
            **metric,
            StartTime=datetime.fromtimestamp(began * 60, UTC),
            EndTime=datetime.fromtimestamp((began + len(MINUTES)) * 60, UTC),
            Period=60,
            Statistics=list(STATISTICS),
        )
        for point in answer["Datapoints"]:
            number = int(point["Timestamp"].timestamp() // 60) - began
            found[number][_key(key)] = {name: point[name] for name in STATISTICS}
    return found


def _pass(stack: DrilledStack, minute: Minute) -> None:
    """Let everything of a minute happen, and end it."""
    # What fails is visible again after this second of the next minute.
    stack.cloud.advance(1)
    with ExitStack() as made:
        if minute.broken:
            made.enter_context(faults.function_broken(stack))
        stack.cloud.inject(minute.injected)
        # All events of a minute are one batch.
        faults.enable_consumer(stack, enabled=False)
        if minute.valid:
            stack.send(minute.valid)
        if minute.invalid:
            stack.send_malformed([json.dumps({"user_id": "drill"})] * minute.invalid)
        if not minute.stopped:
            faults.enable_consumer(stack, enabled=True)
            wait_until_idle(stack)
        for _ in range(minute.found):
            stack.query()
        for _ in range(minute.nonsense):
            stack.query(user="%FF")
        for number in range(minute.rejected):
            stack.query(token=f"invented-{number}")
        stack.cloud.advance(59)
    stack.cloud.inject(NO_FAULT)
