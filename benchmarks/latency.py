"""The latency of queries: alone, in 50 environments that take turns, and in 50 environments at once.

Lambda gives each concurrent request an environment of its own, with its own share of a processor. Here 50 environments
share the cores of one machine, so 50 requests at once wait for these. How long that takes is known from the CPU that
all processes use: what is left over is waiting of another kind.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks import workload
from benchmarks.functions import QUERY, ROOT
from benchmarks.runtime import Environment, cpu_seconds_of, start_environment

ENVIRONMENTS = 50
ALONE = 400
BURSTS = 12
# Few enough that a request rarely finds another one on a core.
PACED_PER_SECOND = 50
PACED = 500

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Burst:
    """One request for each environment at the same moment."""

    walls: list[float]
    seconds: float
    """Until the last answer."""
    cpu: float
    """Seconds of all processes: functions, table, and the one that measures."""

    @property
    def busy(self) -> float:
        """The share of the machine's cores that was used until the last answer."""
        return self.cpu / (self.seconds * (os.cpu_count() or 1))


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Wall-clock seconds of queries, from the moment at which the runtime could have the request."""

    alone: list[float]
    """One environment, one request after another."""
    cpu: list[float]
    """Not wall-clock: the CPU of each of these, with the runtime, which no other process makes longer."""
    paced: list[float]
    """All environments in turn, at a rate that the machine carries."""
    bursts: list[Burst]

    @property
    def at_once(self) -> list[float]:
        """Those of all bursts."""
        return [wall for burst in self.bursts for wall in burst.walls]

    @property
    def busy(self) -> float:
        """The median share of the cores that the bursts used."""
        return statistics.median(burst.busy for burst in self.bursts)


def quantile(walls: list[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    return sorted(walls)[min(len(walls) - 1, int(len(walls) * share))]


@dataclass(frozen=True)
class RemoteTable:
    """The table in a process of its own, so that nothing else delays its answers."""

    endpoint: str
    pid: int


@contextmanager
def remote_table() -> Iterator[RemoteTable]:
    """Start the table, which answers after its latency."""
    command = [sys.executable, "-m", "benchmarks.table_server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield RemoteTable(process.stdout.readline().strip(), process.pid)
        process.stdin.close()  # ends it


def measure_latency(paths: list[Path], *, progress: Progress = lambda message: None) -> Latency:
    """Measure queries in traces that are not sampled, as most are."""
    with remote_table() as table, ExitStack() as stack, ThreadPoolExecutor(ENVIRONMENTS) as callers:

        def begin(_: int) -> Environment:
            return stack.enter_context(start_environment(f"{QUERY}.handler", table, paths, sampled=False))

        progress(f"starting {ENVIRONMENTS} environments")
        with ThreadPoolExecutor(os.cpu_count()) as starters:
            environments = list(starters.map(begin, range(ENVIRONMENTS)))
        for environment in environments:
            _query(environment, 0)  # the first one opens what stays open
        progress("queries, one after another")
        alone, cpu = _alone(environments[0])
        progress("queries in turns")
        paced = _paced(environments, callers)
        bursts = []
        for number in range(BURSTS):
            progress(f"{ENVIRONMENTS} queries at once, {number + 1} of {BURSTS}")
            bursts.append(_burst(environments, callers, table))
    return Latency(alone=alone, cpu=cpu, paced=paced, bursts=bursts)


def _query(environment: Environment, number: int) -> float:
    answer = environment.invoke(workload.query(number))
    assert answer is not None
    assert answer.result["statusCode"] == 200, answer
    return answer.seconds


def _alone(environment: Environment) -> tuple[list[float], list[float]]:
    walls, cpu = [], [environment.cpu_seconds]
    for number in range(ALONE):
        walls.append(_query(environment, number))
        environment.wait_until_ready()
        cpu.append(environment.cpu_seconds)
    return walls, [after - before for before, after in pairwise(cpu)]


def _paced(environments: list[Environment], callers: ThreadPoolExecutor) -> list[float]:
    """Requests at fixed moments, whether or not the ones before are answered."""
    begun, pending = time.perf_counter(), []
    for number in range(PACED):
        time.sleep(max(0.0, begun + number / PACED_PER_SECOND - time.perf_counter()))
        pending.append(callers.submit(_query, environments[number % ENVIRONMENTS], number))
    return [request.result() for request in pending]


def _burst(environments: list[Environment], callers: ThreadPoolExecutor, table: RemoteTable) -> Burst:
    def used() -> float:
        return time.process_time() + cpu_seconds_of(table.pid) + sum(each.cpu_seconds for each in environments)

    for environment in environments:
        environment.wait_until_ready()
    cpu, begun = used(), time.perf_counter()
    walls = list(callers.map(_query, environments, range(ENVIRONMENTS)))
    seconds = time.perf_counter() - begun
    return Burst(walls=walls, seconds=seconds, cpu=used() - cpu)
