"""The parts of a state do not wait for each other, and rejected credentials are used for one request."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.requests_ahead import in_thread
from ops.stack import StackOutputs, parse_outputs
from ops.status import read_status
from tests.fakes.outputs import OUTPUTS

READERS = ("_read_errors", "read_functions", "read_queues", "read_consumers", "read_counts", "read_topics")
NOTHING: dict[str, Any] = {"read_functions": ((), None), "_read_errors": []}


class Waiting:
    """How long a part waits for the others."""

    seconds = 60.0


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def started(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which parts were begun, in a stack where each part is read only when all of them were begun."""
    names: list[str] = []
    meeting = Barrier(len(READERS))

    def reader(name: str) -> Callable[..., Any]:
        def read(*_: Any) -> Any:
            names.append(name)
            meeting.wait(waiting.seconds)
            return NOTHING.get(name, ())

        return read

    for name in READERS:
        monkeypatch.setattr(f"ops.status.{name}", reader(name))
    monkeypatch.setattr("ops.status.read_alarms", lambda _outputs: [])
    return names


def read() -> None:
    outputs = parse_outputs(json.dumps(OUTPUTS), "a test")
    read_status(outputs, datetime.now(UTC), datetime.now(UTC), most_errors=2)


def test_parts_are_read_at_the_same_time(started: list[str]):
    read()
    assert sorted(started) == sorted(READERS)


def test_control_parts_that_wait_for_each_other_do_not_meet(
    started: list[str], waiting: Waiting, monkeypatch: pytest.MonkeyPatch
):
    waiting.seconds = 0.05

    def one_by_one(make: Callable[[], Any]) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_result(make())
        return answer

    monkeypatch.setattr("ops.status.in_thread", one_by_one)
    with pytest.raises(BrokenBarrierError):
        read()
    assert len(started) == 1


def test_rejected_credentials_are_used_for_one_request(started: list[str], monkeypatch: pytest.MonkeyPatch):
    def reject(_outputs: Any) -> Any:
        raise ClientError({"Error": {"Code": "ExpiredTokenException"}}, "DescribeAlarms")

    monkeypatch.setattr("ops.status.read_alarms", reject)
    with pytest.raises(ClientError):
        read()
    assert started == []


@pytest.mark.parametrize(("is_locked", "made"), [(True, 1), (False, 2)], ids=["rule", "control"])
def test_threads_that_ask_for_the_same_client_get_one(is_locked: bool, made: int, monkeypatch: pytest.MonkeyPatch):
    outputs, meeting, clients = parse_outputs(json.dumps(OUTPUTS), "a test"), Barrier(2), []

    def make(_outputs: StackOutputs, _service: str) -> object:
        with suppress(BrokenBarrierError):
            meeting.wait(0.05 if is_locked else 60)
        clients.append(object())
        return clients[-1]

    monkeypatch.setattr(StackOutputs, "_make_client", make)
    if not is_locked:
        object.__setattr__(outputs, "_making", nullcontext())
    answers = [in_thread(lambda: outputs.client("sqs")) for _ in range(2)]
    assert len({answer.result() for answer in answers}) <= made
    assert len(clients) == made
