"""Under any faults in any order, no login is lost or stored twice, and the table is the fold of the events.

A seed always gives the same run. A failure names its seed: `Simulation(seed).run().problems`.
"""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.chaos.controls import (
    BlindStore,
    GetThenAppend,
    GetThenPut,
    IgnoresFailedEntries,
    IgnoresUnprocessedKeys,
    SwallowsFailures,
    TakesUnansweredForNew,
    last_to_arrive,
)
from tests.chaos.faults import Odds
from tests.chaos.simulation import Design, Simulation

FAULTS = {
    "throttled",
    "reply_lost",
    "repeated",
    "killed",
    "killed_before_acknowledgement",
    "unprocessed",
    "entry_failed",
    "duplicated",
    "stale",
    "reported",
    "exhausted",
}


def outcome(seed: int) -> tuple[int, list[str], Counter[str]]:
    finished = Simulation(seed).run()
    return seed, finished.problems, finished.happened


@pytest.mark.parametrize("seeds", [200, pytest.param(2000, marks=pytest.mark.soak)])
def test_no_login_is_lost_or_doubled_and_the_table_is_the_fold(seeds: int):
    happened: Counter[str] = Counter()
    broken = {}
    # Spawned, because a fork of a process with threads can hang.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for seed, problems, faults in pool.map(outcome, range(seeds), chunksize=5):
            happened += faults
            if problems:
                broken[f"seed {seed}"] = problems[:5]
    assert broken == {}
    # Otherwise the run proves nothing about that fault.
    assert set(+happened) >= FAULTS, happened


def test_seed_determines_the_run():
    first, second = Simulation(7).run(), Simulation(7).run()
    assert (first.happened, first.time.now, first.table.items()) == (
        second.happened,
        second.time.now,
        second.table.items(),
    )
    assert Simulation(8).run().time.now != first.time.now


CALM = Odds(**dict.fromkeys(Odds.__dataclass_fields__, 0.0))


def reported_without_faults(pollers: int, users: int) -> int:
    """How many messages were reported as failed in runs whose only disturbance is other writers."""
    reported = 0
    for seed in range(3):
        finished = Simulation(seed, odds=CALM, pollers=pollers, users=users).run()
        assert finished.problems == []
        assert set(+finished.happened) <= {"reported"}
        reported += finished.happened["reported"]
    return reported


@pytest.mark.parametrize(("pollers", "users"), [(4, 40), (16, 4), (40, 4)])
def test_concurrent_writers_of_the_same_users_do_not_fail_without_faults(pollers: int, users: int):
    assert reported_without_faults(pollers, users) == 0


def test_control_too_few_attempts_are_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("handlers.store.ATTEMPTS", 3)
    assert reported_without_faults(16, 4) > 0


def problems_of(design: Design) -> Iterator[str]:
    for seed in range(5):
        yield from Simulation(seed, design=design).run().problems


CONTROLS: dict[str, tuple[Design, str]] = {
    "get then put": (Design(make=lambda process: GetThenPut(process.dynamodb), batch_size=1), "lost"),
    "get then append": (Design(make=lambda process: GetThenAppend(process.dynamodb), batch_size=1), "twice"),
    "acknowledged before the write": (Design(acknowledges_first=True), "is nowhere"),
    "failures swallowed": (Design(make=lambda process: SwallowsFailures(process.event_handler())), "is nowhere"),
    "no condition on the write": (Design(make=lambda process: process.event_handler(store=BlindStore)), "lost"),
    "unprocessed keys ignored": (
        Design(make=lambda process: process.event_handler(store=IgnoresUnprocessedKeys)),
        "is nowhere",
    ),
    "failed entries ignored": (
        Design(make=lambda process: process.event_handler(quarantine=IgnoresFailedEntries)),
        "not in the dead-letter queue",
    ),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_control_wrong_design_is_caught(name: str):
    design, symptom = CONTROLS[name]
    assert any(symptom in problem for problem in problems_of(design))


def test_control_last_arrival_wins_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("handlers.stored.merge", last_to_arrive)
    assert any("not the fold" in problem for problem in problems_of(Design()))


def test_treating_a_user_as_new_only_costs_a_conflict():
    assert list(problems_of(Design(make=lambda process: process.event_handler(store=TakesUnansweredForNew)))) == []
