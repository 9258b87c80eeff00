"""Invalid messages do not affect valid messages, in every mix of a batch of ten."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.quarantine import Quarantine
from localcloud.models.client import Gate, Perform
from tests.chaos.controls import IgnoresFailedEntries
from tests.chaos.harness import NOW, Script, World, bad, good, workload_of
from tests.chaos.workload import Workload, origin
from tests.fakes.queue import Sent

SIZE = 10
BAD = range(1, SIZE)


def mixes(bads: int) -> Iterator[tuple[Workload, list[Sent], list[Sent]]]:
    """Every batch with that many invalid messages: its workload, its messages in order, its invalid messages."""
    for places in itertools.combinations(range(SIZE), bads):
        goods = [good(i, user=f"user-{i % 3}", seconds=i) for i in range(SIZE) if i not in places]
        poison = [bad(i) for i in places]
        workload = workload_of(goods, poison)
        in_order = sorted(workload.messages, key=lambda sent: int(sent.message_id.partition("-")[2]))
        yield workload, in_order, poison


@pytest.mark.parametrize("bads", BAD)
def test_valid_messages_are_stored_and_invalid_messages_quarantined_unchanged(bads: int):
    for workload, messages, poison in mixes(bads):
        world = World()
        assert world.deliver(world.function(Script()), messages) == messages
        assert world.services() == workload.expected()
        assert [copy.body for copy in world.dead_letters.messages()] == [sent.body for sent in poison]
        assert world.unsafe(workload, messages) == []


def test_dead_letter_is_the_message_with_its_reason():
    world, sent = World(), bad(1)
    world.deliver(world.function(Script()), [sent])
    [found] = world.dead_letters.messages()
    assert (found.body, found.trace_header) == (sent.body, sent.trace_header)
    reasons = {
        "error_code": "body_not_json",
        "error_detail": f"The body of {len(sent.body)} characters is not JSON.",
        "source_message_id": "bad-1",
        "quarantined_at": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    added = {name: {"DataType": "String", "StringValue": text} for name, text in reasons.items()}
    assert found.attributes == sent.attributes | added


def takes_some(taken: frozenset[int], *, silent: bool) -> Gate:
    """A queue that accepts the entries at these places; it lists the others as failed or, if `silent`, not at all."""

    def gate(operation: str, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        if operation != "send_message_batch":
            return perform(request)
        entries = request["Entries"]
        accepted = [entry for place, entry in enumerate(entries) if place in taken]
        failed = [{"Id": e["Id"], "Code": "InternalError", "SenderFault": False} for e in entries if e not in accepted]
        response = perform(request | {"Entries": accepted}) if accepted else {}
        return response if silent else response | {"Failed": failed}

    return gate


def falsely_acknowledged(bads: int, quarantine: type[Quarantine], *, silent: bool) -> list[str]:
    """The messages that are lost when the queue accepts only some entries, over every choice of entries."""
    lost = []
    messages = [good(i)[0] for i in range(SIZE - bads)] + [bad(i) for i in range(bads)]
    workload = workload_of([good(i) for i in range(SIZE - bads)], messages[SIZE - bads :])
    for chosen in itertools.product((True, False), repeat=bads):
        taken = frozenset(place for place, is_taken in enumerate(chosen) if is_taken)
        world = World()
        done = world.deliver(world.function(takes_some(taken, silent=silent), quarantine=quarantine), messages)
        assert done is not None
        assert done[: SIZE - bads] == messages[: SIZE - bads]
        lost += world.unsafe(workload, done)
        rest = [sent for sent in messages if sent not in done]
        assert len(rest) == bads - len(taken) or quarantine is not Quarantine
        assert world.deliver(world.function(Script()), rest) == rest
        assert world.services() == workload.expected()
        assert set(Counter(map(origin, world.dead_letters.messages())).values()) <= {1}
    return lost


@pytest.mark.parametrize("silent", [False, True], ids=["listed as failed", "listed nowhere"])
@pytest.mark.parametrize("bads", BAD)
def test_only_entries_the_queue_accepted_are_acknowledged(bads: int, silent: bool):
    assert falsely_acknowledged(bads, Quarantine, silent=silent) == []


@pytest.mark.parametrize("silent", [False, True], ids=["listed as failed", "listed nowhere"])
def test_control_trusting_a_200_loses_messages(silent: bool):
    assert falsely_acknowledged(3, IgnoresFailedEntries, silent=silent) != []
