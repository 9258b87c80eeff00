"""Under any faults in any order, no login is lost or stored twice, and the table is the fold of the events.

A seed always gives the same run. A failure names its seed: `Simulation(seed).run().problems`.
"""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from tests.chaos import controls
from tests.chaos.faults import Odds
from tests.chaos.simulation import Design, Simulation

SEEDS = 20  # the rarest fault happens ten times in them
FAULTS = set(Odds.__dataclass_fields__) | {"killed_before_acknowledgement", "reported", "exhausted"}


def outcome(seed: int) -> tuple[int, list[str], Counter[str]]:
    finished = Simulation(seed).run()
    return seed, finished.problems, finished.happened


def outcomes(seeds: int) -> Iterator[tuple[int, list[str], Counter[str]]]:
    if seeds <= SEEDS:
        yield from map(outcome, range(seeds))
        return
    # Spawned, because a fork of a process with threads can hang.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(outcome, range(seeds), chunksize=5)


@pytest.mark.parametrize("seeds", [SEEDS, pytest.param(2000, marks=pytest.mark.soak)])
def test_no_login_is_lost_or_doubled_and_the_table_is_the_fold(seeds: int):
    happened: Counter[str] = Counter()
    broken = {}
    for seed, problems, faults in outcomes(seeds):
        happened += faults
        if problems:
            broken[f"seed {seed}"] = problems[:5]
    assert broken == {}
    # Otherwise the run proves nothing about that fault.
    assert set(+happened) >= FAULTS, happened


def test_seed_determines_the_run():
    first, second, other = (Simulation(seed).run() for seed in (7, 7, 8))
    assert (first.happened, first.time.now) == (second.happened, second.time.now)
    assert first.table.items() == second.table.items()
    assert other.time.now != first.time.now


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


def made_of(**parts: Any) -> Design:
    return Design(make=lambda process: process.event_handler(**parts))


CONTROLS: dict[str, tuple[Design, str]] = {
    "get then put": (Design(make=lambda process: controls.GetThenPut(process.dynamodb), batch_size=1), "lost"),
    "get then append": (Design(make=lambda process: controls.GetThenAppend(process.dynamodb), batch_size=1), "twice"),
    "acknowledged before the write": (Design(acknowledges_first=True), "is nowhere"),
    "failures swallowed": (Design(make=lambda p: controls.SwallowsFailures(p.event_handler())), "is nowhere"),
    "no condition on the write": (made_of(store=controls.BlindStore), "lost"),
    "unprocessed keys ignored": (made_of(store=controls.IgnoresUnprocessedKeys), "is nowhere"),
    "failed entries ignored": (made_of(quarantine=controls.IgnoresFailedEntries), "not in the dead-letter queue"),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_control_wrong_design_is_caught(name: str):
    design, symptom = CONTROLS[name]
    assert any(symptom in problem for problem in problems_of(design))


def test_control_last_arrival_wins_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("handlers.stored.merge", controls.last_to_arrive)
    assert any("not the fold" in problem for problem in problems_of(Design()))


def test_treating_a_user_as_new_only_costs_a_conflict():
    assert list(problems_of(made_of(store=controls.TakesUnreadForNew))) == []
