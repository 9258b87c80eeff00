"""Concurrent functions with real threads, eight writers each, lose no login."""

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from handlers.store import UserRecordStore
from localcloud.models.client import Perform, client_error
from simulation.lambda_events import LambdaContext
from tests.chaos.controls import BlindStore
from tests.chaos.harness import World, records_of
from tests.chaos.workload import Workload, make_workload
from tests.fakes.functions import acknowledged

FUNCTIONS = 4


class Contended:
    """A service that handles one request at a time, slowly, and throttles 5 % of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chance = random.Random(0)
        self._reads = itertools.count()
        self._all_have_begun = threading.Barrier(FUNCTIONS)
        self.conflicts = 0

    def __call__(self, operation: str, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        time.sleep(0.0005)  # the network, where other requests are in flight
        with self._lock:
            if self._chance.random() < 0.05:
                raise client_error(operation, "ThrottlingException")
            try:
                return perform(request)
            except ClientError:
                self.conflicts += 1
                raise


def fold_at_once(workload: Workload, store: type[UserRecordStore]) -> tuple[World, Contended]:
    """Divide the messages among concurrent functions; each runs until all its messages are acknowledged."""
    world, gate = World(), Contended()

    def work(share: int) -> None:
        left = records_of(workload.messages[share::FUNCTIONS])
        with ThreadPoolExecutor(max_workers=8) as writers:
            function = world.function(gate, store=store, executor=writers)
            while left:
                batch, left = left[:10], left[10:]
                done = acknowledged(function, batch, LambdaContext())
                left += [record for record in batch if record not in done]

    with ThreadPoolExecutor(max_workers=FUNCTIONS) as functions:
        for _ in functions.map(work, range(FUNCTIONS)):
            pass
    return world, gate


def test_concurrent_functions_with_threads_lose_no_login():
    workload = make_workload(random.Random(1), 500, users=10)
    world, gate = fold_at_once(workload, UserRecordStore)
    assert gate.conflicts > 0
    assert world.services() == workload.expected()
    assert world.unsafe(workload, workload.messages) == []


def test_control_write_without_condition_loses_logins():
    workload = make_workload(random.Random(1), 500, users=10)
    world, _ = fold_at_once(workload, BlindStore)
    assert world.services() != workload.expected()
