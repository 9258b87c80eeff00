"""A process can be killed at any moment: after redelivery, the result is the same as without the kill."""

import itertools
import random
from dataclasses import dataclass

import pytest

from tests.chaos.faults import KilledError
from tests.chaos.harness import Fault, Script, World, bad, good, workload_of
from tests.fakes.queue import Sent

TEN_USERS = workload_of([good(i) for i in range(10)])
MIXED = workload_of(
    [good(0), good(1, user="user-0"), good(2, user="user-0", seconds=5), good(3), good(4, user="user-3"), good(5)],
    [bad(i) for i in range(4)],
)
WORKLOADS = {"ten users": TEN_USERS, "four bad ones": MIXED}


@dataclass(frozen=True)
class Moment:
    """The moment before or after the `nth` call of an operation; without an operation, after the handler returned."""

    operation: str | None
    nth: int = 1
    after: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.operation or 'acknowledgement'} {self.nth}"

    @property
    def fault(self) -> Fault | None:
        if self.operation is None:
            return None
        return Fault(operation=self.operation, nth=self.nth, landed=self.after, error=KilledError)


def moments(name: str) -> list[Moment]:
    """Every moment at which a kill makes a difference, taken from a run without faults."""
    script, world = Script(), World()
    world.deliver(world.function(script), WORKLOADS[name].messages)
    counted = [(operation, nth) for operation, count in script.calls.items() for nth in range(1, count + 1)]
    return [Moment(*call, after) for call, after in itertools.product(counted, (False, True))] + [Moment(None)]


def shuffled(name: str, order: int) -> list[Sent]:
    messages = list(WORKLOADS[name].messages)
    random.Random(order).shuffle(messages)
    return messages


def crash(world: World, name: str, moment: Moment, order: int) -> Script:
    """Deliver the batch, in some order, to a new process that is killed at this moment; delete no message."""
    script = Script(moment.fault)
    done = world.deliver(world.function(script), shuffled(name, order))
    assert (done is None) == (moment.fault is not None)
    return script


def is_as_if_nothing_was(world: World, name: str) -> bool:
    workload = WORKLOADS[name]
    return world.services() == workload.expected() and world.unsafe(workload, workload.messages) == []


ALL = [(name, moment) for name in WORKLOADS for moment in moments(name)]


def test_moments_cover_every_call_of_a_batch():
    writes = [moment.nth for moment in moments("ten users") if moment.operation == "update_item"]
    assert sorted(writes) == sorted([*range(1, 11)] * 2)
    operations = {moment.operation for moment in moments("four bad ones")}
    assert operations == {"batch_get_item", "update_item", "send_message_batch", None}


@pytest.mark.parametrize("name", WORKLOADS)
def test_killed_process_makes_no_further_call(name: str):
    for moment in moments(name):
        script = crash(World(), name, moment, order=1)
        if moment.operation:
            assert script.requests[-1][0] == moment.operation
            assert script.calls[moment.operation] == moment.nth


@pytest.mark.parametrize("name", WORKLOADS)
def test_two_kills_at_any_moments_do_not_change_the_result(name: str):
    # The second run has less left to do, and may end before its moment comes.
    for order, (first, second) in enumerate(itertools.product(moments(name), repeat=2)):
        world = World()
        crash(world, name, first, order)
        messages = shuffled(name, order)
        world.deliver(world.function(Script(second.fault)), messages)
        assert world.deliver(world.function(Script()), messages) == messages
        assert is_as_if_nothing_was(world, name), f"{first}, then {second}"


@pytest.mark.parametrize(("name", "moment"), ALL, ids=str)
def test_control_missing_redelivery_is_caught(name: str, moment: Moment):
    world = World()
    crash(world, name, moment, order=0)
    last = {"ten users": ("update_item", 10), "four bad ones": ("send_message_batch", 1)}[name]
    everything_done = moment.operation is None or (moment.after and (moment.operation, moment.nth) == last)
    assert is_as_if_nothing_was(world, name) == everything_done
