"""Requests to DynamoDB are counted exactly; CPU and memory are compared with a control in the same run.

The controls are the functions of `naive` and `one_by_one`, which miss every figure.
"""

import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.functions import NAIVE, ONE_BY_ONE, OURS, QUERY, ROOT, Function, installed, start, unpacked
from benchmarks.measure import LATENCY_SECONDS
from benchmarks.table_server import TableServer
from components.packaging.artifact import Target, build_artifact

Start = Callable[[str], Function]
ROUNDS = 5
# docs/benchmarks.md has the measured figures; these leave room for a busy machine.
CPU_TIMES_MIN = 2.0
MEMORY_SHARE_MAX = 0.70


@pytest.fixture(scope="module")
def server() -> Iterator[TableServer]:
    with TableServer() as server:
        yield server


@pytest.fixture(scope="module")
def started(server: TableServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Functions by module; a function is started once."""
    scratch = tmp_path_factory.mktemp("bench")
    ours, theirs = unpacked(build_artifact(ROOT, Target.host()), scratch), installed(scratch / "installed")
    functions: dict[str, Function] = {}
    with ExitStack() as stack:

        def start_once(module: str) -> Function:
            if module not in functions:
                paths = theirs if module in (NAIVE, ONE_BY_ONE) else ours
                functions[module] = stack.enter_context(start(module, server, paths))
            return functions[module]

        yield start_once


@pytest.fixture
def requests(server: TableServer, started: Start) -> Callable[..., dict[str, int]]:
    """Counts the requests of one run of a function."""

    def count(module: str, size: int, *, users: int | None = None, again: bool = False) -> dict[str, int]:
        function = started(module)
        if again:
            function.run(1, size, users=users)
        server.requests.clear()
        function.run(1, size, users=users, again=again)
        return dict(server.requests)

    return count


BATCHES = {
    "batch of 100": (100, None, False, {"UpdateItem": 83}),
    "batch of 10": (10, None, False, {"UpdateItem": 8}),
    "one hot user": (100, 1, False, {"UpdateItem": 1}),
    "nothing new": (100, None, True, {}),
}


@pytest.mark.parametrize("batch", BATCHES)
def test_batch_costs_one_read_and_one_write_per_changed_user(batch: str, requests: Callable[..., dict[str, int]]):
    size, users, again, writes = BATCHES[batch]
    assert requests(OURS, size, users=users, again=again) == {"BatchGetItem": 1} | writes
    for control in (NAIVE, ONE_BY_ONE):
        assert requests(control, 10, users=users, again=again) == {"GetItem": 10, "PutItem": 10}


def cpu_times(module: str, size: int, server: TableServer, started: Start) -> float:
    """How many times as many events as the naive control `module` handles in a second of CPU, turn by turn."""
    server.latency_seconds = LATENCY_SECONDS
    try:
        ratios = []
        for _ in range(ROUNDS):
            theirs = started(NAIVE).run(1, 20).cpu / 20
            ratios.append(theirs / (started(module).run(1, size).cpu / size))
    finally:
        server.latency_seconds = 0
    return statistics.median(ratios)


def test_event_costs_less_than_half_the_cpu_of_the_naive_control(server: TableServer, started: Start) -> None:
    started(OURS).run(1, 100)
    assert cpu_times(OURS, 100, server, started) >= CPU_TIMES_MIN


def test_control_one_message_at_a_time_costs_more_cpu(server: TableServer, started: Start) -> None:
    assert cpu_times(ONE_BY_ONE, 20, server, started) < CPU_TIMES_MIN


def test_start_takes_at_most_70_percent_of_the_memory_of_the_naive_control(started: Start) -> None:
    def share(module: str) -> float:
        return started(module).init["peak_memory"] / started(NAIVE).init["peak_memory"]

    assert share(OURS) <= MEMORY_SHARE_MAX
    assert share(QUERY) <= MEMORY_SHARE_MAX
    assert share(ONE_BY_ONE) > MEMORY_SHARE_MAX


def test_control_failing_function_is_not_measured(server: TableServer, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def handler(event, context): return {'batchItemFailures': [1]}\n")
    with start("broken", server, [tmp_path]) as function, pytest.raises(RuntimeError, match="not handled"):
        function.run(1, 10)
