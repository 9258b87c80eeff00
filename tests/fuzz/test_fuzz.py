"""No event makes a function crash, return a 500, or acknowledge a message falsely.

A shard is always the same. A failure shows its arguments: `queue_shard(0, 1500)` repeats it.
"""

import multiprocessing
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from simulation.lambda_events import sqs_record
from tests.fakes.events import login
from tests.fuzz.properties import FAULTS, World, answers, deliver, nothing_is_left_over
from tests.fuzz.strategies import ENCODINGS, batches, printable_ids, requests

EVENTS = 600  # each control is found within a shard of this size
# The number of shards, and of events in a shard.
SOAK = (40, 10_000)
SHARDS = [(1, EVENTS), pytest.param(*SOAK, marks=pytest.mark.soak)]

PHASES = (Phase.generate, Phase.shrink)
Shard = Callable[[int, int], Counter[str]]


def run(check: Callable[..., None], number: int, examples: int, *strategies: st.SearchStrategy[Any]) -> None:
    """Run `check` on that many examples, which are always the same for a shard number."""
    profile = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        phases=PHASES,
    )
    with warnings.catch_warnings():
        # A failing example of a megabyte must not fail again over its size.
        warnings.filterwarnings("ignore", "Generating overly large repr")
        seed(number)(profile(given(*strategies)(check)))()


def queue_shard(number: int, examples: int) -> Counter[str]:
    seen: Counter[str] = Counter()

    def check(records: list[dict[str, Any]], fault: str | None) -> None:
        world = World(fault)
        acknowledged = deliver(world, records)
        if fault is None:
            nothing_is_left_over(records, acknowledged)
        seen["events"] += 1
        seen["acknowledged"] += len(acknowledged)
        seen["reported"] += len(records) - len(acknowledged)
        seen["quarantined"] += len(world.dead_letters)
        seen["stored"] += len(world.table.items())

    run(check, number, examples, batches(), st.sampled_from(FAULTS))
    return seen


def api_shard(number: int, examples: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    world = World()

    def ask(event: Any) -> None:
        seen[str(answers(world.query, event)["statusCode"])] += 1
        seen["events"] += 1

    def round_trip(user_id: str, encoding: str) -> None:
        own = World()
        assert deliver(own, [sqs_record(login(user_id))])
        event = {"pathParameters": {"user_id": ENCODINGS[encoding](user_id)}}
        body = answers(own.query, event)["body"]
        assert body["user_id"] == user_id
        assert len(body["services"]) == 1
        seen["events"] += 1
        seen["round trips"] += 1

    run(ask, number, examples * 3 // 4, requests)
    run(round_trip, number, examples - examples * 3 // 4, printable_ids(), st.sampled_from(list(ENCODINGS)))
    return seen


def in_shards(shard: Shard, shards: int, examples: int) -> Counter[str]:
    if shards == 1:
        return shard(0, examples)
    # Two, because every machine has two cores; spawned, because a fork of a process with threads can hang.
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        return sum(pool.map(shard, range(shards), [examples] * shards), Counter[str]())


@pytest.mark.parametrize(("shards", "examples"), SHARDS)
def test_queue_events_keep_the_properties(shards: int, examples: int):
    seen = in_shards(queue_shard, shards, examples)
    assert seen["events"] >= shards * examples, seen
    # Without a good share of each outcome, the examples prove nothing.
    for outcome in ("acknowledged", "reported", "quarantined", "stored"):
        assert seen[outcome] > seen["events"] / 10, seen


@pytest.mark.parametrize(("shards", "examples"), SHARDS)
def test_api_events_keep_the_properties(shards: int, examples: int):
    seen = in_shards(api_shard, shards, examples)
    assert seen["events"] >= shards * examples, seen
    for outcome in ("200", "400", "round trips"):
        assert seen[outcome] > seen["events"] / 10, seen


def test_message_with_an_attribute_name_no_queue_carries_is_reported():
    record = sqs_record("no login", messageAttributes={"\ud800": {"dataType": "String", "stringValue": "text"}})
    acknowledged = deliver(World(), [record])
    assert acknowledged == []
    nothing_is_left_over([record], acknowledged)
