"""One seeded run of messages, a queue, several handlers and a table, with faults between them."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from localcloud.models.client import Client
from localcloud.models.table import TableModel
from simulation.lambda_events import LambdaContext
from tests.chaos.faults import Gate, KilledError, Odds, lag_by_chance
from tests.chaos.virtual_time import VirtualTime
from tests.chaos.workload import EPOCH, Workload, make_workload, origin, same_message, services_of
from tests.fakes.functions import BATCH_SIZE, DEAD_LETTERS, MAX_RECEIVE_COUNT, TABLE, Function, acknowledged
from tests.fakes.functions import event_handler as wire
from tests.fakes.queue import QueueModel, Sent

FUNCTION_TIMEOUT_SECONDS = 10
VISIBILITY_SECONDS = 60
LONG_POLLING_SECONDS = 5
# A run that takes longer will never end.
HOURS_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How the simulated function is made, and how it is called."""

    make: Callable[["Process"], Function] = lambda process: process.event_handler()
    batch_size: int = BATCH_SIZE
    acknowledges_first: bool = False


class Process:
    """One execution environment with its own clients; no state outlives it."""

    def __init__(self, world: "Simulation") -> None:
        self._world = world
        self.deadline = 0.0
        gate = Gate(world.time, world.chance, world.odds, world.happened, self.remaining_seconds)
        self.dynamodb = Client(world.table, gate)
        self.sqs = Client(world.dead_letters, gate)
        self.function = world.design.make(self)

    def remaining_seconds(self) -> float:
        return self.deadline - self._world.time.now

    def event_handler(self, **parts: Any) -> Function:
        """The handler under test, with some `parts` replaced."""
        time = self._world.time
        parts |= {"now": lambda: EPOCH + timedelta(seconds=time.now)}
        return wire(self.dynamodb, self.sqs, sleep=time.sleep, jitter=self._world.chance.random, **parts)


@dataclass(slots=True)
class Simulation:
    """A run that is determined by its seed; after `run`, `problems` lists what is wrong."""

    seed: int
    size: int = 500
    users: int = 40
    pollers: int = 4
    design: Design = field(default_factory=Design)
    odds: Odds = field(default_factory=Odds)
    problems: list[str] = field(default_factory=list, init=False)
    happened: Counter[str] = field(default_factory=Counter, init=False)
    time: VirtualTime = field(default_factory=VirtualTime, init=False)
    chance: random.Random = field(init=False)
    workload: Workload = field(init=False)
    table: TableModel = field(init=False)
    source: QueueModel = field(init=False)
    dead_letters: QueueModel = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.workload = make_workload(self.chance, self.size, users=self.users)
        self.table = TableModel(TABLE, lag=lag_by_chance(self.chance, self.odds, self.happened))
        self.dead_letters = QueueModel(DEAD_LETTERS, clock=self._clock)
        self.source = QueueModel(
            "https://sqs/source",
            clock=self._clock,
            chance=self.chance,
            visibility_seconds=VISIBILITY_SECONDS,
            redrive_to=self.dead_letters,
            max_receive_count=MAX_RECEIVE_COUNT,
        )

    def run(self) -> "Simulation":
        for sent in self.workload.messages:
            self.source.add(sent, delay=self.chance.uniform(0, 5))
            if self.chance.random() < self.odds.duplicated:
                self.happened["duplicated"] += 1
                self.source.add(sent, delay=self.chance.choice((0, 5, 90)))
        self.time.run(*[self._poll] * self.pollers)
        self._compare_table()
        self._compare_dead_letters()
        return self

    def _clock(self) -> float:
        return EPOCH.timestamp() + self.time.now

    def _poll(self) -> None:
        """Polls the queue as Lambda does, in successive execution environments."""
        process = Process(self)
        while self._work_left():
            records = self.source.receive(self.design.batch_size)
            if not records:
                self.time.sleep(LONG_POLLING_SECONDS)
                continue
            if not self._invoke(process, records):
                process = Process(self)

    def _work_left(self) -> bool:
        if self.time.now > HOURS_MAX * 3600:
            return False
        if not self.source:
            # The on-call engineer redrives valid messages: in the end each must be stored or quarantined.
            for sent in self.dead_letters.take_all(lambda sent: "error_code" not in sent.attributes):
                self.happened["exhausted"] += 1
                self.source.add(sent)
        return bool(self.source)

    def _invoke(self, process: Process, records: list[dict[str, Any]]) -> bool:
        """Whether the process survived."""
        process.deadline = self.time.now + FUNCTION_TIMEOUT_SECONDS
        if self.design.acknowledges_first:
            self._acknowledge(records)
        try:
            done = acknowledged(process.function, records, LambdaContext(remaining_seconds=process.remaining_seconds))
        except KilledError:
            return False
        self.happened["reported"] += len(records) - len(done)
        if self.chance.random() < self.odds.killed:
            self.happened["killed_before_acknowledgement"] += 1
            return False
        self._acknowledge(done)
        self.time.sleep(0.01)
        return True

    def _acknowledge(self, records: list[dict[str, Any]]) -> None:
        self.source.delete(record["receiptHandle"] for record in records)
        acknowledged_ids = [record["messageId"] for record in records]
        lost = self.workload.unsafe(acknowledged_ids, self.table, self.dead_letters)
        self.problems += [f"{message_id} was acknowledged and is nowhere" for message_id in lost]

    def _compare_table(self) -> None:
        expected = self.workload.expected()
        items = self.table.items()
        if self.source:
            self.problems.append(f"{len(self.source)} messages were still in the queue after {HOURS_MAX} h")
        self.problems.extend(f"{user_id} is in the table without a login" for user_id in items.keys() - expected.keys())
        for user_id, services in expected.items():
            stored = services_of(self.table, user_id)
            ids = [service["service_id"] for service in stored]
            self.problems.extend(f"{user_id} has {sid} twice" for sid, count in Counter(ids).items() if count > 1)
            lost = {service["service_id"] for service in services} - set(ids)
            self.problems.extend(f"{user_id} lost {service_id}" for service_id in sorted(lost))
            if stored != services:
                self.problems.append(f"{user_id} is not the fold of its events")
            elif set(items[user_id]) != {"user_id", "services"}:
                self.problems.append(f"{user_id} has unexpected attributes")

    def _compare_dead_letters(self) -> None:
        found: dict[str, list[Sent]] = {}
        for sent in self.dead_letters.messages():
            found.setdefault(origin(sent), []).append(sent)
        for bad in self.workload.invalid:
            copies = found.pop(bad.message_id, [])
            if not copies:
                self.problems.append(f"{bad.message_id} is invalid and not in the dead-letter queue")
            elif not all(same_message(copy, bad) for copy in copies):
                self.problems.append(f"{bad.message_id} was changed on its way to the dead-letter queue")
        self.problems.extend(f"{message_id} was quarantined and is valid" for message_id in found)
